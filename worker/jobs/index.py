"""The index job: a dictionary, its activations and their collection become an atlas."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from store.artifacts import Artifact, Artifacts
from store.collection import Collection
from store.errors import InvalidInput
from store.grid import Grid
from store.specs import AtlasSpec
from store.vocabulary import Tokens
from worker.activations import ActivationStore
from worker.dictionaries.base import Dictionary
from worker.indexing.making import make_atlas
from worker.indexing.scan import Progress, Shards
from worker.indexing.subject import Subject, stream_row
from worker.jobs.requests import atlas_inputs
from worker.models.base import LinearHead


@dataclass(frozen=True)
class IndexInputs:
    """What an atlas is made from."""

    dictionary: Dictionary
    dictionary_artifact: Artifact
    activations: ActivationStore
    collection: Collection
    facts: dict[str, Any]  # goes into the meta table: metrics, history, titles
    head: LinearHead | None = None  # what follows the layer, if it is only a mean over patches and a linear map

    @property
    def shown(self) -> Tokens:
        """The tokens that are evidence: patches, but for a dictionary of class tokens."""
        learned_from = self.dictionary.spec.tokens
        if learned_from is Tokens.REGISTERS:
            raise InvalidInput(
                "This dictionary was learned from register tokens, which stand for no place of a photo, so there is "
                "nothing to show; train on patches, class tokens or all tokens to make an atlas."
            )
        return Tokens.CLASS if learned_from is Tokens.CLASS else Tokens.PATCHES

    @property
    def grid(self) -> Grid:
        """The places of the evidence on a photo; a class token stands for the whole of it."""
        return Grid(1, 1) if self.shown is Tokens.CLASS else self.activations.geometry.grid

    @property
    def digests(self) -> dict[str, str]:
        """What the request is made from."""
        return atlas_inputs(self.dictionary_artifact, activations=self.activations.artifact)


def index(spec: AtlasSpec, inputs: IndexInputs, artifacts: Artifacts, *, on_progress: Progress) -> Artifact:
    """Build the atlas, or find it when it has been built; nothing is visible before it is whole."""
    store = inputs.activations
    subject = Subject(
        dictionary=inputs.dictionary,
        read=lambda: _shards(store, inputs.shown),
        collection=inputs.collection,
        grid=inputs.grid,
        windows=(store.window,),
        streams=(stream_row(store, inputs.grid, stream=0),),
        inputs=inputs.digests,
        facts=inputs.facts,
        head=inputs.head if inputs.shown is Tokens.PATCHES else None,
    )
    return make_atlas(spec, subject, artifacts, on_progress=on_progress)


def _shards(store: ActivationStore, tokens: Tokens) -> Shards:
    for shard in store.shards():
        yield np.asarray(shard.images, dtype=np.int64), store.chosen(shard, tokens)
