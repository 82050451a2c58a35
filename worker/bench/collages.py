"""Collages of four photos each, made on the fly, and what a model's layer says about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from torch import Tensor

from store.collection import Collection, ImageRow
from store.errors import InvalidInput
from worker.images.decode import decode
from worker.images.fit import resampling_of
from worker.images.normalise import normalise
from worker.models.base import VisionModel
from worker.progress import OnProgress

N_SHOWN = 4
_BATCH = 16
_MOST_PHOTOS = 100  # of a class in each half: all are held in memory
_LEAST_CROP = 0.6  # share of the photo's area that a crop keeps at least

Draw = tuple[int, ...]  # numbers of the four objects of a collage


@dataclass(frozen=True)
class Things:
    """Objects that collages show: of each the photos that train and those that test."""

    names: tuple[str, ...]
    train: tuple[tuple[ImageRow, ...], ...]
    test: tuple[tuple[ImageRow, ...], ...]


def photos_as_things(collection: Collection, n: int, *, rng: np.random.Generator) -> Things:
    """Each object is one photo, seen in train and test alike, but never cropped alike; classes take turns."""
    rows = [collection.images[i] for i in rng.permutation(len(collection.images))]
    seen: dict[str | None, int] = {}
    turns = []
    for row in rows:
        seen[row.class_name] = seen.get(row.class_name, -1) + 1
        turns.append(seen[row.class_name])
    chosen = [rows[i] for i in np.argsort(turns, kind="stable")[:n]]
    if len(chosen) < n:
        raise InvalidInput(f"{n} objects need as many photos, but the collection has {len(chosen)}; lower n_objects.")
    single = tuple((row,) for row in chosen)
    return Things(tuple(row.source for row in chosen), single, single)


def classes_as_things(collection: Collection, n: int, *, rng: np.random.Generator) -> Things:
    """Each object is a class: half of its photos train, the others test; the largest classes are taken."""
    members: dict[str, list[ImageRow]] = {}
    for i in rng.permutation(len(collection.images)):
        row = collection.images[i]
        if row.class_name is not None:
            members.setdefault(row.class_name, []).append(row)
    usable = sorted((name for name in members if len(members[name]) > 1), key=lambda name: (-len(members[name]), name))
    if len(usable) < n:
        raise InvalidInput(
            f"{n} objects need as many classes with two photos or more, but the collection has {len(usable)}; "
            "lower n_objects, or use objects=photos."
        )
    halves = [(members[name][::2][:_MOST_PHOTOS], members[name][1::2][:_MOST_PHOTOS]) for name in usable[:n]]
    return Things(tuple(usable[:n]), tuple(tuple(a) for a, _ in halves), tuple(tuple(b) for _, b in halves))


@dataclass(frozen=True)
class Collages:
    """Activations of collages, and which objects each shows."""

    tokens: Float[Tensor, "n t d"]
    shown: Bool[np.ndarray, "n m"]


def make_collages(
    members: Sequence[Sequence[ImageRow]],
    n: int,
    *,
    folder: Path,
    model: VisionModel,
    layer: str,
    size_px: int,
    rng: np.random.Generator,
    on_progress: OnProgress,
) -> Collages:
    """``n`` collages of four different objects in random quarters, each a random crop, flipped half of the time.

    A crop keeps 0.6 to 1 of the photo's area at its own proportions and fills its quarter. Activations are kept as
    float32.
    """
    photos = {row.source: _small(decode(folder / row.source), size_px) for of_one in members for row in of_one}
    window = model.window(size_px, size_px)
    shown = np.zeros((n, len(members)), dtype=bool)
    parts = []
    for start in range(0, n, _BATCH):
        pictures = []
        for number in range(start, min(start + _BATCH, n)):
            draw = rng.choice(len(members), size=N_SHOWN, replace=False)
            shown[number, draw] = True
            drawn = [members[i] for i in draw.tolist()]
            quarters = [photos[of_one[int(rng.integers(len(of_one)))].source] for of_one in drawn]
            pictures.append(collage(quarters, window.height_px, interpolation=_filter(model), rng=rng))
        parts.append(_activations(model, layer, pictures))
        on_progress(min(start + _BATCH, n), n, "collages read by the model")
    return Collages(torch.cat(parts), shown)


def collage(
    quarters: Sequence[Image.Image], size_px: int, *, interpolation: str, rng: np.random.Generator
) -> UInt8[np.ndarray, "H W 3"]:
    """Four photos in the quarters of a square, each cropped and perhaps flipped by chance."""
    half = size_px // 2
    made = [_quarter(photo, (half, half), interpolation=interpolation, rng=rng) for photo in quarters]
    whole = np.concatenate([np.concatenate(made[:2], axis=1), np.concatenate(made[2:], axis=1)])
    return np.pad(whole, ((0, size_px - 2 * half), (0, size_px - 2 * half), (0, 0)), mode="edge")


def _small(photo: Image.Image, size_px: int) -> Image.Image:
    """A photo that is much larger than the collage, made as large as it."""
    if min(photo.size) > 2 * size_px:
        photo.thumbnail((2 * size_px, 2 * size_px))
    return photo


def _quarter(
    photo: Image.Image, size: tuple[int, int], *, interpolation: str, rng: np.random.Generator
) -> UInt8[np.ndarray, "H W 3"]:
    side = np.sqrt(rng.uniform(_LEAST_CROP, 1.0))
    width, height = side * photo.width, side * photo.height
    left, top = rng.uniform(0, photo.width - width), rng.uniform(0, photo.height - height)
    box = (float(left), float(top), float(left + width), float(top + height))
    pixels = np.asarray(photo.resize(size, resampling_of(interpolation), box=box))
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


def _filter(model: VisionModel) -> str:
    return model.preprocessing.interpolation


@torch.inference_mode()
def _activations(
    model: VisionModel, layer: str, pictures: Sequence[UInt8[np.ndarray, "H W 3"]]
) -> Float[Tensor, "n t d"]:
    own = model.preprocessing
    images = normalise(torch.from_numpy(np.stack(pictures)), mean=own.mean, std=own.std)
    return model.activations(images, layer).patches.flatten(1, 2).float()
