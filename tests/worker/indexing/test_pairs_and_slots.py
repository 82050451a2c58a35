"""Grouping codes into pairs, and bounded lists, against slow literal twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.indexing.pairs import Pairs, make_pairs
from worker.indexing.slots import Slots, priority

N_CONCEPTS = 7


def random_codes(
    seed: int, *, n_images: int = 9, n_patches: int = 6, n_slots: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Codes with distinct concepts per patch, many of them zero, some values tied."""
    rng = np.random.default_rng(seed)
    indices = np.stack([rng.permutation(N_CONCEPTS)[:n_slots] for _ in range(n_images * n_patches)])
    values = rng.integers(0, 5, size=(n_images * n_patches, n_slots)).astype(np.float32) / 2
    shape = (n_images, n_patches, n_slots)
    return indices.reshape(shape).astype(np.int64), values.reshape(shape)


def dense(indices: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The same codes as [n p K], by loops."""
    n, p, a = indices.shape
    codes = np.zeros((n, p, N_CONCEPTS), dtype=np.float32)
    for i in range(n):
        for j in range(p):
            for s in range(a):
                codes[i, j, indices[i, j, s]] += values[i, j, s]
    return codes


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_pairs_equal_a_loop_over_dense_codes(seed: int) -> None:
    indices, values = random_codes(seed)
    codes = dense(indices, values)
    images = np.arange(100, 100 + len(codes))
    pairs = make_pairs(images, indices, values)
    expected = [(i, k) for i in range(len(codes)) for k in range(N_CONCEPTS) if codes[i, :, k].any()]
    assert list(zip(pairs.image - 100, pairs.concept, strict=True)) == expected
    for row, (i, k) in enumerate(expected):
        column = codes[i, :, k]
        assert pairs.peak[row] == column.max()
        assert pairs.peak_patch[row] == column.argmax()
        assert pairs.total[row] == pytest.approx(column.sum())
        assert pairs.count[row] == (column > 0).sum()
        assert pairs.pooled[row] == pytest.approx(column.mean())
        heat = pairs.heat(np.array([row]))[0]
        assert np.array_equal(heat, np.rint(column / column.max() * 255).astype(np.uint8))


def test_images_without_any_code_give_no_pairs() -> None:
    pairs = make_pairs(np.arange(2), np.zeros((2, 3, 1), dtype=np.int64), np.zeros((2, 3, 1), dtype=np.float32))
    assert len(pairs.image) == 0
    assert len(pairs.heat(np.zeros(0, dtype=np.int64))) == 0


def offer_in_batches(slots: Slots, codes: list[tuple[np.ndarray, np.ndarray, np.ndarray]], *, by_peak: bool) -> None:
    for images, indices, values in codes:
        pairs = make_pairs(images, indices, values)
        key = pairs.peak.astype(np.float64) if by_peak else priority(pairs.image, pairs.concept, seed=3)
        slots.offer(pairs, key)


def brute_force(pairs: Pairs, concept: int, n: int, *, by_peak: bool) -> list[int]:
    mine = [i for i in range(len(pairs.image)) if pairs.concept[i] == concept]
    key = pairs.peak if by_peak else priority(pairs.image, pairs.concept, seed=3)
    return [int(pairs.image[i]) for i in sorted(mine, key=lambda i: (-key[i], pairs.image[i]))[:n]]


@pytest.mark.parametrize("by_peak", [True, False])
@given(seed=st.integers(0, 10_000), n_slots=st.integers(1, 5), n_batches=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_slots_keep_the_largest_keys_whatever_the_batches(
    by_peak: bool, seed: int, n_slots: int, n_batches: int
) -> None:
    indices, values = random_codes(seed, n_images=12)
    images = np.arange(12)
    whole = make_pairs(images, indices, values)
    slots = Slots(N_CONCEPTS, n_slots, n_patches=indices.shape[1])
    parts = np.array_split(images, n_batches)
    offer_in_batches(slots, [(part, indices[part], values[part]) for part in parts], by_peak=by_peak)
    for concept in range(N_CONCEPTS):
        rows = slots.sorted_rows(concept)
        assert slots.image[concept][rows].tolist() == brute_force(whole, concept, n_slots, by_peak=by_peak)
        for row in rows:
            at = np.flatnonzero((whole.image == slots.image[concept, row]) & (whole.concept == concept))
            assert np.array_equal(slots.heat[concept, row], whole.heat(at)[0])
            assert slots.value[concept, row] == whole.peak[at[0]]


def test_priority_is_uniform_and_depends_on_all_of_its_inputs() -> None:
    images = np.arange(20_000)
    draws = priority(images, 5, seed=0)
    assert draws.min() >= 0
    assert draws.max() < 1
    counts, _ = np.histogram(draws, bins=20, range=(0, 1))
    assert (np.abs(counts - 1000) < 160).all()  # five standard deviations of a binomial count
    for other in (priority(images, 6, seed=0), priority(images, 5, seed=1)):
        assert abs(np.corrcoef(draws, other)[0, 1]) < 0.05
