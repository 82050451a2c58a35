"""Drafts: folders in which artifacts are built, each held by one process; what was done survives an interruption.

``<key>/`` is built under the lock of ``<key>.lock``, whose text names the holder. When the holder is declared lost
while its process still lives, stopped or cut off, its folder stays its own: the work goes on in ``<key>.1/``, which
starts as a copy, then ``<key>.2/`` and so on. The highest number is the one that counts.
"""

import fcntl
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from store.artifacts.artifact import Artifact
from store.artifacts.guard import Guard
from store.artifacts.leftovers import DRAFT, Leftover, folder_leftover, moved_name
from store.artifacts.manifest import MANIFEST, FileEntry, Manifest
from store.artifacts.sums import sha256_of, sync_file
from store.errors import Unavailable
from store.vocabulary import Kind

_PATIENCE_S = 0.5
_MOMENT_S = 0.1
_SEED = ".seed-"  # of a copy that is not whole yet


@dataclass(frozen=True)
class Draft:
    """An artifact being built. Its folder survives an interruption, so that the same request goes on from there."""

    path: Path
    kind: Kind
    spec: dict[str, Any]
    inputs: dict[str, str]
    contents: dict[str, str] = field(default_factory=dict)  # file name: digest of what it says, see FileEntry
    found: Artifact | None = None
    """The answer that another builder has published while we waited for the lock; then nothing is left to do."""

    def clear(self) -> None:
        """Drop what an earlier try left, for builders that cannot resume."""
        for entry in self.path.iterdir():
            _remove(entry)

    def drop(self) -> None:
        """Drop the whole folder, if it is still there."""
        if self.path.exists():
            shutil.rmtree(self.path)

    def describe(self, *, now: datetime, inputs: Mapping[str, str] | None = None) -> Manifest:
        """The manifest of what has been built, every file on the disk for sure. Hidden files are no part of it.

        ``inputs`` take the place of the request's where what it was made from is known by now in a better way.
        """
        paths = (p for p in self.path.rglob("*") if p.is_file() and not p.name.startswith(".") and p.name != MANIFEST)
        names = sorted(path.relative_to(self.path).as_posix() for path in paths)
        return Manifest(
            kind=self.kind,
            spec=self.spec,
            inputs=self.inputs if inputs is None else dict(inputs),
            files={name: _entry(self.path / name, self.contents.get(name)) for name in names},
            created_at=now,
        )


class Drafts:
    """The drafts below one folder."""

    def __init__(self, folder: Path, *, guard: Guard | None = None) -> None:
        self.folder, self._guard = folder, guard

    def path(self, key: str) -> Path:
        """The draft of a key that counts, whether there is one or not."""
        return self.folder / max(self._names(key), key=_number, default=key)

    @contextmanager
    def held(self, key: str, *, what: str) -> Iterator[Path]:
        """The draft's folder, ours while the context lasts. Raises ``Unavailable`` when it is held and we may not wait.

        A holder counts as lost when two looks in a row say so: its name may be that of an earlier one.
        """
        doubted: str | None = None
        while True:
            path = self.path(key)
            lock = _Lock.take(_lock_path(path))
            if lock is None:
                doubted = self._waited(path, _holder(_lock_path(path)), doubted=doubted, what=what)
            elif path == self.path(key):
                break
            else:  # its holder went away after the work had gone on elsewhere
                lock.release()
        try:
            lock.sign(self._guard.holder if self._guard else f"process {os.getpid()} on {socket.gethostname()}")
            path.mkdir(exist_ok=True)
            yield path
        finally:
            lock.release() if path.exists() else lock.remove()

    def drop(self, key: str) -> None:
        """Remove all drafts of an answered request but those that somebody else still holds."""
        for name in self._names(key):
            lock = _Lock.take(_lock_path(self.folder / name))
            if lock is not None:
                shutil.rmtree(self.folder / name, ignore_errors=True)
                lock.remove()

    def withdraw(self, draft: Leftover, *, trash: Path) -> None:
        """Move one draft to the trash, unless somebody holds it or has worked on it since it was listed."""
        path = self.folder / draft.name
        lock = _Lock.take(_lock_path(path))
        if lock is None:
            return
        if path.exists() and folder_leftover(DRAFT, draft.kind, path).changed_at <= draft.changed_at:
            trash.mkdir(exist_ok=True)
            path.rename(trash / moved_name(draft.name, now=datetime.now(UTC)))
        lock.release() if path.exists() else lock.remove()

    def held_since(self) -> list[datetime]:
        """When those took their locks who build here now."""
        moments = []
        for path in self.folder.glob("*.lock"):
            with suppress(FileNotFoundError):  # its holder has just gone
                if not _Lock.is_free(path):
                    moments.append(datetime.fromtimestamp(path.stat().st_mtime, tz=UTC))
        return moments

    def unheld(self) -> list[Path]:
        """Draft folders that nobody builds in."""
        paths = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        drafts = [path for path in paths if path.is_dir() and (_number(path.name) >= 0 or _SEED in path.name)]
        return [path for path in drafts if _Lock.is_free(_lock_path(path))]

    def _names(self, key: str) -> list[str]:
        """Names of the folders and locks of a key, so that a folder which was just dropped still counts."""
        names = {path.name.removesuffix(".lock") for path in self.folder.glob(f"{key}*")}
        return [name for name in names if _number(name) >= 0]

    def _waited(self, path: Path, holder: str, *, doubted: str | None, what: str) -> str | None:
        """Wait a moment, or step aside of a holder that is lost; gives the holder that is in doubt.

        Without a guard one moment is all: a collector that looks holds a lock no longer.
        """
        if self._guard is None:
            if doubted is None:
                time.sleep(_MOMENT_S)
                return holder
            raise Unavailable(f"Another process is building {what} ({holder}). Wait until it is done, or end it.")
        lost = self._guard.is_lost(holder)
        if lost and doubted == holder:
            _seed(path)
            return None
        self._guard.waiting(what)
        time.sleep(_PATIENCE_S)
        return holder if lost else None


class _Lock:
    """A lock file that we hold; it names its holder."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path, self._handle = path, handle

    @classmethod
    def take(cls, path: Path) -> "_Lock | None":
        """The lock, or None while somebody else has it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if not _is_at(handle, path):  # removed by its last holder between our opening and locking
            os.close(handle)
            return cls.take(path)
        return cls(path, handle)

    @classmethod
    def is_free(cls, path: Path) -> bool:
        """Whether nobody has the lock; one that was never taken is not made for it."""
        if not path.exists():
            return True
        lock = cls.take(path)
        if lock is not None:
            lock.release()
        return lock is not None

    def sign(self, holder: str) -> None:
        """Write who holds the lock."""
        os.truncate(self._handle, 0)
        os.pwrite(self._handle, holder.encode(), 0)

    def release(self) -> None:
        """Let others take it."""
        os.close(self._handle)

    def remove(self) -> None:
        """Let others take it, and leave no file behind."""
        self._path.unlink(missing_ok=True)
        self.release()


def _entry(path: Path, content_sha256: str | None) -> FileEntry:
    sync_file(path)
    return FileEntry(sha256=sha256_of(path), n_bytes=path.stat().st_size, content_sha256=content_sha256)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _lock_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _holder(lock: Path) -> str:
    try:
        return lock.read_text(errors="replace") or "unknown"
    except FileNotFoundError:
        return "unknown"


def _number(name: str) -> int:
    """Which draft of its key a folder is; -1 for a name that is none."""
    _, dot, number = name.partition(".")
    return (int(number) if number.isdecimal() else -1) if dot else 0


def _seed(path: Path) -> None:
    """Make the next draft of a key as a copy of this one, in one atomic step; another rescuer may be first."""
    following = path.with_name(f"{path.name.partition('.')[0]}.{_number(path.name) + 1}")
    if following.exists():
        return
    fresh = path.with_name(f"{following.name}{_SEED}{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    _copy(path, fresh)
    with suppress(OSError):
        fresh.rename(following)
    shutil.rmtree(fresh, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """Copy a folder whose owner may wake up and remove files meanwhile."""
    target.mkdir(parents=True)
    for entry in source.iterdir() if source.is_dir() else ():
        if entry.is_dir():
            _copy(entry, target / entry.name)
        else:
            with suppress(FileNotFoundError):
                shutil.copy2(entry, target / entry.name)


def _remove(entry: Path) -> None:
    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
