"""A dictionary by name, from the catalog to the atlas of its evidence: one model's, or several models' together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from store.artifacts import Artifact, Artifacts
from store.catalog.dictionaries import get_dictionary
from store.catalog.session import Catalog
from store.collection import Collection
from store.specs import AtlasSpec, ExtractionSpec
from store.universal import artifact_kind
from store.vocabulary import Kind
from worker.jobs.requests import atlas_inputs, streams_of, universal_atlas_inputs
from worker.progress import OnProgress
from worker.weights import weights_digest

if TYPE_CHECKING:
    from worker.activations import ActivationStore
    from worker.models.base import LinearHead

Read = Callable[[Artifact], "ActivationStore"]


@dataclass(frozen=True)
class Single:
    """A dictionary of one model."""

    dictionary: Artifact
    activations: Artifact
    weights: Sequence[Path] = ()
    """Files that a person gave; the model's is among them where it has none of its own."""

    def index(self, spec: AtlasSpec, artifacts: Artifacts, read: Read, *, on_progress: OnProgress) -> Artifact:
        """Its atlas, built or found; ``read`` opens activations."""
        inputs = atlas_inputs(self.dictionary, activations=self.activations)
        found = artifacts.find(Kind.ATLAS, spec, inputs=inputs)
        if found is not None:
            return found
        from worker.dictionaries.files import load_dictionary
        from worker.jobs.index import IndexInputs, index
        from worker.jobs.train import load_facts

        on_progress(0, 1, "loading the dictionary")
        loaded = IndexInputs(
            dictionary=load_dictionary(self.dictionary.folder()),
            dictionary_artifact=self.dictionary,
            activations=read(self.activations),
            collection=_collection(self.dictionary, artifacts),
            facts=load_facts(self.dictionary) | {"extraction": self.activations.manifest.spec},
            head=self._head(),
        )
        return index(spec, loaded, artifacts, on_progress=on_progress)

    def _head(self) -> "LinearHead | None":
        """What follows the layer, where the model's weights are at hand and it is only a mean and a linear map."""
        from worker.models.registry import find_head

        spec = ExtractionSpec.model_validate(self.activations.manifest.spec)
        given = {weights_digest(file): file for file in self.weights} if spec.weights_sha256 else {}
        return find_head(spec, weights_file=given.get(spec.weights_sha256 or ""))


@dataclass(frozen=True)
class Joined:
    """A dictionary of several models, with the activations of its streams in their order."""

    dictionary: Artifact
    streams: Sequence[Artifact]

    def index(self, spec: AtlasSpec, artifacts: Artifacts, read: Read, *, on_progress: OnProgress) -> Artifact:
        """Its atlas, built or found; ``read`` opens activations."""
        found = artifacts.find(Kind.ATLAS, spec, inputs=universal_atlas_inputs(self.dictionary))
        if found is not None:
            return found
        from worker.jobs.index_universal import UniversalIndexInputs, index_universal
        from worker.jobs.universal import load_facts

        on_progress(0, 1, "loading the dictionary")
        loaded = UniversalIndexInputs(
            universal=self.dictionary,
            stores=[read(stream) for stream in self.streams],
            collection=_collection(self.dictionary, artifacts),
            facts=load_facts(self.dictionary) | {"extractions": [stream.manifest.spec for stream in self.streams]},
        )
        return index_universal(spec, loaded, artifacts, on_progress=on_progress)


Shown = Single | Joined
"""Whatever its evidence is gathered from."""


def find_shown(slug: str, artifacts: Artifacts, catalog: Catalog, *, weights: Sequence[Path] = ()) -> Shown:
    """The dictionary of a slug with what it was learned from; raises ``NotFound``."""
    with catalog.session() as session:
        row = get_dictionary(session, slug)
    kind = artifact_kind(row.method)
    dictionary = artifacts.get(kind, row.digest)
    activations = [artifacts.get(Kind.ACTIVATIONS, digest) for digest in streams_of(dictionary)]
    if kind is Kind.UNIVERSAL:
        return Joined(dictionary, activations)
    return Single(dictionary, activations[0], weights)


def _collection(dictionary: Artifact, artifacts: Artifacts) -> Collection:
    return Collection(artifacts.get(Kind.COLLECTION, dictionary.manifest.inputs["collection"]))
