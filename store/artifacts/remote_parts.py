"""Shared drafts in an object store."""

import os
from pathlib import Path

from store.artifacts.objects import Objects
from store.artifacts.sums import sha256_of
from store.errors import Damaged, NotFound


class RemoteParts:
    """Parts below one name: ``<sha256>/<name>``."""

    def __init__(self, objects: Objects, folder: str) -> None:
        self._objects, self._folder = objects, folder

    def put(self, name: str, path: Path) -> None:
        """Upload the file, unless it is there."""
        target = f"{self._folder}/{sha256_of(path)}/{name}"
        if self._objects.size(target) != path.stat().st_size:
            self._objects.upload(path, target)

    def names(self) -> set[str]:
        """Names of all finished parts."""
        return {name for name, _, _ in self._parts()}

    def fetch(self, name: str, path: Path) -> None:
        """Download a part to its place."""
        for known, expected, n_bytes in self._parts():
            if known == name:
                self._fetch(name, path, expected=expected, n_bytes=n_bytes)
                return
        raise NotFound("shared part", name, known=self.names())

    def clear(self) -> None:
        """Remove all parts."""
        self._objects.remove_below(self._folder)

    def _fetch(self, name: str, path: Path, *, expected: str, n_bytes: int) -> None:
        source = f"{self._folder}/{expected}/{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        with fresh.open("wb") as file:
            found, _ = self._objects.download(source, n_bytes=n_bytes, file=file)
        if found != expected:
            fresh.unlink()
            self._objects.remove([source])
            raise Damaged(f"The shared part {name} of {self._objects.url} is damaged; it has to be made again.")
        fresh.replace(path)

    def _parts(self) -> list[tuple[str, str, int]]:
        """Name, SHA-256 and size of each part."""
        found = []
        for one in self._objects.below(self._folder):
            sha, _, name = one.name.removeprefix(f"{self._folder}/").partition("/")
            found.append((name, sha, one.n_bytes))
        return found
