"""From a collection's photos to shards of tokens: what the extract job stores, and how live activations are made."""

import hashlib
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from store.artifacts import Artifact
from store.collection import Collection, ImageRow
from store.errors import Damaged, InvalidInput
from store.grid import Window
from store.specs import ExtractionSpec
from worker.activations import MEMORY_BYTES, ActivationStore, read_geometry
from worker.images.decode import decode, read
from worker.images.fit import fit
from worker.images.loader import in_order
from worker.images.normalise import normalise
from worker.models.base import VisionModel
from worker.progress import OnProgress, silent
from worker.shards import KeptShards, Shard, StoredGeometry

_BATCH = {"cpu": 8, "cuda": 64}  # a fixed size per device: another size gives other last bits
_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Batch(NamedTuple):
    """Some images of a shard, and their tokens."""

    shard: int
    rows: Sequence[ImageRow]
    tokens: Shard


class _Loaded(NamedTuple):
    """A photo as the model sees it, and where it belongs."""

    shard: int
    row: ImageRow
    picture: UInt8[np.ndarray, "H W 3"]


@dataclass(frozen=True)
class Extraction:
    """One model over one collection, whose photos lie in ``folder`` now. Equal shards have equal bits on one machine.

    Photos are read, fitted and decoded by ``n_threads`` threads while the model works, those of the next shard too.
    Raises ``Damaged`` naming a photo that vanished or changed, ``InvalidInput`` naming model, layer and image of a
    value that is no number or does not fit the dtype.
    """

    spec: ExtractionSpec
    model: VisionModel
    collection: Collection
    folder: Path
    device: torch.device
    n_threads: int | None = None

    @cached_property
    def window(self) -> Window:
        """What the model sees of a photo."""
        return self.model.window(self.spec.height_px, self.spec.width_px, fit=self.spec.fit)

    @cached_property
    def geometry(self) -> StoredGeometry:
        """Where the tokens come from and how they are arranged."""
        geometry = self.model.geometry(self.spec.layer, self.window)
        return StoredGeometry(
            model=self.model.name,
            layer=self.spec.layer,
            weights_sha256=self.model.weights_sha256,
            grid_rows=geometry.grid.rows,
            grid_cols=geometry.grid.cols,
            width=geometry.width,
            n_class=geometry.n_class,
            n_register=geometry.n_register,
            height_px=self.window.height_px,
            width_px=self.window.width_px,
            fit=self.window.fit,
            crop_ratio=self.window.crop_ratio,
            dtype=self.spec.dtype,
            n_images=len(self.collection.images),
            images_per_shard=self.spec.images_per_shard,
        )

    @property
    def n_shards(self) -> int:
        """Shards that hold all images."""
        return self.geometry.n_shards

    def check(self) -> None:
        """Raise ``NotFound`` for a layer that the model does not have, ``InvalidInput`` for a size it cannot take."""
        self.model.check_layer(self.spec.layer)
        self.model.geometry(self.spec.layer, self.window)

    def rows(self, shard: int) -> Sequence[ImageRow]:
        """The images of a shard."""
        size = self.spec.images_per_shard
        return self.collection.images[shard * size : (shard + 1) * size]

    def batches(self, shards: Iterable[int]) -> Generator[Batch, None, None]:
        """Some shards batch by batch, in the order given; no batch reaches over the end of its shard.

        A shard is asked for a few batches before it is made.
        """
        size = _BATCH.get(self.device.type, _BATCH["cpu"])
        wanted = ((shard, row) for shard in shards for row in self.rows(shard))
        with closing(in_order(self._loaded, wanted, n_threads=self.n_threads, ahead=4 * size)) as loaded:
            some: list[_Loaded] = []
            for one in loaded:
                some.append(one)
                if len(some) == size or one.row is self.rows(one.shard)[-1]:
                    rows = [each.row for each in some]
                    yield Batch(one.shard, rows, self._forward(rows, [each.picture for each in some]))
                    some.clear()

    def shards(self, indices: Sequence[int]) -> Generator[Shard, None, None]:
        """Some shards, made anew in the order given, with the very bits that the extract job stores."""
        with closing(self.batches(indices)) as batches:
            for index in indices:
                parts: list[Shard] = []
                while sum(len(part.images) for part in parts) < len(self.rows(index)):
                    parts.append(next(batches).tokens)
                yield joined(parts)

    def _loaded(self, wanted: tuple[int, ImageRow]) -> "_Loaded":
        return _Loaded(*wanted, self._load(wanted[1]))

    def _load(self, row: ImageRow) -> UInt8[np.ndarray, "H W 3"]:
        """A photo as the model's window sees it; raises ``Damaged`` if it is not what was ingested."""
        remedy = f"Put it back, or ingest '{self.folder}' again."
        path = self.folder / row.source
        if not path.exists():
            raise Damaged(f"The photo '{row.source}' of the collection is missing in '{self.folder}'. {remedy}")
        limits = self.collection.spec
        content = read(path, max_bytes=limits["max_bytes"])
        if not hashlib.sha256(content).hexdigest().startswith(row.id):
            raise Damaged(f"The photo '{row.source}' in '{self.folder}' has changed since it was ingested. {remedy}")
        image = decode(content, max_pixels=limits["max_pixels"], max_bytes=limits["max_bytes"], name=row.source)
        return fit(image, self.window, self.model.preprocessing.interpolation)

    @torch.inference_mode()
    def _forward(self, rows: Sequence[ImageRow], pictures: list[UInt8[np.ndarray, "H W 3"]]) -> Shard:
        preprocessing = self.model.preprocessing
        pixels = torch.from_numpy(np.stack(pictures)).to(self.device)
        images = normalise(pixels, mean=preprocessing.mean, std=preprocessing.std)
        found = self.model.activations(images, self.spec.layer)
        dtype = _DTYPES[self.spec.dtype]
        for tokens in (found.patches, found.prefix):
            self._check_range(rows, tokens)
        return Shard(
            torch.tensor([row.image for row in rows], dtype=torch.int32),
            found.patches.flatten(1, 2).to(dtype).cpu().contiguous(),
            found.prefix.to(dtype).cpu().contiguous(),
        )

    def _check_range(self, rows: Sequence[ImageRow], tokens: Tensor) -> None:
        """Refuse values that are no numbers, or that become infinite in the dtype of the shards."""
        if not tokens.numel():
            return
        low, high = (float(bound) for bound in torch.aminmax(tokens.float()))
        largest = torch.finfo(_DTYPES[self.spec.dtype]).max
        if -largest <= low and high <= largest:  # false for NaN, too
            return
        fits = (tokens.float().abs() <= largest).flatten(1).all(dim=1)
        source = rows[int((~fits).nonzero()[0])].source
        where = f"{self.model.name} at layer '{self.spec.layer}' gives {{}} for the photo '{source}'"
        if np.isfinite(low) and np.isfinite(high):
            raise InvalidInput(
                f"{where.format(f'values up to {max(-low, high):.3g}')}, above the {largest:.0f} of "
                f"{self.spec.dtype}: use bfloat16."
            )
        raise InvalidInput(
            f"{where.format('values that are no numbers')}. Check the weights, or choose an earlier layer."
        )


def joined(parts: Sequence[Shard]) -> Shard:
    """Parts of a shard as one."""
    return Shard(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))


def open_live(
    artifact: Artifact,
    extraction: Extraction,
    *,
    memory_bytes: int = MEMORY_BYTES,
    on_progress: OnProgress = silent,
) -> ActivationStore:
    """Activations that are not stored: made anew when they are read, and kept where all of them fit ``memory_bytes``.

    ``on_progress`` is told of images that are read in order to be kept.
    Raises ``Damaged`` when model and photos would not give the activations that the statistics were made from.
    """
    stored, found = read_geometry(artifact), extraction.geometry
    for field, was in stored:
        now = getattr(found, field)
        if was != now:
            raise Damaged(
                f"The statistics of the activations {artifact.digest[:12]} were made with {field} {was}, but "
                f"{found.model} has {now} now. Bring back what they were made with, or extract with --live --rebuild."
            )
    if KeptShards.n_bytes(stored) <= memory_bytes:
        return ActivationStore(artifact, KeptShards(extraction, stored, on_progress=on_progress))
    return ActivationStore(artifact, extraction)
