"""Planted tokens are what they say, and recovery is what its literal twin says."""

from itertools import permutations

import pytest
import torch
from torch import Tensor

from worker.bench.planting import Planted, PlantedTokens, recovery
from worker.dictionaries.base import SparseCodes

SMALL = Planted(n_atoms=12, width=6, n_active=3)


def dense(drawn: PlantedTokens) -> Tensor:
    return torch.zeros(len(drawn.tokens), drawn.n_atoms).scatter_(1, drawn.supports, 1.0)


def test_tokens_are_sums_of_their_atoms() -> None:
    drawn = SMALL.draw(50, seed=1)
    for token, support in zip(drawn.tokens, drawn.supports, strict=True):
        assert len(set(support.tolist())) == SMALL.n_active
        codes = torch.linalg.lstsq(SMALL.atoms[support].t(), token[:, None]).solution[:, 0]
        assert ((codes > 0.499) & (codes < 1.501)).all()
        torch.testing.assert_close(codes @ SMALL.atoms[support], token, rtol=1e-3, atol=1e-4)


def test_equal_seeds_give_equal_tokens_and_others_other_ones_of_the_same_atoms() -> None:
    assert torch.equal(SMALL.draw(20, seed=1).tokens, SMALL.draw(20, seed=1).tokens)
    assert not torch.equal(SMALL.draw(20, seed=1).tokens, SMALL.draw(20, seed=2).tokens)
    assert not torch.equal(SMALL.atoms, Planted(n_atoms=12, width=6, n_active=3, seed=1).atoms)


def test_noise_has_the_size_that_is_asked_for() -> None:
    clean = Planted(n_atoms=30, width=20, n_active=3).draw(4000, seed=1).tokens
    noisy = Planted(n_atoms=30, width=20, n_active=3, noise=0.5).draw(4000, seed=1).tokens
    ratio = (noisy - clean).square().mean().sqrt() / clean.square().mean().sqrt()
    assert float(ratio) == pytest.approx(0.5, rel=0.03)


def test_all_atoms_are_equally_frequent_unless_densities_fall() -> None:
    flat = dense(Planted(n_atoms=20, width=6, n_active=2).draw(20_000, seed=1)).mean(dim=0)
    torch.testing.assert_close(flat, torch.full((20,), 0.1), rtol=0.1, atol=0)
    falling = dense(Planted(n_atoms=20, width=6, n_active=1, tail=1.0).draw(20_000, seed=1)).mean(dim=0)
    weights = 1 / torch.arange(1, 21)
    torch.testing.assert_close(falling, weights / weights.sum(), rtol=0.2, atol=0.003)


def test_correlated_atoms_share_a_block() -> None:
    def same_block(correlation: float) -> float:
        planted = Planted(n_atoms=160, width=6, n_active=2, correlation=correlation, n_blocks=16)
        blocks = planted.draw(8000, seed=1).supports // 10
        return float((blocks[:, 0] == blocks[:, 1]).double().mean())

    # Both in the drawn block with probability c^2 (about: without replacement), else hardly ever.
    assert same_block(0.0) == pytest.approx(9 / 159, abs=0.02)
    assert same_block(0.8) == pytest.approx(0.8 * (0.8 - 0.8 * 0.02 * 5), abs=0.06)


def codes_of(table: list[list[float]]) -> SparseCodes:
    values = torch.tensor(table)
    return SparseCodes(torch.arange(values.shape[1]).expand(len(values), -1).contiguous(), values, values.shape[1])


def test_recovery_is_that_of_the_best_permutation() -> None:
    """The literal twin: all ways to pair four known atoms with five found ones."""
    generator = torch.Generator().manual_seed(3)
    truth = torch.nn.functional.normalize(torch.randn(4, 6, generator=generator), dim=1)
    found = torch.nn.functional.normalize(torch.randn(5, 6, generator=generator), dim=1)
    found[2] = torch.nn.functional.normalize(truth[1] + 0.1 * found[2], dim=0)
    cosines = truth @ found.t()
    pairings = list(permutations(range(5), 4))
    totals = [sum(float(cosines[i, j]) for i, j in enumerate(pairing)) for pairing in pairings]
    best = pairings[totals.index(max(totals))]
    supports = torch.tensor([[0, 1], [1, 3], [2, 0]])
    table = [[0.5, 0.0, 1.0, 0.0, 2.0], [0.0, 0.0, 3.0, 0.0, 0.0], [1.0, 1.0, 0.0, 1.0, 1.0]]
    named = [{best.index(j) for j, z in enumerate(row) if z > 0 and j in best} for row in table]
    true = [set(row) for row in supports.tolist()]
    hits = sum(len(a & b) for a, b in zip(named, true, strict=True))
    expected_f1 = 2 * hits / (sum(map(len, named)) + sum(map(len, true)))

    fresh = PlantedTokens(torch.zeros(3, 6), supports, n_atoms=4)
    got = recovery(found, truth, encode=lambda _: codes_of(table), fresh=fresh)
    assert got.mcc == pytest.approx(max(totals) / 4)
    assert got.recovered_share == sum(float(cosines[i, j]) > 0.9 for i, j in enumerate(best)) / 4
    assert 0 < got.recovered_share < 1
    assert got.f1 == pytest.approx(expected_f1)
    assert 0 < got.f1 < 1


def test_atoms_without_partner_count_as_not_found() -> None:
    planted = Planted(n_atoms=8, width=6, n_active=1)
    fresh = planted.draw(10, seed=1)
    empty = SparseCodes(torch.zeros(10, 1, dtype=torch.int64), torch.zeros(10, 1), 4)
    got = recovery(planted.atoms[:4], planted.atoms, encode=lambda _: empty, fresh=fresh)
    assert got.mcc == pytest.approx(0.5, abs=1e-5)
    assert got.recovered_share == 0.5
    assert got.f1 == 0
    turned = recovery(-planted.atoms, planted.atoms, encode=lambda _: empty, fresh=fresh)
    assert turned.recovered_share < 0.5  # a sign is never flipped
