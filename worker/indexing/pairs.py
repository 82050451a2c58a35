"""Codes of a batch of images, grouped into (image, concept) pairs: the unit of all evidence."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64, UInt8


@dataclass(frozen=True)
class Pairs:
    """Pairs of an image and a concept that fires on it, ordered by image, then concept.

    ``start`` and ``stop`` delimit each pair's entries in ``entry_patch`` and ``entry_value``.
    """

    n_patches: int
    image: Int64[np.ndarray, " m"]
    concept: Int64[np.ndarray, " m"]
    peak: Float32[np.ndarray, " m"]
    peak_patch: Int64[np.ndarray, " m"]
    total: Float32[np.ndarray, " m"]
    start: Int64[np.ndarray, " m"]
    stop: Int64[np.ndarray, " m"]
    entry_patch: Int64[np.ndarray, " e"]
    entry_value: Float32[np.ndarray, " e"]

    @property
    def count(self) -> Int64[np.ndarray, " m"]:
        """Number of patches on which the pair's concept fires."""
        count: Int64[np.ndarray, " m"] = self.stop - self.start
        return count

    @property
    def pooled(self) -> Float32[np.ndarray, " m"]:
        """Mean code over all patches of the image, zeros included."""
        return self.total / np.float32(self.n_patches)

    def entries_of(self, chosen: Int64[np.ndarray, " c"]) -> tuple[Int64[np.ndarray, " f"], Int64[np.ndarray, " f"]]:
        """For chosen pairs: the row (0 to c-1) and the entry index of each of their entries."""
        lengths = self.count[chosen]
        rows = np.repeat(np.arange(len(chosen)), lengths)
        first = np.repeat(self.start[chosen] - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
        return rows, first + np.arange(len(rows))

    def heat(self, chosen: Int64[np.ndarray, " c"]) -> UInt8[np.ndarray, "c p"]:
        """Activation maps of chosen pairs, each scaled so that its own peak is 255."""
        maps = np.zeros((len(chosen), self.n_patches), dtype=np.uint8)
        rows, entries = self.entries_of(chosen)
        scaled = self.entry_value[entries] / self.peak[chosen][rows] * 255
        maps[rows, self.entry_patch[entries]] = np.rint(scaled).astype(np.uint8)
        return maps


def make_pairs(
    images: Int64[np.ndarray, " n"],
    indices: Int64[np.ndarray, "n p a"],
    values: Float32[np.ndarray, "n p a"],
) -> Pairs:
    """Group sparse codes of ``n`` images with ``p`` patches and ``a`` slots per patch; zero slots are dropped."""
    _, n_patches, n_slots = indices.shape
    flat = np.flatnonzero(values)
    value = values.reshape(-1)[flat]
    concept = indices.reshape(-1)[flat]
    row, within = np.divmod(flat, n_patches * n_slots)
    patch = within // n_slots
    order = np.lexsort((patch, concept, row))
    row, concept, patch, value = row[order], concept[order], patch[order], value[order]
    fresh = np.ones(len(row), dtype=bool)
    fresh[1:] = (row[1:] != row[:-1]) | (concept[1:] != concept[:-1])
    start = np.flatnonzero(fresh)
    stop = np.append(start[1:], len(row)).astype(np.int64)
    if not len(start):
        return _no_pairs(n_patches)
    peak = np.maximum.reduceat(value, start)
    is_peak = value == np.repeat(peak, stop - start)
    first_peak = np.minimum.reduceat(np.where(is_peak, np.arange(len(row)), len(row)), start)
    return Pairs(
        n_patches=n_patches,
        image=images[row[start]],
        concept=concept[start],
        peak=peak,
        peak_patch=patch[first_peak],
        total=np.add.reduceat(value, start),
        start=start,
        stop=stop,
        entry_patch=patch,
        entry_value=value,
    )


def _no_pairs(n_patches: int) -> Pairs:
    none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    return Pairs(n_patches, none, none, nothing, none, nothing, none, none, none, nothing)
