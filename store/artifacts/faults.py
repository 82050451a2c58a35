"""What can be wrong with a folder of the store, in words: full, gone, not writable, failing."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.errors import ConceptoscopeError, Damaged, InvalidInput, NotFound, Unavailable

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_FAILING = (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN)


@contextmanager
def told_in_words(root: Path) -> Iterator[None]:
    """Turn what the disk of a store does wrong into ``Unavailable``; other errors pass."""
    try:
        yield
    except Exception as fault:
        told = _told(fault, root)
        if told is None:
            raise
        raise told from fault


def _told(fault: Exception, root: Path) -> Unavailable | None:
    if isinstance(fault, ConceptoscopeError) and not isinstance(fault, NotFound | Damaged):
        return None
    if disk_is_full(fault):
        return full_disk(root)
    if not _exists(root):
        return Unavailable(
            f"There is no store at '{root}': it was never made, has been removed, or its disk is not mounted. "
            "Bring it back, or choose another --store."
        )
    return _refused(fault, root) if isinstance(fault, OSError) and _concerns(fault, root) else None


def _refused(fault: OSError, root: Path) -> Unavailable | None:
    if fault.errno in _REFUSED:
        return Unavailable(
            f"The store '{root}' cannot be used: {fault.strerror} ({fault.filename}). "
            "Change its owner or mount it writable, or choose another --store."
        )
    if fault.errno in _FAILING:
        return Unavailable(f"The disk of the store '{root}' fails: {fault.strerror}. Look at the disk or its mount.")
    return None


def _exists(root: Path) -> bool:
    try:
        return root.exists()
    except OSError:  # what is there can't be looked at
        return True


def _concerns(fault: OSError, root: Path) -> bool:
    if fault.filename is None:
        return fault.errno in _FAILING
    return Path(os.fsdecode(fault.filename)).absolute().is_relative_to(root.absolute())


def disk_is_full(fault: BaseException) -> bool:
    """Whether an error, whichever library raised it, comes from a disk without space."""
    if isinstance(fault, OSError) and fault.errno in _FULL:
        return True
    return any(words in str(fault) for words in ("No space left on device", "database or disk is full"))


def full_disk(root: Path) -> Unavailable:
    """The error that tells a person of a full disk."""
    there = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    return Unavailable(
        f"No space left on the disk of {root} ({free / 2**20:.0f} MiB free). "
        "Free some space or choose another --store; the next run continues where this one stopped."
    )


def check_writable(root: Path) -> None:
    """Raise ``InvalidInput`` when the store's folder cannot be made or written."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except (OSError, NotADirectoryError) as fault:
        raise InvalidInput(f"The store '{root}' cannot be made: {fault.strerror}. Choose another --store.") from fault
    check_still_writable(root)


def check_still_writable(root: Path) -> None:
    """Raise a domain error unless the store's folder is there and can be written; nothing is made."""
    with told_in_words(root), os.scandir(root):
        pass
    if not os.access(root, os.W_OK | os.X_OK):
        raise InvalidInput(f"The store '{root}' is not writable. Choose another --store or change its owner.")
