"""Tokens and photos small enough for a benchmark in a test."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from store.artifacts import Artifacts
from store.collection import Collection
from store.specs import ClassRule, CollectionSpec
from tests.tiny import drawn_images
from tests.worker.dictionaries.planted import planted_tokens
from worker.bench.sources import PhotoTokens
from worker.jobs.ingest import ingest

N_PHOTOS, PER_PHOTO = 60, 20


def planted_photos() -> PhotoTokens:
    """Photos whose tokens are sparse sums of 16 atoms."""
    tokens = planted_tokens(N_PHOTOS * PER_PHOTO)[0].view(N_PHOTOS, PER_PHOTO, -1)
    return PhotoTokens(tokens, train=torch.arange(45), held_out=torch.arange(45, N_PHOTOS))


def drawn_collection(folder: Path, *, n: int = 24) -> tuple[Collection, Path]:
    """Drawn photos in three classes, ingested."""
    photos = folder / "photos"
    rng = np.random.default_rng(0)
    for number in range(n):
        picture = np.roll(drawn_images(48, 64)[number % 8], int(rng.integers(0, 40)), axis=1).astype(np.int16)
        of_class = photos / "abc"[number % 3]
        of_class.mkdir(parents=True, exist_ok=True)
        shifted = (picture + rng.integers(-25, 25, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(shifted).save(of_class / f"{number:03}.png")
    spec = CollectionSpec(slug="drawn", title="Drawn", classes=ClassRule(by="folder"), held_out=0.25)
    return Collection(ingest(photos, spec, Artifacts(folder / "store"))), photos
