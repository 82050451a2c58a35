"""The files of analyses: a folder of its own for each, which nobody but the program may enter."""

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from store.analyses.result import LATER, NAMES, Codes
from store.artifacts.faults import told_in_words
from store.errors import Damaged

FOLDER: Final = "analyses"
ID: Final = re.compile(r"[0-9a-f]{40}")
"""160 bits by chance: who does not know it does not guess it."""
_PHOTO, _ARRAYS = "photo.webp", "arrays.safetensors"


def new_id() -> str:
    """A public id that nobody can guess."""
    return secrets.token_hex(20)


class AnalysisFiles:
    """Photos and arrays below one folder; names are public ids and nothing else."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def save(self, public_id: str, *, photo: bytes, codes: Sequence[Sequence[Codes]]) -> int:
        """Write both, of each dictionary the codes of its streams; gives the bytes they take.

        Raises ``Unavailable`` when the disk is full or read-only.
        """
        folder = self._of(public_id)
        numbered = ((i, stream, one) for i, some in enumerate(codes) for stream, one in enumerate(some))
        arrays = {_key(i, stream, name): getattr(one, name) for i, stream, one in numbered for name in NAMES}
        written = {_PHOTO: photo, _ARRAYS: save({name: np.ascontiguousarray(one) for name, one in arrays.items()})}
        with told_in_words(self._root):
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.mkdir(mode=0o700)
            try:
                for name, content in written.items():
                    _write(folder / name, content)
            except BaseException:
                self.remove(public_id)
                raise
        return sum(len(content) for content in written.values())

    def photo(self, public_id: str) -> bytes:
        """The photo, WebP. Raises ``Damaged`` when it is gone."""
        try:
            return (self._of(public_id) / _PHOTO).read_bytes()
        except FileNotFoundError as fault:
            raise _gone() from fault

    def codes(self, public_id: str, place: int, *, stream: int = 0) -> Codes:
        """The codes of a stream of the dictionary at that place. Raises ``Damaged`` when they are gone or broken."""
        try:
            arrays = load_file(self._of(public_id) / _ARRAYS)
            for name, dtype in LATER.items():
                arrays.setdefault(_key(place, stream, name), np.zeros((0, 0), dtype=dtype))
            return Codes(**{name: arrays[_key(place, stream, name)] for name in NAMES})
        except (FileNotFoundError, SafetensorError, KeyError) as fault:
            raise _gone() from fault

    def remove(self, public_id: str) -> None:
        """Remove all of one, if it is there: its name first, so that no half of it is ever found."""
        folder = self._of(public_id)
        going = self._root / f".going-{public_id}"
        with suppress(FileNotFoundError):
            folder.rename(going)
        shutil.rmtree(going, ignore_errors=True)

    def ids(self) -> Iterator[tuple[str, float]]:
        """All that lie there, whoever knows of them, with the moment of their last change (seconds since 1970)."""
        with suppress(FileNotFoundError):
            for entry in os.scandir(self._root):
                name = entry.name.removeprefix(".going-")
                if ID.fullmatch(name):
                    with suppress(FileNotFoundError):
                        yield name, entry.stat().st_mtime

    def _of(self, public_id: str) -> Path:
        assert ID.fullmatch(public_id), "ids are checked where they come in"
        return self._root / public_id


def _key(place: int, stream: int, name: str) -> str:
    return f"{place}.{stream}.{name}" if stream else f"{place}.{name}"


def _write(path: Path, content: bytes) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)


def _gone() -> Damaged:
    return Damaged("The files of this analysis are gone or broken. Give the photo again.")
