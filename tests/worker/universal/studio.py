"""A universal dictionary of three streams over drawn photos, its atlas, and the same codes dense, the slow way."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from store.artifacts import Artifact, Artifacts
from store.atlas.reader import Atlas
from store.collection import Collection
from store.specs import AtlasSpec
from store.universal import UniversalSpec
from store.vocabulary import Kind, Split
from tests.worker.bench.small import drawn_collection
from tests.worker.universal.streams import write_stream
from worker.activations import ActivationStore
from worker.jobs.index_universal import UniversalIndexInputs, index_universal
from worker.jobs.requests import universal_inputs
from worker.jobs.universal import STREAMS
from worker.universal.dictionary import UniversalDictionary
from worker.universal.files import describe, save_universal
from worker.universal.firing import thresholds
from worker.universal.judging import judge_universal
from worker.universal.pairing import PairedStore
from worker.universal.training import make_universal

N_IMAGES, K = 48, 14
ROWS, COLS = 2, 3
STREAMS_OF = {"vit": ((4, 6), 7), "cnn": ((2, 3), 5), "net": ((4, 3), 6)}
SPEC = UniversalSpec(n_concepts=K, n_active=3)
ATLAS = AtlasSpec(n_examples=9, n_reservoir=64, n_pool=40, n_neighbors=4, image_top=5, patch_top=4)


@dataclass(frozen=True)
class Studio:
    """What the tests look at."""

    collection: Collection
    artifacts: Artifacts
    paired: PairedStore
    universal: UniversalDictionary
    universal_artifact: Artifact

    @property
    def inputs(self) -> UniversalIndexInputs:
        """What the atlas is made from."""
        return UniversalIndexInputs(self.universal_artifact, self.paired.stores, self.collection, {"title": "Three"})

    @cached_property
    def atlas(self) -> Atlas:
        """The atlas, opened."""
        built = index_universal(ATLAS, self.inputs, self.artifacts, on_progress=lambda *_: None)
        return Atlas(built)

    @cached_property
    def tokens(self) -> Float[torch.Tensor, "n p d"]:
        """Joint activations of all images."""
        return torch.cat([shard.patches.float() for shard in self.paired.read(range(self.paired.stored.n_shards))])

    @cached_property
    def codes(self) -> Float[np.ndarray, "m n p K"]:
        """Common codes of the streams; stream 0 is their mean."""
        flat = self.tokens.flatten(0, 1)
        parts = enumerate(self.universal.parts)
        each = [self.universal.stream_codes(i, flat[:, part].contiguous()).dense() for i, part in parts]
        dense = np.stack([codes.reshape(N_IMAGES, ROWS * COLS, K).numpy() for codes in each])
        return np.concatenate([dense.mean(axis=0, keepdims=True), dense])

    @cached_property
    def above(self) -> list[float]:
        """From which code on a concept fires, of streams 1, 2, 3."""
        return thresholds(self.universal, self.paired.stream(Split.TRAIN))

    @property
    def judged(self) -> dict[str, Any]:
        """The matrices of the dictionary's artifact."""
        found: dict[str, Any] = json.loads(self.universal_artifact.file(STREAMS).read_text())
        return found


def make_studio(root: Path) -> Studio:
    """A dictionary without training: streams are rotations of the same activations plus noise, encoders tied."""
    collection = drawn_collection(root, n=N_IMAGES)[0]
    stores = [
        write_stream(
            root / "store", collection, model=model, grid=grid, width=width, n_images=N_IMAGES, patches=patches
        )
        for (model, (grid, width)), patches in zip(STREAMS_OF.items(), _patches(), strict=True)
    ]
    return studio_of(root, collection, stores)


def studio_of(root: Path, collection: Collection, stores: list[ActivationStore]) -> Studio:
    """The same from activations."""
    artifacts = Artifacts(root / "store")
    paired = PairedStore(stores, collection)
    universal = _universal(paired)
    inputs = universal_inputs([store.artifact for store in stores], collection=collection.digest)
    with artifacts.draft(Kind.UNIVERSAL, SPEC, inputs=inputs) as draft:
        save_universal(universal, describe(SPEC, paired), draft.path)
        judged = judge_universal(universal, paired.stream(Split.HELD_OUT), train=paired.stream(Split.TRAIN))
        (draft.path / STREAMS).write_text(json.dumps(judged.by_stream() | {"independent_r2": [0.5, 0.25, 0.125]}))
        built = artifacts.publish(draft)
    return Studio(collection, artifacts, paired, universal, built)


def _patches() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    fine = torch.randn(N_IMAGES, 12, 12, 5, generator=generator)
    found = []
    for (rows, cols), width in STREAMS_OF.values():
        coarse = fine.view(N_IMAGES, rows, 12 // rows, cols, 12 // cols, 5).mean(dim=(2, 4))
        mixed = coarse @ torch.randn(5, width, generator=generator) * 4 + 3
        noise = 0.5 * torch.randn(N_IMAGES, rows, cols, width, generator=generator)
        found.append((mixed + noise).flatten(1, 2))
    return found


def _universal(paired: PairedStore) -> UniversalDictionary:
    """Concept 0 is dead, concept 1 is the first stream's alone, concept 2 is silent in the third."""
    universal = make_universal(SPEC, paired.widths)
    stream = paired.stream(Split.TRAIN)
    universal.fit_standard(stream.mean, stream.std)
    sample = universal.standardize(next(stream.batches(128, seed=0, epoch=0)))
    universal.start_from(sample, generator=torch.Generator().manual_seed(2), on_iteration=lambda: None)
    with torch.no_grad():
        for stream_number, bias in enumerate(universal.biases):
            bias[0] = -1e6
            bias[1] = -1e6 if stream_number else 0.5
            bias[2] = -1e6 if stream_number == 2 else 0.5
    universal.project()
    universal.train(mode=False)
    return universal
