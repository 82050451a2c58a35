"""A published artifact: its manifest, and its files, which come to this machine when they are first used."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from store.artifacts.manifest import MANIFEST, REBUILD, FileEntry, Manifest, parse_manifest
from store.artifacts.sums import check_file
from store.errors import Damaged, NotFound
from store.vocabulary import Kind


class Files(Protocol):
    """How the files of one artifact are read, wherever they are kept. ``label`` names the artifact to a person."""

    def manifest(self) -> Manifest:
        """The manifest; raises ``NotFound``, ``Damaged`` or ``NewerFormat``."""

    def file(self, name: str, entry: FileEntry, *, label: str) -> Path:
        """A checked file on this machine, which stays at least as long as this object."""

    def reading(self, name: str, entry: FileEntry, *, label: str) -> AbstractContextManager[Path]:
        """A checked file on this machine, which stays while the context lasts."""

    def check(self, name: str, entry: FileEntry, *, label: str) -> None:
        """Read a file where it is kept; raises ``Damaged``."""


class FolderFiles:
    """Files that lie in one folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def manifest(self) -> Manifest:
        """The manifest; raises ``NotFound``, ``Damaged`` or ``NewerFormat``."""
        path = self._folder / MANIFEST
        try:
            return parse_manifest(path.read_bytes(), place=str(path))
        except FileNotFoundError as fault:
            raise NotFound("artifact", str(self._folder)) from fault

    def file(self, name: str, entry: FileEntry, *, label: str) -> Path:
        """The file, its checksum verified on first use in this process."""
        path = self._folder / name
        check_file(path, entry, label=label)
        return path

    @contextmanager
    def reading(self, name: str, entry: FileEntry, *, label: str) -> Iterator[Path]:
        """The same: nothing here leaves by itself."""
        yield self.file(name, entry, label=label)

    def check(self, name: str, entry: FileEntry, *, label: str) -> None:
        """The same: what is read is what is kept."""
        self.file(name, entry, label=label)


@dataclass(frozen=True)
class Artifact:
    """A published artifact. ``path`` is the folder of its files on this machine, where not all need to be yet."""

    path: Path
    files: Files | None = field(default=None, compare=False, repr=False)

    @property
    def digest(self) -> str:
        """The artifact's address."""
        return self.path.name

    @property
    def kind(self) -> Kind:
        """What sort of artifact it is."""
        return self.manifest.kind

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest; raises ``Damaged`` or ``NewerFormat``."""
        return self._files.manifest()

    def file(self, name: str) -> Path:
        """Path of one file, fetched and its checksum verified on first use in this process; raises ``Damaged``.

        It stays as long as this object: whoever keeps the path keeps the artifact.
        """
        return self._files.file(name, self._entry(name), label=self._label)

    def reading(self, name: str) -> AbstractContextManager[Path]:
        """The same for one of many large files: it may leave this machine after the context."""
        return self._files.reading(name, self._entry(name), label=self._label)

    def folder(self) -> Path:
        """The folder with all files, each fetched and verified, for readers of whole folders; raises ``Damaged``."""
        self._check_address()
        for name in self.manifest.files:
            self.file(name)
        return self.path

    def verify(self) -> None:
        """Check every file where it is kept; raises ``Damaged`` naming the first bad one."""
        self._check_address()
        for name, entry in self.manifest.files.items():
            self._files.check(name, entry, label=self._label)

    @cached_property
    def _files(self) -> Files:
        return self.files or FolderFiles(self.path)

    @property
    def _label(self) -> str:
        return f"{self.manifest.kind} {self.digest[:12]}"

    def _entry(self, name: str) -> FileEntry:
        entry = self.manifest.files.get(name)
        if entry is None:
            raise NotFound(f"file in {self._label}", name, known=self.manifest.files)
        return entry

    def _check_address(self) -> None:
        if self.manifest.digest != self.digest:
            raise Damaged(f"The manifest of {self.path} does not give its own address. {REBUILD}")
