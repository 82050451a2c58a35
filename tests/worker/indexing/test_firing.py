"""The map by firing: planted groups lie together, silent concepts nowhere, the same again by the same seed."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from worker.indexing.firing import as_column, firing_places, nearest_by_firing

N_GROUPS, N_EACH, N_TOKENS = 6, 12, 900
K = N_GROUPS * N_EACH
GROUPS = np.arange(K) % N_GROUPS


@pytest.fixture(scope="module")
def codes() -> csr_matrix:
    """Concepts of a group fire on the same tokens, nine times in ten; two more fire on none."""
    rng = np.random.default_rng(0)
    of_token = rng.integers(0, N_GROUPS, N_TOKENS)
    fires = np.where(GROUPS[:, None] == of_token[None, :], rng.random((K, N_TOKENS)) < 0.9, False)
    fires |= rng.random((K, N_TOKENS)) < 0.02
    dense = np.concatenate([fires * rng.uniform(0.5, 1.5, fires.shape), np.zeros((2, N_TOKENS))])
    return csr_matrix(dense / np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-12))


BESIDE = np.random.default_rng(1).integers(0, 65536, (K + 2, 2)).astype(np.uint16)


def test_neighbours_are_those_with_the_largest_cosine(codes: csr_matrix) -> None:
    alive = codes[:K]
    nearest, distances = nearest_by_firing(alive, n=5, seed=3)
    dense = alive.toarray()
    for k in range(K):
        cosines = {other: float(dense[k] @ dense[other]) for other in range(K) if other != k}
        best = sorted(cosines.values(), reverse=True)[:5]
        assert k not in nearest[k]
        assert len(set(nearest[k].tolist())) == 5
        assert np.allclose(1 - distances[k], best, atol=1e-9)
        assert np.allclose([cosines[int(other)] for other in nearest[k]], best, atol=1e-9)


def test_planted_groups_lie_together_and_the_silent_nowhere(codes: csr_matrix) -> None:
    places = firing_places(codes, beside=BESIDE, seed=0)
    assert np.isnan(places[K:]).all()
    assert as_column(places[:, 0])[K:] == [None, None]
    assert (places[:K].min(axis=0) == 0).all()
    assert (places[:K].max(axis=0) == 65535).all()
    away = np.linalg.norm(places[:K, None] - places[None, :K], axis=2)
    np.fill_diagonal(away, np.inf)
    nearest = np.argsort(away, axis=1)[:, :5]
    shared = (GROUPS[nearest] == GROUPS[:, None]).mean()
    assert shared > 0.9  # by chance 0.15
    again = firing_places(codes, beside=BESIDE, seed=0)
    assert np.array_equal(places, again, equal_nan=True)


@pytest.mark.slow
def test_it_is_turned_to_lie_as_the_other_map_does(codes: csr_matrix) -> None:
    first = firing_places(codes, beside=BESIDE, seed=0)
    mirrored = np.nan_to_num(first[:, ::-1]).astype(np.uint16)
    turned = firing_places(codes, beside=mirrored, seed=0)
    held = [np.corrcoef(turned[:K, axis], mirrored[:K, axis])[0, 1] for axis in (0, 1)]
    assert min(held) > 0.95


def test_few_concepts_lie_in_the_middle() -> None:
    places = firing_places(csr_matrix(np.eye(3)), beside=BESIDE[:3], seed=0)
    assert (places == 32767).all()
