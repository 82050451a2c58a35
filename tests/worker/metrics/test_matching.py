"""Matchings against every permutation, and the auction against the exact method."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from store.errors import InvalidInput
from worker.metrics import similarities as module
from worker.metrics.auction import auction
from worker.metrics.matching import Matching, match
from worker.metrics.similarities import Cosines, Table


def some_vectors(n: int, width: int = 12, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(n, width, generator=generator), dim=1)


def best_total(table: Tensor) -> float:
    """Of every way to give each row of the shorter side its own column."""
    if table.shape[0] > table.shape[1]:
        return best_total(table.t())
    rows = range(table.shape[0])
    orders = itertools.permutations(range(table.shape[1]), table.shape[0])
    return max(sum(float(table[i, order[i]]) for i in rows) for order in orders)


def check(found: Matching, table: Tensor) -> None:
    """Pairs are pairs, and their similarities those of the table."""
    assert len(found.rows) == min(table.shape)
    assert len(set(found.rows.tolist())) == len(set(found.columns.tolist())) == len(found.rows)
    assert found.rows.tolist() == sorted(found.rows.tolist())
    assert found.rows.max() < table.shape[0]
    assert found.columns.max() < table.shape[1]
    torch.testing.assert_close(torch.from_numpy(found.similarities).float(), table[found.rows, found.columns])
    assert found.bound >= found.total - 1e-6


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (6, 6), (3, 6), (6, 2), (1, 5)])
@pytest.mark.parametrize("exact_limit", [8192, 0])
def test_total_is_the_largest_of_all_permutations(shape: tuple[int, int], exact_limit: int) -> None:
    for seed in range(5):
        table = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
        found = match(table, exact_limit=exact_limit)
        check(found, table)
        assert found.total == pytest.approx(best_total(table), abs=min(shape) * 1e-4 + 1e-5)
        assert found.gap == pytest.approx(0, abs=min(shape) * 1e-4 + 1e-5)


@settings(max_examples=60)
@given(values=st.lists(st.lists(st.integers(-3, 3), min_size=5, max_size=5), min_size=1, max_size=5))
def test_auction_of_tables_full_of_ties(values: list[list[int]]) -> None:
    table = torch.tensor(values, dtype=torch.float32)
    found = match(table, exact_limit=0, epsilon=0.1)
    check(found, table)
    assert found.total == best_total(table), "whole numbers: less than 1 from the best is the best"


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("exact_limit", [8192, 10])
def test_planted_permutation_is_found(absolute: bool, exact_limit: int) -> None:
    first = some_vectors(300, 40)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(5))
    signs = torch.ones(300, 1)
    if absolute:
        signs[::3] = -1
    second = (signs * first + 0.05 * some_vectors(300, 40, seed=1))[order]
    found = match(Cosines.of(first, second, absolute=absolute), exact_limit=exact_limit)
    assert order[found.columns].tolist() == found.rows.tolist()
    assert found.similarities.min() > 0.9
    assert found.gap / 300 < 2e-4


@pytest.mark.parametrize(("n", "m"), [(400, 400), (400, 430), (430, 400)])
@pytest.mark.parametrize("seed", [0, 1])
def test_auction_reaches_the_exact_total(n: int, m: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random vectors: hardly any pair is mutually nearest, prices do the work; blocks of few rows."""
    monkeypatch.setattr(module, "_BLOCK_ENTRIES", 5000)
    table = Cosines.of(some_vectors(n, seed=seed), some_vectors(m, seed=seed + 10))
    exact, found = match(table), match(table, exact_limit=0)
    assert exact.total - min(n, m) * 1e-4 <= found.total <= exact.total + 1e-5
    assert exact.total <= found.bound + 1e-5
    assert found.gap <= min(n, m) * 1e-4 + 1e-5


def test_few_candidates_are_looked_up_again_when_prices_rise() -> None:
    table = Cosines.of(some_vectors(150), some_vectors(150, seed=3))
    found = auction(table, epsilon=1e-4, n_candidates=2)
    assert float(found.similarities.sum()) == pytest.approx(match(table).total, abs=150e-4)
    assert sorted(found.objects.tolist()) == list(range(150))


def test_everybody_wants_the_same() -> None:
    """Equal rows: any matching is best, and prices must not rise for ever."""
    table = torch.linspace(-1, 1, 60).expand(60, 60)
    found = match(table, exact_limit=0)
    check(found, table)
    assert found.total == pytest.approx(0, abs=1e-4)


def test_the_bound_is_above_the_best_even_when_the_matching_is_poor() -> None:
    table = Cosines.of(some_vectors(80), some_vectors(80, seed=3))
    rough = match(table, exact_limit=0, epsilon=0.3)
    exact = match(table)
    assert rough.total <= exact.total <= rough.bound
    assert rough.gap >= exact.total - rough.total


def test_tables_and_cosines_are_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_ENTRIES", 20)
    cosines = Cosines.of(3 * some_vectors(9), some_vectors(7, seed=1), absolute=True)
    whole = torch.cat([block for _, block in cosines.blocks()])
    expected = (some_vectors(9) @ some_vectors(7, seed=1).t()).abs()
    torch.testing.assert_close(whole, expected)
    torch.testing.assert_close(torch.cat([block for _, block in cosines.turned().blocks()]), expected.t())
    torch.testing.assert_close(Table(expected).rows(np.array([4, 2])), expected[[4, 2]])


@pytest.mark.parametrize("exact_limit", [8192, 0])
def test_what_cannot_be_matched_is_refused(exact_limit: int) -> None:
    table = torch.rand(4, 4)
    table[1, 2] = torch.nan
    with pytest.raises(InvalidInput, match="NaN"):
        match(table, exact_limit=exact_limit)
    with pytest.raises(InvalidInput, match="0 by 3"):
        match(torch.rand(0, 3), exact_limit=exact_limit)
