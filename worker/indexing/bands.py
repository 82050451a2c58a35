"""Examples of each band, chosen from what the pass kept."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from store.vocabulary import Band
from worker.indexing.scan import Scan
from worker.indexing.slots import Slots, priority

QUANTILES = (0.5, 0.75, 0.95, 0.99)
INTERVALS = {Band.Q99: (0.95, 0.99), Band.Q95: (0.75, 0.95), Band.Q75: (0.5, 0.75), Band.Q50: (0.0, 0.5)}


@dataclass(frozen=True)
class Example:
    """One example of a concept; ``patch`` is None and the map all zero where the concept is silent.

    The percentile is known of stream 0 only.
    """

    concept: int
    band: Band
    rank: int
    image: int
    patch: int | None
    value: float
    percentile: float | None
    likeness: float | None
    heat: UInt8[np.ndarray, " p"]
    stream: int = 0


class Bands:
    """Chooses the examples of one concept after the other."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._images = scan.pool.images
        self._peaks = scan.pool.peaks(scan.n_concepts)
        self._descriptors = _unit_rows(scan.pool.descriptors)
        self._firing = _unit_rows(scan.firing_mean.astype(np.float32))

    def quantiles(self, concept: int) -> Float64[np.ndarray, " 4"]:
        """The 0.5, 0.75, 0.95 and 0.99 quantiles of the concept's image peaks, from its sample; NaN when dead."""
        peaks = self._sampled_peaks(concept)
        return np.quantile(peaks, QUANTILES) if len(peaks) else np.full(len(QUANTILES), np.nan)

    def examples(self, concept: int) -> Iterator[Example]:
        """All examples of a concept, band by band."""
        scan = self._scan
        if scan.totals.count[concept]:
            yield from self._from_slots(concept, Band.TOP, scan.top, scan.top.sorted_rows(concept))
            for band in INTERVALS:
                yield from self._from_slots(concept, band, scan.sample, self._rows_in(concept, band))
            yield from self._near_misses(concept)
        yield from self._random(concept)

    def _sampled_peaks(self, concept: int) -> Float64[np.ndarray, " n"]:
        sample = self._scan.sample
        return np.sort(sample.value[concept][sample.image[concept] >= 0].astype(np.float64))

    def _percentile(self, concept: int, value: float) -> float:
        peaks = self._sampled_peaks(concept)
        return float(np.searchsorted(peaks, value, side="right") / len(peaks)) if len(peaks) else 0.0

    def _rows_in(self, concept: int, band: Band) -> Int64[np.ndarray, " n"]:
        """Sample rows whose peak lies in the band, at most ``n_examples`` of the sample's own order, largest first."""
        low, high = INTERVALS[band]
        peaks = self._sampled_peaks(concept)
        lower = np.quantile(peaks, low) if low else 0.0
        upper = np.quantile(peaks, high)
        rows = self._scan.sample.sorted_rows(concept)
        values = self._scan.sample.value[concept][rows]
        inside = rows[(values >= lower) & (values < upper)][: self._scan.spec.n_examples]
        strongest = np.argsort(-self._scan.sample.value[concept][inside], kind="stable")
        return np.asarray(inside[strongest], dtype=np.int64)

    def _from_slots(self, concept: int, band: Band, slots: Slots, rows: Int64[np.ndarray, " n"]) -> Iterator[Example]:
        for rank, row in enumerate(rows):
            value = float(slots.value[concept, row])
            yield Example(
                concept=concept,
                band=band,
                rank=rank,
                image=int(slots.image[concept, row]),
                patch=int(slots.patch[concept, row]),
                value=value,
                percentile=self._percentile(concept, value),
                likeness=None,
                heat=slots.heat[concept, row],
            )

    def _random(self, concept: int) -> Iterator[Example]:
        order = np.argsort(priority(self._images, concept, seed=self._scan.spec.seed + 1), kind="stable")
        chosen = order[: self._scan.spec.n_examples]
        for rank, row in enumerate(chosen[np.argsort(-self._peaks[chosen, concept], kind="stable")]):
            yield self._from_pool(concept, Band.RANDOM, rank, int(self._images[row]), likeness=None)

    def _near_misses(self, concept: int) -> Iterator[Example]:
        likeness = self._descriptors @ self._firing[concept]
        likeness[self._peaks[:, concept] > 0] = -np.inf
        order = np.argsort(-likeness, kind="stable")[: self._scan.spec.n_examples]
        for rank, row in enumerate(order[likeness[order] > 0]):
            yield self._from_pool(concept, Band.NEAR_MISS, rank, int(self._images[row]), likeness=float(likeness[row]))

    def _from_pool(self, concept: int, band: Band, rank: int, image: int, *, likeness: float | None) -> Example:
        found = self._scan.pool.find(image, concept)
        silent = np.zeros(self._scan.n_patches, dtype=np.uint8)
        value, patch, heat = found if found is not None else (0.0, None, silent)
        percentile = self._percentile(concept, value) if found is not None else 0.0
        return Example(concept, band, rank, image, patch, value, percentile, likeness, heat)


def _unit_rows(rows: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d"]:
    """Rows with norm 1; a zero row stays zero."""
    unit: Float32[np.ndarray, "n d"] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit
