"""Real tokens for benchmarks: those of a collection at a model's layer, found in the store or extracted into it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int64
from pydantic import Field
from torch import Tensor

from store.artifacts import sha256_of
from store.collection import Collection
from store.errors import InvalidInput, NotFound
from store.presets import DEMO_COLLECTION
from store.settings import Settings
from store.specs import ExtractionSpec
from store.vocabulary import Fit, Split
from worker.activations import ActivationStore
from worker.bench.options import BenchOptions
from worker.demo import find_demo_photos
from worker.dictionaries.tokens import MemoryTokens
from worker.models.base import VisionModel
from worker.models.registry import load_model
from worker.progress import OnProgress
from worker.reporting import Reporter, Tell
from worker.workshop import Workshop


class SourceOptions(BenchOptions):
    """Which photos, read by which model, at which layer; the defaults are those of the demo."""

    collection: str = Field(
        DEMO_COLLECTION.slug, description="slug of a collection; that of the demo is made if missing"
    )
    model: str = Field("efficientnet-lite0", description="registry name of the model")
    weights: Path | None = Field(None, description="weights file, where the model's own are not meant")
    layer: str = "blocks.6"
    height_px: int = 320
    width_px: int = 576
    fit: Fit = Fit.COVER

    @property
    def extraction(self) -> ExtractionSpec:
        """The spec of the activations."""
        return ExtractionSpec(
            model=self.model,
            weights_sha256=sha256_of(self.weights) if self.weights else None,
            layer=self.layer,
            height_px=self.height_px,
            width_px=self.width_px,
            fit=self.fit,
        )

    def load_model(self) -> VisionModel:
        """The model, on the CPU."""
        return load_model(self.model, weights_file=self.weights)


class LearningOptions(SourceOptions):
    """What dictionaries are like; where nothing is given they are as the small presets have them."""

    n_concepts: int | None = Field(None, ge=2)
    n_active: int | None = Field(None, ge=1)
    epochs: int | None = Field(None, ge=1)
    batch_tokens: int | None = Field(None, ge=1)
    lr: float | None = Field(None, gt=0)
    dead_after_tokens: int | None = Field(None, ge=1)
    n_candidates: int | None = Field(None, ge=2, description="of methods that mix their atoms from candidates")

    @property
    def fields(self) -> dict[str, Any]:
        """Those that are given."""
        names = set(LearningOptions.model_fields) - set(SourceOptions.model_fields)
        return {name: value for name in sorted(names) if (value := getattr(self, name)) is not None}


class Relay(Reporter):
    """Passes the progress of every job on to one listener."""

    def __init__(self, on_progress: OnProgress) -> None:
        super().__init__()
        self._on_progress = on_progress

    def say(self, text: str) -> None:
        """Passed on as a note."""
        self._on_progress(0, 1, text)

    @contextmanager
    def job(self, title: str) -> Iterator[Tell]:
        """Every note carries the job's title."""
        yield lambda done, total, note: self._on_progress(done, total, f"{note} ({title})")


@dataclass(frozen=True)
class PhotoTokens:
    """All tokens of some photos of a collection: ``tokens[i]`` are those of one photo."""

    tokens: Float[Tensor, "N t d"]
    train: Int64[Tensor, " n"]
    """Rows of the training photos; the others are held out."""
    held_out: Int64[Tensor, " m"]

    def stream(self, photos: Int64[Tensor, " n"]) -> MemoryTokens:
        """The tokens of some photos, with their own mean and spread."""
        return MemoryTokens(self.tokens[photos].flatten(0, 1).float())

    @property
    def streams(self) -> tuple[MemoryTokens, MemoryTokens]:
        """Training and held-out tokens; the second carry the statistics of the first."""
        train = self.stream(self.train)
        held_out = self.tokens[self.held_out].flatten(0, 1).float()
        return train, MemoryTokens(held_out, mean=train.mean, std=train.std)


def find_photos(options: SourceOptions, settings: Settings, on_progress: OnProgress) -> tuple[Collection, Path]:
    """The collection and the folder of its photos; the demo's is ingested when it is asked for and missing."""
    return open_collection(Workshop(settings, Relay(on_progress), device=options.device), options.collection, settings)


def load_tokens(options: SourceOptions, settings: Settings, on_progress: OnProgress) -> PhotoTokens:
    """All patches of the collection at the layer, extracted when the store does not have them.

    Raises ``NotFound`` for an unknown collection, ``InvalidInput`` when one of the splits has no photo.
    """
    workshop = Workshop(settings, Relay(on_progress), device=options.device)
    collection, _ = open_collection(workshop, options.collection, settings)
    built = workshop.extract(options.collection, options.extraction, weights=options.weights)
    store = ActivationStore(built.artifact)
    tokens = torch.cat([shard.patches for shard in store.read(range(store.stored.n_shards))])
    rows = {split: [row.image for row in collection.images if row.split is split] for split in Split}
    for split, images in rows.items():
        if not images:
            raise InvalidInput(
                f"The collection '{options.collection}' has no {split} photo; ingest it again with some."
            )
    return PhotoTokens(tokens, torch.tensor(rows[Split.TRAIN]), torch.tensor(rows[Split.HELD_OUT]))


def open_collection(workshop: Workshop, slug: str, settings: Settings) -> tuple[Collection, Path]:
    """A collection and the folder of its photos; the demo's is ingested when it is missing."""
    try:
        return workshop.collection(slug)
    except NotFound:
        if slug != DEMO_COLLECTION.slug:
            raise
    workshop.ingest(find_demo_photos(settings), DEMO_COLLECTION)
    return workshop.collection(slug)
