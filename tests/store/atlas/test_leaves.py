"""The order of leaves against a literal twin."""

import numpy as np
import pytest
from jaxtyping import Float64

from store.atlas.leaves import leaf_order


def literally(vectors: Float64[np.ndarray, "n d"]) -> list[int]:
    def distance(one: int, other: int) -> float:
        a, b = vectors[one], vectors[other]
        lengths = float(np.sqrt((a**2).sum()) * np.sqrt((b**2).sum()))
        return 1 - float((a * b).sum()) / lengths if lengths else 1.0

    clusters = [[leaf] for leaf in range(len(vectors))]
    while len(clusters) > 1:
        pairs = []
        for i, left in enumerate(clusters):
            for right in clusters[i + 1 :]:
                mean = np.mean([distance(a, b) for a in left for b in right])
                pairs.append((round(float(mean), 12), left[0], right[0], left, right))
        *_, left, right = min(pairs)
        clusters = [left + right if one is left else one for one in clusters if one is not right]
    return clusters[0] if clusters else []


@pytest.mark.parametrize("n", [0, 1, 2, 5, 12])
def test_it_is_average_linkage(n: int) -> None:
    vectors = np.random.default_rng(n).normal(size=(n, 4))
    if n > 4:
        vectors[1] = 0
        vectors[4] = vectors[2]
    order = leaf_order(vectors)
    assert order == literally(vectors)
    assert sorted(order) == list(range(n))


def test_like_ones_are_neighbours() -> None:
    two = np.eye(2)[[0, 1, 0, 1, 0]]
    assert leaf_order(two) == [0, 2, 4, 1, 3]
