"""Static files in brotli, made before anyone asks: ``python -m app.precoded [FOLDER]``, part of the set-up.

They lie in ``coded/{sha256 of the file}.br`` below the folder: a form is that of a content, so that none is ever stale.
What has no form is coded when it is first asked for; so is gzip, which takes milliseconds where brotli takes seconds.
"""

import gzip
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import brotli

from store.resources import resource

FOLDER: Final = "coded"
_TEXTS: Final = (".css", ".js", ".json", ".speculationrules", ".svg", ".txt", "")


def is_worth_it(path: Path) -> bool:
    """Whether a file is text."""
    return path.suffix in _TEXTS


def compressed(content: bytes, coding: str) -> bytes:
    """A file that is sent many times, as small as it gets."""
    return bytes(brotli.compress(content, quality=11)) if coding == "br" else gzip.compress(content, 9, mtime=0)


def sources(root: Path) -> Iterator[Path]:
    """All files below a folder that are served, by path."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.relative_to(root).parts[0] != FOLDER:
            yield path


def form_of(root: Path, sha256: str) -> Path:
    """Where the form of a content lies, if it does."""
    return root / FOLDER / f"{sha256}.br"


def make_forms(root: Path) -> int:
    """Make the forms that are missing, remove those of contents that are gone; how many were made."""
    (root / FOLDER).mkdir(exist_ok=True)
    kept, n_made = set(), 0
    for path in filter(is_worth_it, sources(root)):
        content = path.read_bytes()
        form = form_of(root, hashlib.sha256(content).hexdigest())
        kept.add(form)
        if not form.is_file():
            part = form.with_suffix(".part")
            part.write_bytes(compressed(content, "br"))
            part.replace(form)
            n_made += 1
    for form in (root / FOLDER).iterdir():
        if form not in kept:
            form.unlink()
    return n_made


if __name__ == "__main__":
    make_forms(Path(sys.argv[1]) if len(sys.argv) > 1 else resource("static"))
