"""Sums over places, for every two streams: where concepts fire together, and how alike their codes are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from worker.indexing.pairs import Pairs


@dataclass(frozen=True)
class Meetings:
    """Places (patches or images) of concepts with a code above 0 in some stream, and the codes of M streams there."""

    concept: Int64[np.ndarray, " u"]
    values: Float32[np.ndarray, "M u"]


def meetings_of_patches(of_streams: Sequence[Pairs], *, n_concepts: int) -> Meetings:
    """Codes of patches, from the pairs of the same images in each stream."""
    keys, values = [], []
    for pairs in of_streams:
        pair = np.repeat(pairs.image * n_concepts + pairs.concept, pairs.count)
        keys.append(pair * pairs.n_patches + pairs.entry_patch)
        values.append(pairs.entry_value)
    places, table = _met(keys, values)
    return Meetings(places // of_streams[0].n_patches % n_concepts, table)


def meetings_of_images(
    of_streams: Sequence[Pairs], *, n_concepts: int, among: Bool[np.ndarray, " N"] | None = None
) -> Meetings:
    """Pooled codes of images, of all or of those that ``among`` marks."""
    kept = [slice(None) if among is None else among[pairs.image] for pairs in of_streams]
    pairs_kept = list(zip(of_streams, kept, strict=True))
    keys = [pairs.image[chosen] * n_concepts + pairs.concept[chosen] for pairs, chosen in pairs_kept]
    places, table = _met(keys, [pairs.pooled[chosen] for pairs, chosen in pairs_kept])
    return Meetings(places % n_concepts, table)


def _met(
    keys: Sequence[Int64[np.ndarray, " _"]], values: Sequence[Float32[np.ndarray, " _"]]
) -> tuple[Int64[np.ndarray, " u"], Float32[np.ndarray, "M u"]]:
    """All keys of any stream, and each stream's value there; 0 where it has none."""
    places, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    table = np.zeros((len(keys), len(places)), dtype=np.float32)
    table[np.repeat(np.arange(len(keys)), [len(one) for one in keys]), inverse] = np.concatenate(values)
    return places, table


@dataclass
class Products:
    """Sums of codes and of their products, for correlations."""

    n_streams: int
    n_concepts: int
    n: int = 0
    """Places, silent ones included."""
    sums: Float64[np.ndarray, "M K"] = field(init=False)
    products: Float64[np.ndarray, "M M K"] = field(init=False)

    def __post_init__(self) -> None:
        """Allocate the sums."""
        self.sums = np.zeros((self.n_streams, self.n_concepts))
        self.products = np.zeros((self.n_streams, self.n_streams, self.n_concepts))

    def add(self, met: Meetings, *, n: int) -> None:
        """Add the places of a batch."""
        self.n += n
        values = met.values.astype(np.float64)
        for i, one in enumerate(values):
            self.sums[i] += np.bincount(met.concept, weights=one, minlength=self.n_concepts)
            for j, other in enumerate(values):
                self.products[i, j] += np.bincount(met.concept, weights=one * other, minlength=self.n_concepts)

    def correlation(self) -> Float64[np.ndarray, "M M K"]:
        """Pearson's ``(n S_ij - S_i S_j) / sqrt((n S_ii - S_i^2) (n S_jj - S_j^2))``; NaN where a stream is silent."""
        covariance = self.n * self.products - self.sums[:, None] * self.sums[None, :]
        spread = np.einsum("iik->ik", covariance)
        silent = self.sums == 0
        spread = np.sqrt(np.where(silent, np.nan, np.maximum(spread, 0)))
        with np.errstate(invalid="ignore", divide="ignore"):
            found = covariance / (spread[:, None] * spread[None, :])
        return np.where(np.isfinite(found), np.clip(found, -1, 1), np.nan)


@dataclass
class Firings:
    """Counts of patches at which a concept fires, its code being above the stream's threshold."""

    above: Float64[np.ndarray, " M"]
    n_concepts: int
    both: Int64[np.ndarray, "M M K"] = field(init=False)
    """In two streams; of one stream on the diagonal."""
    everywhere: Int64[np.ndarray, " K"] = field(init=False)
    anywhere: Int64[np.ndarray, " K"] = field(init=False)

    def __post_init__(self) -> None:
        """Allocate the counts."""
        n_streams = len(self.above)
        self.both = np.zeros((n_streams, n_streams, self.n_concepts), dtype=np.int64)
        self.everywhere, self.anywhere = np.zeros((2, self.n_concepts), dtype=np.int64)

    def add(self, met: Meetings) -> None:
        """Add the patches of a batch."""
        fires = met.values > np.maximum(self.above, 0)[:, None]
        for i, one in enumerate(fires):
            for j, other in enumerate(fires):
                self.both[i, j] += self._count(met, one & other)
        self.everywhere += self._count(met, fires.all(axis=0))
        self.anywhere += self._count(met, fires.any(axis=0))

    def _count(self, met: Meetings, which: Bool[np.ndarray, " u"]) -> Int64[np.ndarray, " K"]:
        return np.bincount(met.concept[which], minlength=self.n_concepts).astype(np.int64)
