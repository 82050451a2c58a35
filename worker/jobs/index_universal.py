"""The index job of a universal dictionary: its streams and their collection become an atlas with streams."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int64

from store.artifacts import Artifact, Artifacts
from store.collection import Collection
from store.errors import InvalidInput
from store.specs import AtlasSpec
from store.vocabulary import Kind, Split
from worker.activations import ActivationStore
from worker.indexing.making import make_atlas
from worker.indexing.scan import Progress, Shards
from worker.indexing.streams import StreamViews
from worker.indexing.subject import Subject, mean_row, stream_row
from worker.jobs.requests import universal_atlas_inputs
from worker.jobs.universal import STREAMS
from worker.shards import Shard
from worker.universal.dictionary import UniversalDictionary
from worker.universal.files import UniversalFacts, load_universal
from worker.universal.firing import thresholds
from worker.universal.pairing import PairedStore
from worker.universal.together import TogetherDictionary

_TOKENS_AT_ONCE = 16_384


@dataclass(frozen=True)
class UniversalIndexInputs:
    """What the atlas of a universal dictionary is made from; stores in the order of its streams."""

    universal: Artifact
    stores: Sequence[ActivationStore]
    collection: Collection
    facts: dict[str, Any]  # goes into the meta table: metrics, history, titles

    @property
    def digests(self) -> dict[str, str]:
        """What the request is made from."""
        return universal_atlas_inputs(self.universal)

    @cached_property
    def loaded(self) -> tuple[UniversalDictionary, UniversalFacts]:
        """The dictionary and what is known of it."""
        return load_universal(self.universal.folder())

    def pair(self) -> PairedStore:
        """The streams on the grid on which they learned; raises ``InvalidInput`` for stores of other activations."""
        facts = self.loaded[1]
        if len(self.stores) != len(facts.streams):
            raise InvalidInput(
                f"The universal dictionary {self.universal.digest[:12]} has {len(facts.streams)} streams, not "
                f"{len(self.stores)}; give the activations of all of them, in their order."
            )
        for stream, store in zip(facts.streams, self.stores, strict=True):
            if stream.activations != store.artifact.digest:
                raise InvalidInput(
                    f"The stream {stream.model}:{stream.layer} learned from the activations {stream.activations[:12]}, "
                    f"not from {store.artifact.digest[:12]}; give those it learned from."
                )
        return PairedStore(self.stores, self.collection, rows=facts.grid_rows, cols=facts.grid_cols)


def index_universal(
    spec: AtlasSpec, inputs: UniversalIndexInputs, artifacts: Artifacts, *, on_progress: Progress
) -> Artifact:
    """Build the atlas with streams, or find it when it has been built; nothing is visible before it is whole."""
    found = artifacts.find(Kind.ATLAS, spec, inputs=inputs.digests)
    if found is not None:
        return found
    on_progress(0, 1, "streams: thresholds")
    universal, paired = inputs.loaded[0], inputs.pair()
    together = TogetherDictionary(universal)
    judged = json.loads(inputs.universal.file(STREAMS).read_text(encoding="utf-8"))
    reader = _Reader(paired, universal)
    rows = [stream_row(store, paired.grid, stream=number) for number, store in enumerate(paired.stores, start=1)]
    subject = Subject(
        dictionary=together,
        read=reader.all,
        collection=inputs.collection,
        grid=paired.grid,
        windows=tuple(store.window for store in paired.stores),
        streams=(mean_row(rows), *rows),
        inputs=inputs.digests,
        facts={"streams": list(paired.names), **inputs.facts},
        views=StreamViews(
            together,
            paired.names,
            thresholds(universal, paired.stream(Split.TRAIN)),
            reader.some,
            _marked(inputs.collection.split_images(Split.HELD_OUT), n=len(inputs.collection.images)),
            judged,
        ),
    )
    return make_atlas(spec, subject, artifacts, on_progress=on_progress)


def _marked(images: Sequence[int], *, n: int) -> Bool[np.ndarray, " n"]:
    mask = np.zeros(n, dtype=np.bool_)
    mask[list(images)] = True
    return mask


@dataclass(frozen=True)
class _Reader:
    """Paired tokens, standardised; some images at a time, since they are four times as large as what is stored."""

    paired: PairedStore
    universal: UniversalDictionary

    def all(self) -> Shards:
        """All images."""
        return self.some(np.arange(len(self.paired.collection.images)))

    def some(self, images: Int64[np.ndarray, " n"]) -> Shards:
        """Some images; shards without any are not read."""
        indices = np.unique(images // self.paired.stored.images_per_shard).tolist()
        with closing(self.paired.read(indices)) as shards:
            for shard in shards:
                yield from self._parts(shard, np.isin(shard.images.numpy(), images))

    def _parts(self, shard: Shard, wanted: Bool[np.ndarray, " m"]) -> Shards:
        rows = torch.from_numpy(np.flatnonzero(wanted))
        for part in torch.split(rows, max(_TOKENS_AT_ONCE // self.paired.grid.n_patches, 1)):
            tokens = shard.patches[part]
            standard = self.universal.standardize(tokens.flatten(0, 1)).view(tokens.shape)
            yield shard.images[part].numpy().astype(np.int64), standard
