"""Manifests: what an artifact is, what it was made from, and what it holds; the addresses that follow from it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from store.errors import Damaged, NewerFormat
from store.specs import Spec, digest_of
from store.version import VERSION
from store.vocabulary import Kind

FORMAT = 1
MANIFEST = "manifest.json"
REBUILD: Final = "Build it again with `--rebuild`, or restore the file from a copy."


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

    @property
    def key(self) -> str:
        """The key of the request that it answers."""
        return key_of(self.kind, self.spec, inputs=self.inputs)

    def as_bytes(self) -> bytes:
        """The manifest as it is kept."""
        return self.model_dump_json(indent=1).encode()


def parse_manifest(content: bytes, *, place: str) -> Manifest:
    """The manifest that a file says; raises ``Damaged`` or ``NewerFormat``. ``place`` tells a person where it is."""
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as fault:
        raise Damaged(f"{place} cannot be read as a manifest. {REBUILD}") from fault
    if manifest.format > FORMAT:
        raise NewerFormat(
            f"{place} has format {manifest.format}, this version reads up to {FORMAT}: upgrade Conceptoscope."
        )
    return manifest


def key_of(kind: Kind, spec: Spec | dict[str, Any], *, inputs: Mapping[str, str]) -> str:
    """Digest of a request: kind, spec and the digests of what it is made from."""
    value = spec.as_json() if isinstance(spec, Spec) else spec
    return digest_of({"kind": kind, "spec": value, "inputs": dict(inputs), "format": FORMAT})
