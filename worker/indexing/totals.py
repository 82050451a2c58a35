"""Running totals over all tokens: everything about a concept that is a sum, a count or a maximum."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Float64, Int64

from worker.indexing.pairs import Pairs

BINS_PER_OCTAVE = 4
LOWEST_OCTAVE, HIGHEST_OCTAVE = -20, 20
N_BINS = (HIGHEST_OCTAVE - LOWEST_OCTAVE) * BINS_PER_OCTAVE


def bin_edges() -> Float64[np.ndarray, " b"]:
    """Edges of the histogram bins: a quarter of an octave each, from 2^-20 to 2^20."""
    return np.asarray(2.0 ** (LOWEST_OCTAVE + np.arange(N_BINS + 1) / BINS_PER_OCTAVE), dtype=np.float64)


def bin_of(values: Float32[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Bin of each positive value; values beyond the ends fall into the end bins."""
    return np.clip(np.searchsorted(bin_edges(), values, side="right") - 1, 0, N_BINS - 1).astype(np.int64)


@dataclass
class Totals:
    """Sums per concept. ``add`` takes one batch of images; everything is exact up to float64 rounding."""

    n_concepts: int
    n_patches: int
    n_classes: int
    n_images: int = 0
    n_tokens: int = 0
    count: Int64[np.ndarray, " K"] = field(init=False)
    total: Float64[np.ndarray, " K"] = field(init=False)
    largest: Float64[np.ndarray, " K"] = field(init=False)
    n_firing_images: Int64[np.ndarray, " K"] = field(init=False)
    size_sum: Float64[np.ndarray, " K"] = field(init=False)
    removal: Float64[np.ndarray, " K"] = field(init=False)
    position: Float64[np.ndarray, "K p"] = field(init=False)
    patch_bins: Int64[np.ndarray, "K b"] = field(init=False)
    image_bins: Int64[np.ndarray, "K b"] = field(init=False)
    class_images: Int64[np.ndarray, " c"] = field(init=False)
    class_sum: Float64[np.ndarray, "K c"] = field(init=False)
    class_square: Float64[np.ndarray, "K c"] = field(init=False)
    class_firing: Int64[np.ndarray, "K c"] = field(init=False)

    def __post_init__(self) -> None:
        """Allocate the sums."""
        k, p, c = self.n_concepts, self.n_patches, self.n_classes
        self.count, self.n_firing_images = np.zeros(k, np.int64), np.zeros(k, np.int64)
        self.total, self.largest = np.zeros(k), np.zeros(k)
        self.size_sum, self.removal = np.zeros(k), np.zeros(k)
        self.position = np.zeros((k, p))
        self.patch_bins, self.image_bins = np.zeros((k, N_BINS), np.int64), np.zeros((k, N_BINS), np.int64)
        self.class_images = np.zeros(c, np.int64)
        self.class_sum, self.class_square = np.zeros((k, c)), np.zeros((k, c))
        self.class_firing = np.zeros((k, c), np.int64)

    def add(
        self, pairs: Pairs, *, n_images: int, classes: Int64[np.ndarray, " n"], class_of: Int64[np.ndarray, " m"]
    ) -> None:
        """Add a batch: its pairs, number of images, each image's class (-1 = none) and each pair's class."""
        self.n_images += n_images
        self.n_tokens += n_images * self.n_patches
        self.class_images += np.bincount(classes[classes >= 0], minlength=self.n_classes)
        entry_concept = np.repeat(pairs.concept, pairs.count)
        self._add_entries(entry_concept, pairs)
        self._add_pairs(pairs)
        self._add_classes(pairs, class_of)

    def _add_entries(self, concept: Int64[np.ndarray, " e"], pairs: Pairs) -> None:
        k, value = self.n_concepts, pairs.entry_value
        self.count += np.bincount(concept, minlength=k)
        self.total += np.bincount(concept, weights=value, minlength=k)
        place = concept * self.n_patches + pairs.entry_patch
        self.position += np.bincount(place, weights=value, minlength=k * self.n_patches).reshape(k, -1)
        self.patch_bins += np.bincount(concept * N_BINS + bin_of(value), minlength=k * N_BINS).reshape(k, -1)

    def _add_pairs(self, pairs: Pairs) -> None:
        k, concept = self.n_concepts, pairs.concept
        np.maximum.at(self.largest, concept, pairs.peak)
        self.n_firing_images += np.bincount(concept, minlength=k)
        self.size_sum += np.bincount(concept, weights=pairs.count / self.n_patches, minlength=k)
        self.image_bins += np.bincount(concept * N_BINS + bin_of(pairs.peak), minlength=k * N_BINS).reshape(k, -1)

    def _add_classes(self, pairs: Pairs, class_of: Int64[np.ndarray, " m"]) -> None:
        known = class_of >= 0
        k, c = self.n_concepts, self.n_classes
        if not known.any():
            return
        cell = pairs.concept[known] * c + class_of[known]
        pooled = pairs.pooled[known].astype(np.float64)
        self.class_sum += np.bincount(cell, weights=pooled, minlength=k * c).reshape(k, c)
        self.class_square += np.bincount(cell, weights=pooled**2, minlength=k * c).reshape(k, c)
        self.class_firing += np.bincount(cell, minlength=k * c).reshape(k, c)
