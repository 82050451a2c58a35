"""Checksums of files, and writes that survive a power cut."""

import hashlib
import os
from pathlib import Path

from store.artifacts.manifest import REBUILD, FileEntry
from store.errors import Damaged

_BLOCK = 2**20
_verified: dict[tuple[str, int, int], str] = {}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal, read block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def check_file(path: Path, entry: FileEntry, *, label: str) -> None:
    """Raise ``Damaged`` for a file that is not what its entry says; read only once in this process while it stays."""
    try:
        stamp = _stamp(path)
    except FileNotFoundError as fault:
        raise Damaged(f"{label}: {path.name} is missing. {REBUILD}") from fault
    if _verified.get(stamp) == entry.sha256:
        return
    check_sum(entry, sha256=sha256_of(path), n_bytes=stamp[1], what=f"{label}: {path.name}")
    _verified[stamp] = entry.sha256


def check_sum(entry: FileEntry, *, sha256: str, n_bytes: int, what: str) -> None:
    """Raise ``Damaged`` unless the content that was found is the one that is expected."""
    if (sha256, n_bytes) != (entry.sha256, entry.n_bytes):
        raise Damaged(
            f"{what} is damaged (sha256 {entry.sha256[:12]} expected, {sha256[:12]} found; "
            f"{entry.n_bytes} bytes expected, {n_bytes} found). {REBUILD}"
        )


def note_checked(path: Path, entry: FileEntry) -> None:
    """Remember that a file has been checked while it was written."""
    _verified[_stamp(path)] = entry.sha256


def _stamp(path: Path) -> tuple[str, int, int]:
    stat = path.stat()
    return str(path), stat.st_size, stat.st_mtime_ns


def sync_file(path: Path) -> None:
    """Let a file's content reach the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Let a folder's entries reach the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_synced(path: Path, content: bytes) -> None:
    """Write a small file that stays."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
