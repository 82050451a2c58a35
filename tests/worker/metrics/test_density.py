"""Sums over codes against loops; energies and histograms against their definitions."""

import math

import pytest
import torch

from worker.dictionaries.base import SparseCodes
from worker.metrics.density import Usage, density_histogram, density_shares, effective_concepts, exponential_entropy


def some_codes(n: int = 50, *, n_concepts: int = 9, n_slots: int = 3, seed: int = 0) -> SparseCodes:
    generator = torch.Generator().manual_seed(seed)
    indices = torch.rand(n, n_concepts - 1, generator=generator).topk(n_slots, dim=1).indices  # the last is dead
    values = (torch.rand(n, n_slots, generator=generator) - 0.3).relu()
    return SparseCodes(indices, values, n_concepts)


def usage_of_codes(*parts: SparseCodes) -> Usage:
    usage = Usage.empty(parts[0].n_concepts)
    for part in parts:
        usage.add(part)
    return usage


def test_usage_equals_its_literal_twin() -> None:
    first, second = some_codes(), some_codes(20, seed=1)
    usage = usage_of_codes(first, second)
    z = torch.cat([first.dense(), second.dense()]).double()
    for k in range(9):
        fired = [float(z[i, k]) for i in range(len(z)) if z[i, k] > 0]
        assert usage.counts[k] == len(fired)
        assert usage.density[k] == pytest.approx(len(fired) / 70)
        assert usage.totals[k] == pytest.approx(sum(fired))
        assert usage.mean_active[k] == pytest.approx(sum(fired) / len(fired) if fired else 0.0)
    assert usage.alive.tolist() == [True] * 8 + [False]
    assert usage.l0 == pytest.approx(float((z > 0).sum()) / 70)


def test_effective_concepts_from_energies_of_mean_codes_times_atoms() -> None:
    codes = some_codes()
    z = codes.dense().double()
    atoms = torch.nn.functional.normalize(torch.randn(9, 5, dtype=torch.float64), dim=1)
    energies = [float((z[:, k].mean() * atoms[k]).square().sum()) for k in range(9)]
    shares = [energy / sum(energies) for energy in energies]
    expected = math.exp(-sum(share * math.log(share) for share in shares if share > 0))
    assert effective_concepts(usage_of_codes(codes)) == pytest.approx(expected)


@pytest.mark.parametrize(("weights", "expected"), [([1, 1, 1, 1], 4), ([0, 5, 0], 1), ([0, 0], 0), ([2, 2, 0], 2)])
def test_exponential_entropy_counts_equal_weights(weights: list[float], expected: float) -> None:
    assert exponential_entropy(torch.tensor(weights, dtype=torch.float64)) == pytest.approx(expected)


def test_shares_count_dead_and_dense_concepts() -> None:
    usage = Usage(torch.tensor([0, 1, 10, 11, 100]), torch.ones(5).double(), 100)
    assert density_shares(usage) == pytest.approx((0.1, 0.2, 0.4))


def test_histogram_puts_each_density_between_its_edges() -> None:
    counts = torch.tensor([0, 0, 1, 3, 1000, 99_999, 100_000, 10_000])
    found = density_histogram(Usage(counts, counts.double(), 100_000))
    expected = [0] * 24
    for density in (counts / 100_000).double().tolist():
        for place in range(24):
            if 10 ** (place / 4 - 6) * (1 + 1e-7) < density <= 10 ** ((place + 1) / 4 - 6) * (1 + 1e-7):
                expected[place] += 1
    assert found["dead"] == 2
    assert found["counts"] == expected
    assert found["edges"][0] == pytest.approx(1e-6)
    assert found["edges"][-1] == 1.0


def test_histogram_keeps_densities_below_its_first_edge() -> None:
    found = density_histogram(Usage(torch.tensor([1]), torch.ones(1).double(), 10**8))
    assert found["counts"][0] == 1
