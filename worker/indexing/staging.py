"""What is kept per image while the pass runs, spilled to disk batch by batch so that memory does not grow."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Float32, Int64, UInt32

from worker.indexing.pairs import Pairs
from worker.indexing.scan import Encoded

_SURPLUS = 4  # pairs kept per image, times the wanted number, before the concepts' maxima are known


@dataclass(frozen=True)
class Chunk:
    """One batch of images: strongest pairs of each image, strongest codes of each patch."""

    images: Int64[np.ndarray, " n"]
    pair_image: Int64[np.ndarray, " m"]
    pair_concept: Int64[np.ndarray, " m"]
    pair_pooled: Float32[np.ndarray, " m"]
    pair_peak: Float32[np.ndarray, " m"]
    pair_patch: Int64[np.ndarray, " m"]
    patch_concepts: UInt32[np.ndarray, "n p t"]
    patch_values: Float16[np.ndarray, "n p t"]


class Staging:
    """A folder of spilled chunks. ``drop`` must be called before the draft is published."""

    def __init__(self, folder: Path, *, image_top: int, patch_top: int) -> None:
        self._folder, self._image_top, self._patch_top = folder, image_top, patch_top
        self._n_chunks = 0
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    def add(self, encoded: Encoded, pairs: Pairs) -> None:
        """Spill a batch."""
        kept = _strongest(pairs, self._image_top * _SURPLUS)
        concepts, values = _top_of_patches(encoded, self._patch_top)
        np.savez(
            self._folder / f"{self._n_chunks:06}.npz",
            images=encoded.images,
            pair_image=pairs.image[kept],
            pair_concept=pairs.concept[kept],
            pair_pooled=pairs.pooled[kept],
            pair_peak=pairs.peak[kept],
            pair_patch=pairs.peak_patch[kept],
            patch_concepts=concepts,
            patch_values=values,
        )
        self._n_chunks += 1

    def chunks(self) -> Iterator[Chunk]:
        """All chunks, in the order they came."""
        for path in sorted(self._folder.glob("*.npz")):
            with np.load(path, allow_pickle=False) as arrays:
                yield Chunk(**{name: arrays[name] for name in arrays.files})

    def drop(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder)


def _strongest(pairs: Pairs, n: int) -> Int64[np.ndarray, " k"]:
    """Pairs with the ``n`` largest pooled codes of each image, in their order."""
    order = np.lexsort((-pairs.pooled, pairs.image))
    starts = np.searchsorted(pairs.image[order], pairs.image[order], side="left")
    kept: Int64[np.ndarray, " k"] = np.sort(order[np.arange(len(order)) - starts < n])
    return kept


def _top_of_patches(encoded: Encoded, n: int) -> tuple[UInt32[np.ndarray, "n p t"], Float16[np.ndarray, "n p t"]]:
    order = np.argsort(-encoded.values, axis=2, kind="stable")[:, :, :n]
    concepts = np.take_along_axis(encoded.indices, order, axis=2).astype("<u4")
    largest = np.finfo(np.float16).max
    values = np.minimum(np.take_along_axis(encoded.values, order, axis=2), largest).astype("<f2")
    return np.where(values > 0, concepts, 0).astype("<u4"), values
