"""The photo files below a folder, and a digest that tells without reading them whether they may have changed."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from store.errors import InvalidInput
from store.specs import digest_of
from worker.images.decode import looks_like_picture

# Files with these endings are looked at and, when they cannot be used, reported; any other file is a photo only if
# its content says so, and is otherwise none of our business (notes, label files, videos).
_READ = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff")
_KNOWN = (".avif", ".heic", ".heif", ".jp2", ".jxl", ".ico", ".tga", ".ppm", ".pgm", ".pnm", ".psd", ".raw", ".dng")
_ENDINGS = frozenset((*_READ, *_KNOWN))
_SKIPPED_FOLDERS = frozenset({"__MACOSX"})


@dataclass(frozen=True)
class Listing:
    """Photo files as (relative path, size, mtime_ns) and entries that cannot be used with the reason; both sorted."""

    files: tuple[tuple[str, int, int], ...]
    unusable: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """SHA-256 of all entries: equal for a folder in which nothing was added, removed, renamed or written since."""
        return digest_of({"files": self.files, "unusable": self.unusable})


def list_photos(
    folder: Path, *, besides: Path | None = None, on_found: Callable[[int], None] = lambda _: None
) -> Listing:
    """Photo files below a folder, hidden ones and those below ``besides`` left out; raises ``InvalidInput``."""
    if not folder.exists():
        raise InvalidInput(f"The folder '{folder}' does not exist. Give a folder that holds photos.")
    if not folder.is_dir():
        raise InvalidInput(f"'{folder}' is not a folder. Give the folder that holds the photos.")
    files: list[tuple[str, int, int]] = []
    unusable: list[tuple[str, str]] = []
    for path, fault in _walk(folder, besides=besides.resolve() if besides else None):
        on_found(len(files))
        name = path.relative_to(folder).as_posix()
        if not name.isprintable() or not _is_utf8(name):
            unusable.append((name.encode("unicode_escape").decode(), "The file's name is not plain text: rename it."))
        elif fault:
            unusable.append((name, f"It cannot be read: {fault}."))
        else:
            info = path.stat()
            files.append((name, info.st_size, info.st_mtime_ns))
    return Listing(tuple(sorted(files)), tuple(sorted(unusable)))


def _walk(folder: Path, *, besides: Path | None) -> Iterator[tuple[Path, str]]:
    """Each candidate with an empty text, or with why it cannot be read."""
    faults: list[OSError] = []
    seen = set()
    for root, folders, names in os.walk(folder, onerror=faults.append, followlinks=True):
        here = Path(root).resolve()
        if here in seen or here == besides:  # links may lead in circles
            folders.clear()
            continue
        seen.add(here)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED_FOLDERS)
        for name in sorted(names):
            if not name.startswith("."):
                yield from _candidate(Path(root) / name)
    for fault in faults:
        yield Path(fault.filename), fault.strerror or "unknown reason"


def _candidate(path: Path) -> Iterator[tuple[Path, str]]:
    named_so = path.suffix.lower() in _ENDINGS
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return
        is_photo = named_so or _looks_like_picture(path)
    except OSError as fault:
        if named_so:
            yield path, fault.strerror or "unknown reason"
        return
    if is_photo:
        yield path, ""


def _looks_like_picture(path: Path) -> bool:
    with path.open("rb") as file:
        return looks_like_picture(file.read(16))


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
