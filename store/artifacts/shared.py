"""Shared drafts: files that several workers have finished for one artifact, on their way to the one that publishes."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

from store.artifacts.sums import sha256_of, sync_file
from store.errors import Damaged, NotFound


@runtime_checkable
class SharedDraft(Protocol):
    """Finished parts by name. A part is kept with its checksum and appears whole or not at all."""

    def put(self, name: str, path: Path) -> None:
        """Share a file under a name. It may stay where it is, but is not to be changed any more."""

    def names(self) -> set[str]:
        """Names of all finished parts."""

    def fetch(self, name: str, path: Path) -> None:
        """Bring a part to a place, checked, in one atomic step.

        Raises ``NotFound``, or ``Damaged`` for a part that is not what was put; that one is gone then.
        """

    def clear(self) -> None:
        """Remove all parts."""


class FolderParts:
    """Parts in a folder that all workers see: ``<sha256>/<name>``, linked rather than copied."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, path: Path) -> None:
        """Link the file into the folder."""
        sync_file(path)
        _link(path, self._folder / sha256_of(path) / name)

    def names(self) -> set[str]:
        """Names of all finished parts."""
        return {name for _, name in self._parts()}

    def fetch(self, name: str, path: Path) -> None:
        """Link a part to its place."""
        for sha256, known in self._parts():
            if known == name:
                part = self._folder / sha256 / name
                if sha256_of(part) != sha256:
                    part.unlink()
                    raise Damaged(f"The shared part {name} in {part.parent} is damaged; it has to be made again.")
                _link(part, path)
                return
        raise NotFound("shared part", name, known=self.names())

    def clear(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _parts(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self._folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                sha256, *parts = path.relative_to(self._folder).parts
                yield sha256, "/".join(parts)


def _link(source: Path, target: Path) -> None:
    """Let a file be at another place, too, in one atomic step; a copy where the disk knows no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        fresh.unlink()
    try:
        os.link(source, fresh)
    except OSError:
        shutil.copyfile(source, fresh)
    fresh.replace(target)
