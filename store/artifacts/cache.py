"""A bounded cache of artifacts' files on this machine, shared by several processes.

``<kind>/<digest>/<name>``. Whoever uses a file holds a shared lock on it; what is to leave is locked exclusively
first, so a file in use never leaves, in whichever process it is used. When room is needed, whole artifacts leave in
the order of their last use, and only when that is not enough single unused files of artifacts in use. The time of a
file's last use is its access time, which we set ourselves.
"""

import fcntl
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

from store.errors import Unavailable
from store.vocabulary import Kind

_PART = ".part-"
_PATIENCE_S = 0.5
_LOOK_EVERY_S = 0.01
_numbers = count()


class CacheFull(Unavailable):
    """The cache has no room left: all that it holds is in use."""


class Hold:
    """A file in use: it stays in the cache until this is released, or no longer referred to."""

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle

    def release(self) -> None:
        """Let the file leave when room is needed."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def __del__(self) -> None:
        self.release()


@dataclass(frozen=True)
class _Cached:
    """A file of the cache as it was found."""

    path: Path
    n_bytes: int
    used_ns: int


@dataclass(frozen=True)
class CacheUse:
    """What a cache holds, and how often this process found a file in it or had to fetch it."""

    n_bytes: int
    n_bytes_max: int
    n_hits: int
    n_misses: int


class Cache:
    """Files by kind, digest and name, at most so many bytes of them."""

    def __init__(self, root: Path, *, n_bytes: int) -> None:
        self.root, self.n_bytes = root, n_bytes
        self._counting, self._n_hits, self._n_misses = threading.Lock(), 0, 0

    def folder(self, kind: Kind, digest: str) -> Path:
        """Where the files of an artifact are, those that are here."""
        return self.root / kind / digest

    def hold(self, path: Path) -> Hold | None:
        """Use a file that is here; None when it is not."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._count(found=False)
            return None
        fcntl.flock(handle, fcntl.LOCK_SH)
        if not _is_at(handle, path):  # it left while we waited for the lock
            os.close(handle)
            return self.hold(path)
        with suppress(PermissionError):  # of another user, whose disk then keeps the time
            os.utime(handle, ns=(time.time_ns(), os.fstat(handle).st_mtime_ns))
        self._count(found=True)
        return Hold(handle)

    def add(self, path: Path, *, n_bytes: int, write: Callable[[BinaryIO], None]) -> Hold:
        """Make a file and use it. It appears when ``write`` has written it whole; raises ``CacheFull``."""
        part, handle = self._reserved(path, n_bytes=n_bytes)
        try:
            with os.fdopen(os.dup(handle), "wb") as file:
                write(file)
            with self._alone():  # who counts files in this moment would see neither of its names
                with suppress(FileExistsError):  # another process was faster: that file is as good as ours
                    os.link(part, path)
                part.unlink()
        except BaseException:
            os.close(handle)
            raise
        finally:
            part.unlink(missing_ok=True)
        if _is_at(handle, path):
            return Hold(handle)
        os.close(handle)
        return self.hold(path) or self.add(path, n_bytes=n_bytes, write=write)

    def adopt(self, folder: Path, kind: Kind, digest: str) -> None:
        """Take over the files of a folder that was just published, if there is room and the disk is the same."""
        paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
        with self._alone(), suppress(CacheFull, OSError):
            self._make_room(sum(path.stat().st_size for path in paths))
            for path in paths:
                target = self.folder(kind, digest) / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)

    def drop(self, path: Path) -> None:
        """Remove a file or all files of a folder, also those in use: who has opened one can read on."""
        for file in path.rglob("*") if path.is_dir() else (path,):
            if not file.is_dir():
                file.unlink(missing_ok=True)

    def size(self) -> int:
        """How many bytes are taken."""
        with self._alone():
            return sum(file.n_bytes for file in self._files())

    def use(self) -> CacheUse:
        """What is in it and how often it helped; a look that makes nothing and keeps nobody waiting."""
        n_bytes = sum(file.n_bytes for file in self._files())
        return CacheUse(n_bytes, self.n_bytes, n_hits=self._n_hits, n_misses=self._n_misses)

    def _count(self, *, found: bool) -> None:
        with self._counting:
            self._n_hits, self._n_misses = self._n_hits + found, self._n_misses + (not found)

    def _reserved(self, path: Path, *, n_bytes: int) -> tuple[Path, int]:
        """A locked file of the size that it will have, so that all processes count it from the start.

        Files are looked at one by one, and each may be in use just then: only what stays so for a while is full.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return self._reserved_now(path, n_bytes=n_bytes)
            except CacheFull:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_EVERY_S)

    def _reserved_now(self, path: Path, *, n_bytes: int) -> tuple[Path, int]:
        with self._alone():
            self._make_room(n_bytes)
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}{_PART}{os.getpid()}-{next(_numbers)}")
            handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            fcntl.flock(handle, fcntl.LOCK_SH)
            os.truncate(handle, n_bytes)
        return part, handle

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process makes room or takes it."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _files(self) -> list[_Cached]:
        """All files; one that is being given its name has two of them and counts once."""
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                with suppress(FileNotFoundError):
                    stat = os.stat(os.path.join(folder, name))  # noqa: PTH116, PTH118 many files, each time
                    found[stat.st_ino] = _Cached(Path(folder, name), stat.st_size, stat.st_atime_ns)
        return list(found.values())

    def _make_room(self, n_bytes: int) -> None:
        """Let files leave until so many more bytes fit; raises ``CacheFull``."""
        files = self._files()
        free = self.n_bytes - sum(file.n_bytes for file in files)
        if free >= n_bytes:
            return
        for group in self._unused(files):  # whole ones
            if free < n_bytes:
                free += sum(file.n_bytes for file in group if _leaves(file.path))
        for file in sorted(files, key=lambda file: file.used_ns):
            if free < n_bytes and _leaves(file.path):
                free += file.n_bytes
        if free < n_bytes:
            raise CacheFull(
                f"The cache '{self.root}' holds {_gib(self.n_bytes)} at most, all that is in it is in use, and "
                f"{_gib(n_bytes)} more are needed: raise CONCEPTOSCOPE_CACHE_BYTES."
            )

    def _unused(self, files: list[_Cached]) -> Iterator[list[_Cached]]:
        """The files of each artifact that nobody uses, the one that was used longest ago first."""
        artifacts: dict[tuple[str, ...], list[_Cached]] = defaultdict(list)
        for file in files:
            artifacts[file.path.relative_to(self.root).parts[:2]].append(file)
        for group in sorted(artifacts.values(), key=lambda group: max(file.used_ns for file in group)):
            if all(_is_free(file.path) for file in group):
                yield group


def _locked(path: Path) -> int | None:
    """A handle of a file that nobody uses; None for one in use, or gone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _is_free(path: Path) -> bool:
    handle = _locked(path)
    if handle is not None:
        os.close(handle)
    return handle is not None


def _leaves(path: Path) -> bool:
    """Remove a file that nobody uses, and the folders that are empty then."""
    if path.name == ".lock" or (handle := _locked(path)) is None:
        return False
    path.unlink(missing_ok=True)
    os.close(handle)
    with suppress(OSError):
        for parent in path.parents[:2]:
            parent.rmdir()
    return True


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.2f} GiB"
