"""The files of one artifact in an object store, read through the cache of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from store.artifacts.cache import Cache, Hold
from store.artifacts.manifest import MANIFEST, FileEntry, Manifest, parse_manifest
from store.artifacts.objects import Objects
from store.artifacts.sums import check_file, check_sum, note_checked
from store.errors import ConceptoscopeError, Damaged, NotFound
from store.vocabulary import Kind

SUFFIX: Final = ".json"


def manifest_name(kind: Kind | str, digest: str) -> str:
    """The object that is an artifact's manifest."""
    return f"{kind}/{digest}{SUFFIX}"


def file_name(kind: Kind | str, digest: str, name: str, entry: FileEntry) -> str:
    """The object that is a file of an artifact: other bytes have another name."""
    return f"{kind}/{digest}/{entry.sha256[:16]}/{name}"


@dataclass
class RemoteFiles:
    """The files of one artifact; those that were asked for stay in the cache as long as this object."""

    objects: Objects
    cache: Cache
    kind: Kind
    digest: str
    holds: dict[str, Hold] = field(default_factory=dict)

    def fetch_manifest(self) -> bool:
        """Bring the manifest into the cache; false when there is none."""
        path = self._path(MANIFEST)
        if self.cache.hold(path) is not None:
            return True
        content = self.objects.read(manifest_name(self.kind, self.digest))
        if content is None:
            return False

        def write(file: BinaryIO) -> None:
            file.write(content)

        self.cache.add(path, n_bytes=len(content), write=write)
        return True

    def manifest(self) -> Manifest:
        """The manifest; raises ``NotFound``, ``Damaged`` or ``NewerFormat``."""
        path = self._path(MANIFEST)
        if not self.fetch_manifest():
            raise NotFound(self.kind, self.digest)
        try:
            return parse_manifest(path.read_bytes(), place=self._place(manifest_name(self.kind, self.digest)))
        except FileNotFoundError:  # it has left meanwhile
            return self.manifest()
        except ConceptoscopeError:
            self.cache.drop(path)
            raise

    def file(self, name: str, entry: FileEntry, *, label: str) -> Path:
        """A file in the cache, checked, which stays at least as long as this object."""
        if name not in self.holds or not self._path(name).exists():
            self.holds[name] = self._held(name, entry, label=label)
        check_file(self._path(name), entry, label=label)
        return self._path(name)

    @contextmanager
    def reading(self, name: str, entry: FileEntry, *, label: str) -> Iterator[Path]:
        """A file in the cache, checked, which stays while the context lasts."""
        hold = self._held(name, entry, label=label)
        try:
            yield self._path(name)
        finally:
            hold.release()

    def check(self, name: str, entry: FileEntry, *, label: str) -> None:
        """Read the object itself, whatever the cache has."""
        self._download(name, entry, None, label=label)

    def _held(self, name: str, entry: FileEntry, *, label: str) -> Hold:
        path = self._path(name)
        hold = self.cache.hold(path)
        if hold is not None:
            try:
                check_file(path, entry, label=label)
                return hold
            except Damaged:  # the copy is; the object may be good
                hold.release()
                self.cache.drop(path)

        def write(file: BinaryIO) -> None:
            self._download(name, entry, file, label=label)

        hold = self.cache.add(path, n_bytes=entry.n_bytes, write=write)
        note_checked(path, entry)
        return hold

    def _download(self, name: str, entry: FileEntry, file: BinaryIO | None, *, label: str) -> None:
        source = file_name(self.kind, self.digest, name, entry)
        sha256, n_bytes = self.objects.download(source, n_bytes=entry.n_bytes, file=file)
        if (
            n_bytes < entry.n_bytes
        ):  # our copy of the manifest may be that of an earlier build: the next reader asks for it again
            self.cache.drop(self._path(MANIFEST))
        check_sum(entry, sha256=sha256, n_bytes=n_bytes, what=f"{label}: {self._place(source)}")

    def _path(self, name: str) -> Path:
        return self.cache.folder(self.kind, self.digest) / name

    def _place(self, name: str) -> str:
        return f"{self.objects.url}/{name}"
