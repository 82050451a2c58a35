"""Chains of small artifacts, from a collection to an atlas, with their rows in the catalog; made long ago if asked."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from store.artifacts import MANIFEST, Artifact, Artifacts
from store.catalog.collections import save_collection
from store.catalog.dictionaries import DictionaryFacts, save_dictionary, switch_atlas
from store.catalog.models import save_joint_model, save_model
from store.catalog.session import Catalog
from store.methods import TopKSpec
from store.specs import AtlasSpec, CollectionSpec, ExtractionSpec, Spec
from store.universal import UniversalSpec
from store.vocabulary import Kind
from worker.jobs.requests import (
    activations_inputs,
    atlas_inputs,
    dictionary_inputs,
    universal_atlas_inputs,
    universal_inputs,
)

COLLECTION = CollectionSpec(slug="drawn", title="Drawn")
EXTRACTION = ExtractionSpec(model="tiny", layer="last")
STREAMS = (EXTRACTION, ExtractionSpec(model="other", layer="last"))


def dictionary_spec(seed: int = 0) -> TopKSpec:
    """One of several."""
    return TopKSpec(n_concepts=8, n_active=2, seed=seed)


def joint_spec(seed: int = 0) -> UniversalSpec:
    """The same for several models."""
    return UniversalSpec(n_concepts=8, n_active=2, seed=seed)


@dataclass(frozen=True)
class Chain:
    """A dictionary with all that it was made from, and its atlas."""

    collection: Artifact
    activations: Artifact
    dictionary: Artifact
    atlas: Artifact

    @property
    def digests(self) -> set[str]:
        """Of all four."""
        return {one.digest for one in (self.collection, self.activations, self.dictionary, self.atlas)}


def make(
    artifacts: Artifacts, kind: Kind, spec: Spec, *, inputs: Mapping[str, str], text: str = "", days: float = 0
) -> Artifact:
    """An artifact of one small file, made some days ago."""
    found = artifacts.find(kind, spec, inputs=inputs)
    if found is not None:
        return found
    with artifacts.draft(kind, spec, inputs=inputs) as draft:
        (draft.path / "a.txt").write_text(text or f"{kind} {spec.digest}")
        built = artifacts.publish(draft)
    return age(built, days=days)


def age(artifact: Artifact, *, days: float) -> Artifact:
    """The same in a folder, as if it had been made before: no digest covers the time."""
    path = artifact.path / MANIFEST
    then = datetime.now(UTC) - timedelta(days=days)
    path.write_bytes(artifact.manifest.model_copy(update={"created_at": then}).as_bytes())
    for one in (path, artifact.path / "a.txt"):
        os.utime(one, (then.timestamp(), then.timestamp()))
    return Artifact(artifact.path)


def make_chain(
    artifacts: Artifacts, *, listing: str = "photos", seed: int = 0, atlas: AtlasSpec | None = None, days: float = 0
) -> Chain:
    """All four; what an earlier chain has made is shared."""
    collection = make(artifacts, Kind.COLLECTION, COLLECTION, inputs={"listing": listing}, text=listing, days=days)
    inputs = activations_inputs(collection)
    activations = make(artifacts, Kind.ACTIVATIONS, EXTRACTION, inputs=inputs, text=f"tokens of {listing}", days=days)
    spec, inputs = dictionary_spec(seed), dictionary_inputs(activations)
    dictionary = make(artifacts, Kind.DICTIONARY, spec, inputs=inputs, days=days)
    shown = atlas or AtlasSpec()
    found = make(artifacts, Kind.ATLAS, shown, inputs=atlas_inputs(dictionary, activations=activations), days=days)
    return Chain(collection, activations, dictionary, found)


@dataclass(frozen=True)
class Joint:
    """A universal dictionary with all that it was made from, and its atlas."""

    collection: Artifact
    streams: tuple[Artifact, ...]
    universal: Artifact
    atlas: Artifact

    @property
    def digests(self) -> set[str]:
        """Of all."""
        return {one.digest for one in (self.collection, *self.streams, self.universal, self.atlas)}


def make_joint(artifacts: Artifacts, *, seed: int = 0, days: float = 0) -> Joint:
    """All of them; what an earlier chain has made is shared."""
    collection = make(artifacts, Kind.COLLECTION, COLLECTION, inputs={"listing": "photos"}, text="photos", days=days)
    inputs = activations_inputs(collection)
    streams = tuple(make(artifacts, Kind.ACTIVATIONS, spec, inputs=inputs, days=days) for spec in STREAMS)
    inputs = universal_inputs(streams, collection=collection.digest)
    universal = make(artifacts, Kind.UNIVERSAL, joint_spec(seed), inputs=inputs, days=days)
    atlas = make(artifacts, Kind.ATLAS, AtlasSpec(), inputs=universal_atlas_inputs(universal), days=days)
    return Joint(collection, streams, universal, atlas)


def record_joint(catalog: Catalog, joint: Joint, *, slug: str = "joint", with_atlas: bool = True) -> None:
    """Let the catalog refer to it."""
    with catalog.session() as session:
        digest, spec = joint.collection.digest, joint_spec().as_json()
        images = save_collection(session, "drawn", title="Drawn", digest=digest, folder=None, n_images=1)
        model, method = save_joint_model(session, STREAMS), "universal"
        facts = DictionaryFacts(slug, slug, model, images, "last + last", method, joint.universal.digest, 8, spec, {})
        row = save_dictionary(session, facts)
        if with_atlas:
            switch_atlas(session, row, digest=joint.atlas.digest, headline={})


def record(catalog: Catalog, chain: Chain, *, slug: str = "small", with_atlas: bool = True) -> None:
    """Let the catalog refer to a chain."""
    with catalog.session() as session:
        model = save_model(session, "tiny", title="Tiny", facts={})
        digest = chain.collection.digest
        images = save_collection(session, "drawn", title="Drawn", digest=digest, folder=None, n_images=1)
        spec = dictionary_spec().as_json()
        facts = DictionaryFacts(slug, slug, model, images, "last", "topk", chain.dictionary.digest, 8, spec, {})
        row = save_dictionary(session, facts)
        if with_atlas:
            switch_atlas(session, row, digest=chain.atlas.digest, headline={})


def all_digests(artifacts: Artifacts) -> set[str]:
    """Digests of all that is published."""
    return {artifact.digest for kind in Kind for artifact in artifacts.list(kind)}
