"""Geometry of atoms against loops over pairs and the singular values of a library."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from worker.metrics import geometry
from worker.metrics.geometry import (
    distance_from_data,
    effective_rank,
    nearness,
    singular_values,
    stable_rank,
    welch_bound,
    without_mean_direction,
)
from worker.metrics.nulls import random_atoms


def some_atoms(n_concepts: int = 23, width: int = 8, *, seed: int = 0, offset: float = 0.4) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(n_concepts, width, generator=generator) + offset, dim=1)


@pytest.mark.parametrize("shape", [(23, 8), (5, 8), (8, 8)])
def test_ranks_equal_their_literal_twins(shape: tuple[int, int]) -> None:
    atoms = some_atoms(*shape)
    s = np.linalg.svd(atoms.double().numpy(), compute_uv=False)
    values = singular_values(atoms)
    np.testing.assert_allclose(np.sort(values.numpy()), np.sort(s), atol=1e-7)
    assert stable_rank(values) == pytest.approx(sum(x**2 for x in s) / max(s) ** 2)
    shares = [x / sum(s) for x in s]
    assert effective_rank(values) == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares)))


def test_ranks_of_known_atoms() -> None:
    equal = singular_values(torch.eye(6))
    assert stable_rank(equal) == pytest.approx(6)
    assert effective_rank(equal) == pytest.approx(6)
    one = singular_values(torch.ones(7, 4) / 2)
    assert stable_rank(one) == pytest.approx(1)
    assert effective_rank(one) == pytest.approx(1, abs=1e-5)
    assert stable_rank(singular_values(torch.zeros(3, 4))) == effective_rank(singular_values(torch.zeros(3, 4))) == 0


def test_a_common_direction_hides_the_rank_until_it_is_taken_out() -> None:
    atoms = some_atoms(40, 10, offset=3.0)
    direction = atoms.mean(dim=0) / atoms.mean(dim=0).norm()
    expected = torch.stack([atom - float(atom @ direction) * direction for atom in atoms])
    rest = without_mean_direction(atoms)
    torch.testing.assert_close(rest, expected)
    assert stable_rank(singular_values(atoms)) < 1.5
    assert stable_rank(singular_values(rest)) > 4
    opposite = torch.cat([torch.eye(3), -torch.eye(3)])
    torch.testing.assert_close(without_mean_direction(opposite), opposite)


@pytest.mark.parametrize("block_entries", [2**22, 23, 100])
def test_nearness_equals_its_literal_twin(block_entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geometry, "_BLOCK_ENTRIES", block_entries)
    atoms = some_atoms()
    cosines, babel = [], 0.0
    for i in range(23):
        others = [abs(float(atoms[i] @ atoms[j])) for j in range(23) if j != i]
        cosines += others
        babel += sum(sorted(others)[-4:]) / 23
    cosines.sort()
    found = nearness(atoms, n_summed=4)
    assert found.coherence == pytest.approx(cosines[-1])
    assert found.babel == pytest.approx(babel)
    at = cosines[math.ceil(0.99 * len(cosines)) - 1]
    assert at <= found.quantile <= at + 1.6e-5


def test_nearness_of_copies_and_of_atoms_at_right_angles() -> None:
    square = nearness(torch.eye(5), n_summed=3)
    assert (square.coherence, square.babel) == (0.0, 0.0)
    copies = nearness(torch.eye(5)[[0, 0, 1]], n_summed=9)
    assert copies.coherence == 1.0
    assert copies.babel == pytest.approx(2 / 3)
    assert nearness(torch.eye(5)[:1], n_summed=3).coherence == 0.0


@pytest.mark.parametrize("width", [2, 3, 7])
def test_welch_bound_is_reached_by_a_simplex_and_broken_by_none(width: int) -> None:
    """K = d + 1 corners of a simplex have the cosine -1/d with one another: the least possible."""
    corners = torch.eye(width + 1) - 1 / (width + 1)
    basis = torch.linalg.svd(corners).Vh[:width]
    atoms = functional.normalize(corners @ basis.t(), dim=1)
    assert welch_bound(width + 1, width) == pytest.approx(1 / width)
    assert nearness(atoms, n_summed=1).coherence == pytest.approx(1 / width, rel=1e-5)
    assert nearness(random_atoms(4 * width, width, seed=0), n_summed=1).coherence >= welch_bound(4 * width, width)
    assert welch_bound(width, width) == welch_bound(1, width) == 0.0


@pytest.mark.parametrize("block_entries", [2**22, 64])
def test_distance_from_data_equals_its_literal_twin(block_entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geometry, "_BLOCK_ENTRIES", block_entries)
    atoms = some_atoms()
    tokens = 5 * torch.randn(30, 8, generator=torch.Generator().manual_seed(7))
    nearest = [max(float(atom @ token / token.norm()) for token in tokens) for atom in atoms]
    assert distance_from_data(atoms, tokens) == pytest.approx(1 - sum(nearest) / 23, abs=1e-6)


def test_atoms_that_are_tokens_are_at_no_distance() -> None:
    tokens = torch.randn(30, 8, generator=torch.Generator().manual_seed(7))
    assert distance_from_data(functional.normalize(tokens[:9], dim=1), tokens) == pytest.approx(0, abs=1e-6)
    assert distance_from_data(torch.eye(8)[:1], -torch.eye(8)[:1]) == pytest.approx(2)
