"""Clusters of concepts: planted groups are found, whatever the start, and what is near nothing makes no heap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import adjusted_rand_score

from worker.indexing.clusters import N_NEAR, clusters


def nearest(atoms: np.ndarray, n: int = 20) -> np.ndarray:
    unit = atoms / np.linalg.norm(atoms, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    return np.argsort(-cosines, axis=1)[:, :n]


def planted(n_groups: int, n_each: int, *, width: int = 64, spread: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    groups = rng.permutation(np.repeat(np.arange(n_groups), n_each))
    centres = rng.standard_normal((n_groups, width))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    return centres[groups] + spread * rng.standard_normal((len(groups), width)), groups


@pytest.mark.parametrize(("n_groups", "n_each"), [(12, 12), (20, 20), (36, 36)])  # the last by blocks
def test_planted_groups_are_found_from_any_start(n_groups: int, n_each: int) -> None:
    atoms, groups = planted(n_groups, n_each)
    found = [clusters(nearest(atoms), seed=seed) for seed in (0, 1)]
    for labels in found:
        assert adjusted_rand_score(groups, labels) == pytest.approx(1)


def test_directions_that_are_near_nothing_make_no_heap() -> None:
    atoms = np.random.default_rng(2).standard_normal((400, 1280))
    sizes = np.bincount(clusters(nearest(atoms), seed=0), minlength=20)
    assert sizes.max() < 3 * 20  # k-means leaves half of such in one


def literal_clusters(near: np.ndarray) -> np.ndarray:
    """The docstring, word by word, with pivots found one after the other."""
    n_concepts = len(near)
    n_clusters = max(1, round(n_concepts**0.5))
    a = np.zeros((n_concepts, n_concepts))
    for i, row in enumerate(near):
        for j in row[:N_NEAR]:
            if j >= 0:
                a[i, j] = 1
    w = (a + a.T) / 2
    d = np.maximum(w.sum(axis=1), 1e-12)
    values, vectors = np.linalg.eigh(w / np.sqrt(d)[:, None] / np.sqrt(d)[None, :])
    top = vectors[:, np.argsort(values)[-n_clusters:]]
    left, pivots = top.copy(), []
    for _ in range(n_clusters):
        pivots.append(int(np.argmax(np.linalg.norm(left, axis=1))))
        axis = left[pivots[-1]] / np.linalg.norm(left[pivots[-1]])
        left = left - np.outer(left @ axis, axis)
    u, _, v = np.linalg.svd(top[pivots].T)
    labels = np.abs(top @ (u @ v)).argmax(axis=1)
    sizes = [int((labels == label).sum()) for label in range(n_clusters)]
    order = sorted(range(n_clusters), key=lambda label: (-sizes[label], label))
    return np.array([order.index(label) for label in labels])


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_it_is_what_the_docstring_says(spread: float) -> None:
    atoms, _ = planted(9, 9, spread=spread)
    near = nearest(atoms)
    near[3, 4:] = -1  # a list that is shorter
    assert adjusted_rand_score(literal_clusters(near), clusters(near, seed=0)) == pytest.approx(1)


@given(
    near=st.integers(1, 40).flatmap(
        lambda n: hnp.arrays(np.int64, (n, min(12, max(n - 1, 1))), elements=st.integers(-1, n - 1))
    )
)
def test_any_lists_give_numbers_from_the_largest_on(near: np.ndarray) -> None:
    labels = clusters(near, seed=0)
    assert labels.shape == (len(near),)
    sizes = np.bincount(labels)
    assert (np.diff(sizes) <= 0).all()
    assert len(sizes) <= max(1, round(len(near) ** 0.5))
