"""Artifacts: write-once, checksummed, content-addressed directories, published in one atomic step.

Layout below the store: ``<kind>/<digest>/`` (files + ``manifest.json``), ``<kind>/.keys/<key>`` (which digest answers a
request), ``<kind>/.drafts/<key>/`` (being built, resumable, invisible to readers), ``<kind>/.damaged/`` (set aside).
The digest covers kind, spec, inputs and the checksums of all files; times and code version stand beside it.
"""

import errno
import fcntl
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from store.errors import Damaged, InvalidInput, NewerFormat, NotFound, Unavailable
from store.specs import Spec, digest_of
from store.version import VERSION
from store.vocabulary import Kind

log = logging.getLogger(__name__)

FORMAT = 1
MANIFEST = "manifest.json"
_BLOCK = 2**20
_verified: dict[tuple[str, int, int], str] = {}


class FileEntry(BaseModel):
    """Checksum and size of one file of an artifact.

    ``content_sha256`` stands for what the file says, where a format's bytes differ from one writing to the next.
    """

    model_config = ConfigDict(frozen=True)
    sha256: str
    n_bytes: int
    content_sha256: str | None = None


class Manifest(BaseModel):
    """What an artifact is, what it was made from, and what it holds."""

    model_config = ConfigDict(frozen=True)
    format: int = FORMAT
    kind: Kind
    spec: dict[str, Any]
    inputs: dict[str, str]
    files: dict[str, FileEntry]
    code_version: str = VERSION
    created_at: datetime

    @property
    def digest(self) -> str:
        """SHA-256 over kind, spec, inputs and the files' contents, in hexadecimal."""
        sums = {name: entry.content_sha256 or entry.sha256 for name, entry in self.files.items()}
        return digest_of({"kind": self.kind, "spec": self.spec, "inputs": self.inputs, "files": sums})


@dataclass(frozen=True)
class Artifact:
    """A published artifact."""

    path: Path

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
        return _read_manifest(self.path)

    def file(self, name: str) -> Path:
        """Path of one file, its checksum verified on first use in this process; raises ``Damaged``."""
        entry = self.manifest.files.get(name)
        if entry is None:
            raise NotFound(f"file in {self.manifest.kind} {self.digest[:12]}", name, known=self.manifest.files)
        path = self.path / name
        _verify(path, entry, label=f"{self.manifest.kind} {self.digest[:12]}")
        return path

    def verify(self) -> None:
        """Check every file; raises ``Damaged`` naming the first bad one."""
        if self.manifest.digest != self.digest:
            raise Damaged(f"The manifest of {self.path} does not give its own address. {_REBUILD}")
        for name in self.manifest.files:
            self.file(name)


@dataclass(frozen=True)
class Draft:
    """An artifact being built. Its folder survives an interruption, so that the same request goes on from there."""

    path: Path
    kind: Kind
    spec: dict[str, Any]
    inputs: dict[str, str]
    contents: dict[str, str] = field(default_factory=dict)  # file name: digest of what it says, see FileEntry

    def clear(self) -> None:
        """Drop what an earlier try left, for builders that cannot resume."""
        for entry in self.path.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


class Artifacts:
    """All artifacts below one folder. The only door to files of the store."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, kind: Kind, spec: Spec, *, inputs: Mapping[str, str]) -> Artifact | None:
        """The artifact that answers this request, if it has been built."""
        pointer = self._pointer(kind, key_of(kind, spec, inputs=inputs))
        if not pointer.exists():
            return None
        path = self.root / kind / pointer.read_text().strip()
        return Artifact(path) if (path / MANIFEST).exists() else None

    def get(self, kind: Kind, digest: str) -> Artifact:
        """The artifact at an address; raises ``NotFound``."""
        path = self.root / kind / digest
        if not (path / MANIFEST).exists():
            raise NotFound(kind, digest, known=(a.digest for a in self.list(kind)))
        return Artifact(path)

    def list(self, kind: Kind) -> list[Artifact]:
        """All published artifacts of a kind, by address."""
        folder = self.root / kind
        names = sorted(p.name for p in folder.iterdir()) if folder.exists() else []
        return [Artifact(folder / name) for name in names if not name.startswith(".")]

    def draft_path(self, kind: Kind, spec: Spec, *, inputs: Mapping[str, str]) -> Path:
        """Where the draft of a request is, whether there is one or not."""
        return self.root / kind / ".drafts" / key_of(kind, spec, inputs=inputs)

    @contextmanager
    def draft(self, kind: Kind, spec: Spec, *, inputs: Mapping[str, str]) -> Iterator[Draft]:
        """A folder to build in, held by a lock. A full disk becomes ``Unavailable``; the draft stays."""
        path = self.draft_path(kind, spec, inputs=inputs)
        with _full_disk_is_told(self.root):
            path.mkdir(parents=True, exist_ok=True)
            with _locked(path.with_suffix(".lock"), what=f"{kind} {path.name[:12]}"):
                yield Draft(path, kind, spec.as_json(), dict(inputs))

    def publish(self, draft: Draft) -> Artifact:
        """Checksum, describe and move a draft to its address in one atomic step, then answer its request with it.

        Hidden files, which a builder keeps to go on after an interruption, are dropped.
        """
        for entry in draft.path.glob(".*"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        manifest = Manifest(
            kind=draft.kind,
            spec=draft.spec,
            inputs=draft.inputs,
            files={name: _entry(draft.path / name, draft.contents.get(name)) for name in _files(draft.path)},
            created_at=datetime.now(UTC),
        )
        _write_synced(draft.path / MANIFEST, manifest.model_dump_json(indent=1))
        target = self.root / draft.kind / manifest.digest
        if target.exists():
            shutil.rmtree(draft.path)
        else:
            draft.path.rename(target)
            _sync_folder(target.parent)
        key = key_of(draft.kind, draft.spec, inputs=draft.inputs)
        pointer = self._pointer(draft.kind, key)
        pointer.parent.mkdir(exist_ok=True)
        fresh = pointer.with_suffix(".new")
        _write_synced(fresh, manifest.digest)
        fresh.replace(pointer)
        return Artifact(target)

    def set_aside(self, artifact: Artifact) -> Path:
        """Move a damaged artifact out of sight, so that the same request builds it again."""
        aside = artifact.path.parent / ".damaged" / f"{artifact.digest}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        aside.parent.mkdir(exist_ok=True)
        artifact.path.rename(aside)
        return aside

    def _pointer(self, kind: Kind, key: str) -> Path:
        return self.root / kind / ".keys" / key


def key_of(kind: Kind, spec: Spec | dict[str, Any], *, inputs: Mapping[str, str]) -> str:
    """Digest of a request: kind, spec and the digests of what it is made from."""
    value = spec.as_json() if isinstance(spec, Spec) else spec
    return digest_of({"kind": kind, "spec": value, "inputs": dict(inputs), "format": FORMAT})


_REBUILD = "Build it again with `--rebuild`, or restore the file from a copy."


def _read_manifest(path: Path) -> Manifest:
    try:
        text = (path / MANIFEST).read_text()
        manifest = Manifest.model_validate_json(text)
    except FileNotFoundError as fault:
        raise NotFound("artifact", str(path)) from fault
    except (ValidationError, UnicodeDecodeError) as fault:
        raise Damaged(f"{path / MANIFEST} cannot be read as a manifest. {_REBUILD}") from fault
    if manifest.format > FORMAT:
        raise NewerFormat(
            f"{path} has format {manifest.format}, this version reads up to {FORMAT}: upgrade Conceptoscope."
        )
    return manifest


def _verify(path: Path, entry: FileEntry, *, label: str) -> None:
    try:
        stat = path.stat()
    except FileNotFoundError as fault:
        raise Damaged(f"{label}: {path.name} is missing. {_REBUILD}") from fault
    stamp = (str(path), stat.st_size, stat.st_mtime_ns)
    if _verified.get(stamp) == entry.sha256:
        return
    actual = sha256_of(path)
    if actual != entry.sha256:
        raise Damaged(
            f"{label}: {path.name} is damaged (sha256 {entry.sha256[:12]} expected, {actual[:12]} found; "
            f"{entry.n_bytes} bytes expected, {stat.st_size} found). {_REBUILD}"
        )
    _verified[stamp] = actual


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal, read block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _entry(path: Path, content_sha256: str | None) -> FileEntry:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return FileEntry(sha256=sha256_of(path), n_bytes=path.stat().st_size, content_sha256=content_sha256)


def _files(folder: Path) -> list[str]:
    paths = (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".") and p.name != MANIFEST)
    return sorted(p.relative_to(folder).as_posix() for p in paths)


def _write_synced(path: Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(path: Path, *, what: str) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise Unavailable(f"Another process is building {what}. Wait until it is done, or end it.") from fault
        yield


@contextmanager
def _full_disk_is_told(root: Path) -> Iterator[None]:
    try:
        yield
    except Exception as fault:
        if not disk_is_full(fault):
            raise
        raise full_disk(root) from fault


def disk_is_full(fault: BaseException) -> bool:
    """Whether an error, whichever library raised it, comes from a disk without space."""
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(words in str(fault) for words in ("No space left on device", "database or disk is full"))


def full_disk(root: Path) -> Unavailable:
    """The error that tells a person of a full disk."""
    free = shutil.disk_usage(root if root.exists() else root.parent).free
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
    if not os.access(root, os.W_OK):
        raise InvalidInput(f"The store '{root}' is not writable. Choose another --store or change its owner.")
