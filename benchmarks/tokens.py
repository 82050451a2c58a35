"""Real tokens for benchmarks: those of a demo dictionary, split as it was trained."""

from pathlib import Path

import torch
from torch import Tensor

from store.collection import Collection
from store.presets import DEMO_COLLECTION, DEMO_DICTIONARIES, DemoDictionary
from store.settings import Settings
from store.vocabulary import Split
from worker.activations import ActivationStore
from worker.demo import find_demo_photos
from worker.reporting import Reporter
from worker.workshop import Workshop


def demo_dictionary(slug: str) -> DemoDictionary:
    """The demo's dictionary of that name."""
    return next(dictionary for dictionary in DEMO_DICTIONARIES if dictionary.slug == slug)


def demo_tokens(store: Path, slug: str) -> dict[str, Tensor]:
    """``train`` and ``held_out`` tokens [n d], float32; extracted when the store does not have them."""
    settings = Settings(store=store)
    workshop = Workshop(settings, Reporter())
    workshop.ingest(find_demo_photos(settings), DEMO_COLLECTION)
    built = workshop.extract(DEMO_COLLECTION.slug, demo_dictionary(slug).extraction)
    collection, _ = workshop.collection(DEMO_COLLECTION.slug)
    activations = ActivationStore(built.artifact)
    return {
        name: _tokens(activations, collection, split) for name, split in zip(("train", "held_out"), Split, strict=True)
    }


def _tokens(activations: ActivationStore, collection: Collection, split: Split) -> Tensor:
    chosen = {row.image for row in collection.images if row.split is split}
    parts = []
    for shard in activations.shards():
        rows = torch.tensor([int(image) in chosen for image in shard.images])
        parts.append(shard.patches[rows].flatten(0, 1))
    return torch.cat(parts).contiguous()
