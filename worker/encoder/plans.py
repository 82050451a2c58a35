"""Which model reads what for a dictionary: found once for each dictionary, since artifacts never change."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store.artifacts import Artifact, Artifacts
from store.atlas.reader import Atlas
from store.catalog.dictionaries import list_dictionaries
from store.catalog.session import Catalog
from store.collection import Collection
from store.errors import NotFound, Unavailable
from store.grid import Grid
from store.specs import ExtractionSpec
from store.vocabulary import Kind
from worker.universal.files import UniversalFacts, read_facts


@dataclass(frozen=True)
class ModelKey:
    """A model, with the weights file that it was given, if any."""

    name: str
    weights_sha256: str | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class DictionaryKey:
    """A dictionary of one model, or a universal one."""

    digest: str
    kind: Kind = Kind.DICTIONARY

    def __str__(self) -> str:
        return f"{self.kind} {self.digest[:12]}"


@dataclass(frozen=True)
class Plan:
    """What it takes to encode by a dictionary: models as they were read, one for each stream."""

    key: DictionaryKey
    readings: tuple[ExtractionSpec, ...]
    shared: Grid | None = None
    """The grid on which streams meet; only universal dictionaries have one."""

    @property
    def models(self) -> tuple[ModelKey, ...]:
        """The models of the streams."""
        return tuple(ModelKey(one.model, one.weights_sha256) for one in self.readings)


class Plans:
    """Plans by digest. Safe between threads."""

    def __init__(self, artifacts: Artifacts, catalog: Catalog) -> None:
        self._artifacts, self._catalog = artifacts, catalog
        self._lock = threading.Lock()
        self._plans: dict[str, Plan] = {}
        self._collections: dict[str, Collection] = {}

    def of(self, digest: str) -> Plan:
        """The plan of a dictionary; raises ``NotFound`` when it is gone, ``Unavailable`` when what it needs is."""
        with self._lock:
            if digest not in self._plans:
                self._plans[digest] = self._made(digest)
            return self._plans[digest]

    def collection(self, digest: str) -> Collection:
        """A collection by its digest; raises ``NotFound``."""
        with self._lock:
            if digest not in self._collections:
                self._collections[digest] = Collection(self._artifacts.get(Kind.COLLECTION, digest))
            return self._collections[digest]

    def shown(self) -> Sequence[str]:
        """Digests of the dictionaries that pages show."""
        with self._catalog.session() as session:
            return [row.digest for row in list_dictionaries(session)]

    def _made(self, digest: str) -> Plan:
        if self._artifacts.is_there(Kind.UNIVERSAL, digest):
            artifact = self._artifacts.get(Kind.UNIVERSAL, digest)
            facts: UniversalFacts = read_facts(artifact.folder())
            numbered = enumerate(facts.streams)
            readings = tuple(self._extraction(one.activations, digest, place=place) for place, one in numbered)
            return Plan(DictionaryKey(digest, Kind.UNIVERSAL), readings, shared=facts.grid)
        artifact = self._get(digest)
        return Plan(DictionaryKey(digest), (self._extraction(artifact.manifest.inputs["activations"], digest),))

    def _get(self, digest: str) -> Artifact:
        if not self._artifacts.is_there(Kind.DICTIONARY, digest):
            raise NotFound("dictionary", digest, remedy="It has been removed, or never was in this store.")
        return self._artifacts.get(Kind.DICTIONARY, digest)

    def _extraction(self, activations: str, dictionary: str, *, place: int = 0) -> ExtractionSpec:
        """How the tokens of a stream were read, as the activations say, or once these were collected, the atlas."""
        if self._artifacts.is_there(Kind.ACTIVATIONS, activations):
            return ExtractionSpec.model_validate(self._artifacts.get(Kind.ACTIVATIONS, activations).manifest.spec)
        with self._catalog.session() as session:
            atlases = [row.atlas.digest for row in list_dictionaries(session) if row.digest == dictionary and row.atlas]
        for digest in atlases:
            told = self._told_by(digest)
            if place < len(told):
                return ExtractionSpec.model_validate(told[place])
        raise Unavailable(
            f"The activations {activations[:12]} that the dictionary {dictionary[:12]} learned from are gone, and no "
            "atlas tells how they were read. Extract them again."
        )

    def _told_by(self, digest: str) -> Sequence[Any]:
        """How the streams of an atlas were read."""
        atlas = Atlas(self._artifacts.get(Kind.ATLAS, digest))
        told = atlas.meta.get("extractions") or [atlas.meta[name] for name in ("extraction",) if name in atlas.meta]
        atlas.close()
        return list(told)
