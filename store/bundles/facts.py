"""What a bundle says of itself: ``bundle.json``, the first thing in it, which names and sums up all the rest."""

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from store.artifacts import FileEntry, Manifest
from store.errors import Damaged, InvalidInput, NewerFormat
from store.universal import artifact_kind
from store.version import VERSION
from store.vocabulary import Kind

FORMAT: Final = 1
FACTS, CARD = "bundle.json", "CARD.md"
FACTS_MAX: Final = 2**24
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
SLUG: Final = r"^[a-z0-9][a-z0-9-]{0,119}$"

Slug = Annotated[str, Field(pattern=SLUG)]
Digest = Annotated[str, Field(pattern=rf"^{_DIGEST.pattern}$")]
Title = Annotated[str, Field(min_length=1, max_length=200)]


class _Facts(BaseModel):
    """Frozen and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelFacts(_Facts):
    """The model as the catalog has it."""

    slug: Slug
    title: Title
    facts: dict[str, Any]


class CollectionFacts(_Facts):
    """The collection of photos, which does not come along."""

    slug: Slug
    title: Title
    digest: Digest
    n_images: int = Field(ge=0)


class LearnedFacts(_Facts):
    """The dictionary as the catalog has it, with all that has been measured of it."""

    slug: Slug
    title: Title
    layer: str = Field(max_length=120)
    method: str = Field(max_length=40)
    n_concepts: int = Field(ge=1)
    spec: dict[str, Any]
    metrics: dict[str, Any]
    headline: dict[str, Any]


class BundleFacts(_Facts):
    """All of ``bundle.json``."""

    format: int = FORMAT
    code_version: str = VERSION
    model: ModelFacts
    collection: CollectionFacts
    dictionary: LearnedFacts
    learned: Manifest
    """Of the dictionary or universal dictionary."""
    atlas: Manifest
    card: FileEntry

    @model_validator(mode="after")
    def _is_one_thing(self) -> "BundleFacts":
        if self.learned.kind is not artifact_kind(self.dictionary.method) or self.atlas.kind is not Kind.ATLAS:
            raise ValueError("the kinds of its parts are not those of a dictionary and its atlas")
        if self.atlas.inputs.get("dictionary") != self.learned.digest:
            raise ValueError("the atlas is of another dictionary")
        for name, entry in (*self.learned.files.items(), *self.atlas.files.items(), (CARD, self.card)):
            if not _NAME.fullmatch(name) or name == "manifest.json":
                raise ValueError(f"'{name}' is no name of a file of a dictionary or an atlas")
            if entry.n_bytes < 0 or not _DIGEST.fullmatch(entry.sha256):
                raise ValueError(f"'{name}' has no size or no SHA-256")
        return self

    @property
    def parts(self) -> tuple[Manifest, Manifest]:
        """The artifacts that come along."""
        return self.learned, self.atlas

    def files(self) -> dict[str, FileEntry]:
        """Everything but ``bundle.json``, by its path in the bundle, in the order in which it stands there."""
        found = {CARD: self.card}
        for part in self.parts:
            found |= {f"{part.kind}/{part.digest}/{name}": entry for name, entry in sorted(part.files.items())}
        return found

    def as_bytes(self) -> bytes:
        """The file."""
        return self.model_dump_json(indent=1).encode()


def parse_facts(content: bytes, *, place: str) -> BundleFacts:
    """The facts that a file says; raises ``Damaged``, ``NewerFormat`` or, for what is no bundle, ``InvalidInput``."""
    found = re.search(rb'\A\s*\{\s*"format"\s*:\s*(\d{1,9})\b', content)
    if found is None:
        raise InvalidInput(f"{place} is no bundle of Conceptoscope: its {FACTS} does not begin with a format.")
    if int(found[1]) > FORMAT:
        raise NewerFormat(
            f"{place} has bundle format {int(found[1])}, this version reads up to {FORMAT}: upgrade Conceptoscope."
        )
    try:
        return BundleFacts.model_validate_json(content)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise Damaged(f"{place}: {FACTS} cannot be used: {where + ': ' if where else ''}{said}.") from fault
