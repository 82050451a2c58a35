"""A bounded uniform sample of images with all their codes: for random and near-miss rows and for co-activation."""

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from worker.indexing.pairs import Pairs
from worker.indexing.slots import priority


class Pool:
    """Up to ``n_images`` images, chosen by a random priority that depends only on the image and the seed."""

    def __init__(self, n_images: int, *, seed: int) -> None:
        self._n_images, self._seed = n_images, seed
        self._parts: dict[int, Pairs] = {}
        self._descriptors: dict[int, Float32[np.ndarray, " d"]] = {}

    def add(self, pairs: Pairs, images: Int64[np.ndarray, " n"], descriptors: Float32[np.ndarray, "n d"]) -> None:
        """Offer a batch of images with their pairs and mean activations."""
        starts = np.searchsorted(pairs.image, images, side="left")
        stops = np.searchsorted(pairs.image, images, side="right")
        for image, start, stop, descriptor in zip(images, starts, stops, descriptors, strict=True):
            self._parts[int(image)] = _slice(pairs, int(start), int(stop))
            self._descriptors[int(image)] = descriptor.copy()
        surplus = len(self._parts) - self._n_images
        if surplus > 0:
            members = np.array(sorted(self._parts))
            for image in members[np.argsort(self._priority(members), kind="stable")[-surplus:]]:
                del self._parts[int(image)], self._descriptors[int(image)]

    @property
    def images(self) -> Int64[np.ndarray, " n"]:
        """The sampled images, ascending."""
        return np.array(sorted(self._parts), dtype=np.int64)

    @property
    def descriptors(self) -> Float32[np.ndarray, "n d"]:
        """Mean activation of each sampled image, in the order of ``images``."""
        return np.stack([self._descriptors[int(image)] for image in self.images])

    def peaks(self, n_concepts: int) -> Float32[np.ndarray, "n K"]:
        """Peak of every concept on every sampled image, in the order of ``images``; 0 = silent."""
        peaks = np.zeros((len(self._parts), n_concepts), dtype=np.float32)
        for row, image in enumerate(self.images):
            part = self._parts[int(image)]
            peaks[row, part.concept] = part.peak
        return peaks

    def find(self, image: int, concept: int) -> tuple[float, int, UInt8[np.ndarray, " p"]] | None:
        """Peak, its patch and the activation map of a concept on a sampled image; None where it is silent."""
        part = self._parts[image]
        at = int(np.searchsorted(part.concept, concept))
        if at == len(part.concept) or part.concept[at] != concept:
            return None
        return float(part.peak[at]), int(part.peak_patch[at]), part.heat(np.array([at]))[0]

    def entries(self) -> tuple[Int64[np.ndarray, " e"], Int64[np.ndarray, " e"], Float32[np.ndarray, " e"]]:
        """All codes as (token, concept, value); tokens are numbered over the sampled images."""
        tokens, concepts, values = [], [], []
        for row, image in enumerate(self.images):
            part = self._parts[int(image)]
            tokens.append(row * part.n_patches + part.entry_patch)
            concepts.append(np.repeat(part.concept, part.count))
            values.append(part.entry_value)
        return np.concatenate(tokens), np.concatenate(concepts), np.concatenate(values)

    def _priority(self, images: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        return priority(images, 0, seed=self._seed)


def _slice(pairs: Pairs, start: int, stop: int) -> Pairs:
    first = int(pairs.start[start]) if stop > start else 0
    last = int(pairs.stop[stop - 1]) if stop > start else 0
    return Pairs(
        n_patches=pairs.n_patches,
        image=pairs.image[start:stop].copy(),
        concept=pairs.concept[start:stop].copy(),
        peak=pairs.peak[start:stop].copy(),
        peak_patch=pairs.peak_patch[start:stop].copy(),
        total=pairs.total[start:stop].copy(),
        start=pairs.start[start:stop] - first,
        stop=pairs.stop[start:stop] - first,
        entry_patch=pairs.entry_patch[first:last].copy(),
        entry_value=pairs.entry_value[first:last].copy(),
    )
