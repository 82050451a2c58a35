import itertools

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from worker.moments import Moments, merge

VALUES = st.lists(st.tuples(*[st.floats(-1e4, 1e4, width=32)] * 3), max_size=40)


def slow(rows: list[tuple[float, float, float]]) -> tuple[list[float], list[float]]:
    mean = [sum(row[i] for row in rows) / len(rows) for i in range(3)]
    return mean, [sum((row[i] - mean[i]) ** 2 for row in rows) for i in range(3)]


def moments_of(rows: list[tuple[float, float, float]]) -> Moments:
    return Moments.of(torch.tensor(rows, dtype=torch.float32).reshape(-1, 3))


@given(VALUES.filter(bool))
def test_moments_are_those_of_a_slow_twin(rows: list[tuple[float, float, float]]) -> None:
    mean, m2 = slow(rows)
    found = moments_of(rows)
    assert found.n == len(rows)
    assert np.allclose(found.mean.numpy(), mean, rtol=1e-10, atol=1e-9)
    assert np.allclose(found.m2.numpy(), m2, rtol=1e-9, atol=1e-5)
    assert np.allclose(found.std.numpy(), np.sqrt(np.array(m2) / len(rows)), rtol=1e-9, atol=1e-2)


@given(VALUES, st.lists(st.integers(0, 40), max_size=5))
def test_parts_merge_to_the_whole(rows: list[tuple[float, float, float]], cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [moments_of(rows[a:b]) for a, b in itertools.pairwise(edges)]
    found, whole = merge(parts, 3), moments_of(rows)
    assert found.n == whole.n
    assert torch.allclose(found.mean, whole.mean, rtol=1e-10, atol=1e-9)
    assert torch.allclose(found.m2, whole.m2, rtol=1e-9, atol=1e-5)


def test_a_large_mean_costs_no_precision() -> None:
    rows = torch.arange(10_000, dtype=torch.float64)[:, None] + 1e9
    found = merge([Moments.of(part) for part in rows.split(7)], 1)
    assert abs(float(found.std) - np.sqrt((10_000**2 - 1) / 12)) < 1e-3
