"""Reads a bundle from a file or folder that may be anything: nothing outside its list is opened, nothing is trusted."""

import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from store.artifacts import FileEntry
from store.bundles.facts import FACTS, FACTS_MAX, BundleFacts, parse_facts
from store.errors import Damaged, InvalidInput, NotFound

Member = tuple[str, IO[bytes]]
_BLOCK: Final = 2**20


@dataclass(frozen=True)
class Bundle:
    """An open bundle."""

    facts: BundleFacts
    place: str
    _members: Iterator[Member]

    def contents(self) -> Iterator[tuple[str, FileEntry, Iterator[bytes]]]:
        """Each file once, block by block, checked when its last block has been taken; raises ``Damaged``."""
        missing = self.facts.files()
        for name, file in self._members:
            entry = missing.pop(name, None)
            if entry is None:
                raise Damaged(f"{self.place} holds '{name}', which is not in its list or stands there twice.")
            yield name, entry, self._checked(name, entry, file)
        if missing:
            raise Damaged(f"{self.place} is cut short: '{next(iter(missing))}' is missing.")

    def _checked(self, name: str, entry: FileEntry, file: IO[bytes]) -> Iterator[bytes]:
        digest, n_left = hashlib.sha256(), entry.n_bytes
        while n_left:
            block = file.read(min(_BLOCK, n_left))
            if not block:
                raise Damaged(f"{self.place} is cut short: '{name}' lacks {n_left:,} of {entry.n_bytes:,} bytes.")
            n_left -= len(block)
            digest.update(block)
            yield block
        if file.read(1) or digest.hexdigest() != entry.sha256:
            raise Damaged(f"{self.place} is damaged: '{name}' is not what its list says. Get the bundle again.")


@contextmanager
def open_bundle(source: Path) -> Iterator[Bundle]:
    """A bundle; raises ``NotFound``, ``InvalidInput`` for what is none, ``Damaged`` or ``NewerFormat``."""
    place = str(source)
    if not source.exists():
        raise NotFound("bundle", place, remedy="Give the file or folder that `conceptoscope export` wrote.")
    if source.is_dir():
        yield _opened(_folder_members(source), place)
        return
    try:
        with tarfile.open(source, "r:") as archive:
            yield _opened(_tar_members(archive, place), place)
    except (tarfile.TarError, EOFError) as fault:
        raise Damaged(f"{place} cannot be read as a bundle, or is cut short ({fault}).") from fault


def _opened(members: Iterator[Member], place: str) -> Bundle:
    name, file = next(members, ("", None))
    if name != FACTS or file is None:
        raise InvalidInput(f"{place} is no bundle of Conceptoscope: it does not begin with {FACTS}.")
    content = file.read(FACTS_MAX + 1)
    if len(content) > FACTS_MAX:
        raise InvalidInput(f"{place} is no bundle of Conceptoscope: its {FACTS} is larger than {FACTS_MAX:,} bytes.")
    return Bundle(parse_facts(content, place=place), place, members)


def _tar_members(archive: tarfile.TarFile, place: str) -> Iterator[Member]:
    for member in archive:
        file = archive.extractfile(member) if member.isreg() else None
        if file is None:
            raise Damaged(f"{place} holds '{member.name}', which is no plain file.")
        yield member.name, file


def _folder_members(folder: Path) -> Iterator[Member]:
    """The list first; folders and their names say nothing, links are not followed."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())
    for name in sorted(names, key=lambda name: name != FACTS):
        path = folder / name
        if path.is_symlink() or not path.is_file():
            raise Damaged(f"{folder} holds '{name}', which is no plain file.")
        with path.open("rb") as file:
            yield name, file
