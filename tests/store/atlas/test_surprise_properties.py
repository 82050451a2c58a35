"""Percentiles from a histogram against counting the images themselves."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.atlas.surprise import standing

BINS = 4  # an octave
peaks = st.lists(st.floats(0, 1000), min_size=1, max_size=60)


def histogram(values: list[float]) -> dict[str, object] | None:
    """Quarters of octaves between the first and the last filled one, as an atlas has them."""
    places = [math.floor(BINS * math.log2(value)) for value in values if value > 1e-6]
    if not places:
        return None
    first, last = min(places), max(places)
    return {
        "edges": [2 ** (place / BINS) for place in range(first, last + 2)],
        "counts": [places.count(place) for place in range(first, last + 1)],
        "n_zero": len(values) - len(places),
    }


@given(peaks, st.floats(1e-6, 2000))
def test_percentile_is_the_share_below_up_to_one_bin(values: list[float], peak: float) -> None:
    found = standing(histogram(values), peak, n_images=len(values))
    width = 2 ** (1 / BINS) * (1 + 1e-9)
    below = [value if value > 1e-6 else 0.0 for value in values]
    least = sum(value < peak / width for value in below) / len(values)
    most = sum(value < peak * width for value in below) / len(values)
    assert least - 1e-9 <= found.percentile <= most + 1e-9


@given(peaks, st.lists(st.floats(0, 2000), min_size=2, max_size=20))
def test_larger_peaks_never_stand_lower(values: list[float], asked: list[float]) -> None:
    found = [standing(histogram(values), peak, n_images=len(values)).percentile for peak in sorted(asked)]
    assert all(one <= other + 1e-12 for one, other in pairwise(found))
    assert all(0 <= one <= 1 for one in found)


def test_ends() -> None:
    some = histogram([0.0, 0.0, 1.0, 2.0])
    assert standing(some, 0.0, n_images=4).percentile == 0
    assert standing(some, 0.5, n_images=4).percentile == 0.5
    assert standing(some, 1.5, n_images=4).percentile == 0.75
    assert standing(some, 9.0, n_images=4).is_record
    assert standing(some, 9.0, n_images=4).surprise == pytest.approx(math.log2(5))
    assert standing(some, 1.5, n_images=4).surprise == pytest.approx(2)
    assert standing(None, 0.1, n_images=4).is_record
    assert standing(None, 0.0, n_images=4).percentile == 0
