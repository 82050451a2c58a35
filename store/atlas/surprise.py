"""How unusual a code is: where a photo's peak stands among the peaks of the collection's images."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Standing:
    """A concept's largest code on a photo against the same on every image of the collection."""

    percentile: float
    """Share of the images whose peak is below, in [0, 1]; those in which the concept is silent count."""
    n_images: int

    @property
    def surprise(self) -> float:
        """``-log2(1 - percentile)`` in bits, at most ``log2(n + 1)``: n images cannot show that something is rarer."""
        return -math.log2(max(1.0 - self.percentile, 1.0 / (self.n_images + 1)))

    @property
    def is_record(self) -> bool:
        """Whether no image of the collection comes near."""
        return self.percentile >= 1.0


def standing(histogram: Mapping[str, Any] | None, peak: float, *, n_images: int) -> Standing:
    """From a concept's histogram of image peaks, ``Atlas.histograms_of(concept)["image_max"]``; None for a dead one.

    Exact but for the bin that the peak falls into, of which the part below is taken as evenly filled on a logarithmic
    axis. A silent concept, with peak 0, has nothing below it.
    """
    if peak <= 0:
        return Standing(0.0, n_images)
    if histogram is None:
        return Standing(1.0, n_images)
    edges, counts = list(histogram["edges"]), list(histogram["counts"])
    below = float(histogram["n_zero"])
    place = bisect_right(edges, peak) - 1
    below += sum(counts[: max(place, 0)])
    if 0 <= place < len(counts):
        below += counts[place] * math.log(peak / edges[place]) / math.log(edges[place + 1] / edges[place])
    return Standing(min(below / n_images, 1.0), n_images)
