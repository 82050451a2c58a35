"""Answers on disk, asked for again by their ETag: shared by several processes, bounded, each token's apart."""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conceptoscope.asking import Reply

_SUFFIX: Final = ".answer"
_LASTING: Final = "immutable"
_HEADERS: Final = ("etag", "content-type", "cache-control")
_ROOM: Final = 0.8
"""Share of the bound that is left full when something must go."""
_LOOK_SHARE: Final = 0.1
"""After so much of the bound was written the folder is looked at: by so much each process may exceed it."""
_PART: Final = ".part"
_PART_S: Final = 3600.0
"""Older ones were left by a process that was killed."""


@dataclass(frozen=True)
class Kept:
    """An answer of an earlier time."""

    headers: dict[str, str]
    content: bytes

    @property
    def etag(self) -> str:
        """By which the server knows it; may be empty of what lasts."""
        return self.headers.get("etag", "")

    @property
    def is_lasting(self) -> bool:
        """Whether it will never change, so that nobody need be asked."""
        return _LASTING in _directives(self.headers.get("cache-control", ""))


class DiskCache:
    """A folder with one file for each answer: a line of JSON, then the content.

    Files are written whole and then put in place: a reader sees an old or a new one, never a part. A damaged one counts
    as absent. When all together have more than ``limit_bytes``, those that were not used for longest go.
    """

    def __init__(self, folder: str | os.PathLike[str], *, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = Path(folder), limit_bytes
        self.folder.mkdir(parents=True, exist_ok=True)
        self._until_look = 0

    def find(self, key: str) -> Kept | None:
        """What was kept under a key, or None."""
        path = self._path(key)
        try:
            line, _, content = path.read_bytes().partition(b"\n")
            told = json.loads(line)
            if told["key"] != _digest(key.encode()) or told["sha256"] != _digest(content):
                return None
            kept = Kept({str(name): str(value) for name, value in told["headers"].items()}, content)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return kept

    def save(self, key: str, reply: Reply, *, is_own: bool = False) -> None:
        """Keep an answer if it may be kept; ``is_own`` says that the key is one token's alone.

        A disk that takes no more is no fault of the answer: nothing happens.
        """
        if not may_keep(reply, is_own=is_own) or len(reply.content) > self.limit_bytes:
            return
        headers = {name: reply.headers[name] for name in _HEADERS if name in reply.headers}
        told = {"key": _digest(key.encode()), "sha256": _digest(reply.content), "headers": headers}
        with contextlib.suppress(OSError):
            self._put(self._path(key), json.dumps(told).encode() + b"\n" + reply.content)

    def clear(self) -> None:
        """Forget everything."""
        for path in list(self.folder.glob(f"*{_SUFFIX}")):
            path.unlink(missing_ok=True)

    def _put(self, path: Path, content: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=_PART)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        self._until_look -= len(content)
        if self._until_look < 0:
            self._make_room()

    def _make_room(self) -> None:
        """Remove what was not used for longest. Files that another process removes meanwhile are no matter."""
        found = sorted(self._files(_SUFFIX), reverse=True)
        total = sum(size for _, size, _ in found)
        bound, kept = self.limit_bytes * _ROOM if total > self.limit_bytes else self.limit_bytes, 0
        for _, size, path in found:
            kept += size
            if kept > bound:
                _remove(path)
        for at, _, path in self._files(_PART):
            if at < time.time() - _PART_S:
                _remove(path)
        self._until_look = int(min(self.limit_bytes - min(total, bound), self.limit_bytes * _LOOK_SHARE))

    def _files(self, suffix: str) -> Iterator[tuple[float, int, Path]]:
        for path in self.folder.glob(f"*{suffix}"):
            with contextlib.suppress(OSError):
                state = path.stat()
                yield state.st_mtime, state.st_size, path

    def _path(self, key: str) -> Path:
        return self.folder / f"{_digest(key.encode())}{_SUFFIX}"


def may_keep(reply: Reply, *, is_own: bool) -> bool:
    """Whether it can be asked for again, or never changes: ``no-store`` never, ``private`` only for whom it is."""
    told = _directives(reply.headers.get("cache-control", ""))
    return (
        "no-store" not in told and (is_own or "private" not in told) and ("etag" in reply.headers or _LASTING in told)
    )


def _directives(header: str) -> frozenset[str]:
    return frozenset(part.strip().partition("=")[0].lower() for part in header.split(","))


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
