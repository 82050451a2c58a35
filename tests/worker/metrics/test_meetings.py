"""Which concepts meet, against loops over pairs of concepts."""

import math

import numpy as np
import pytest
import torch

from tests.worker.metrics.test_density import some_codes
from worker.dictionaries.base import SparseCodes
from worker.metrics import meetings as module
from worker.metrics.meetings import CodeWindow, meetings, sparse_codes
from worker.metrics.nulls import permuted_codes, random_atoms


@pytest.mark.parametrize("block_entries", [2**22, 9, 20])
def test_meetings_equal_their_literal_twins(block_entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_ENTRIES", block_entries)
    codes, atoms = some_codes(), random_atoms(9, 4, seed=0)
    z = codes.dense().double()
    n_met, against, total = 0, 0.0, 0.0
    for j in range(9):
        for k in range(9):
            product = sum(float(z[i, j] * z[i, k]) for i in range(50))
            n_met += product != 0
            entry = product * float(atoms[j] @ atoms[k])
            against += max(-entry, 0) ** 2
            total += entry**2
    found = meetings(sparse_codes(codes.indices, codes.values, 9), atoms)
    assert found.connectivity == pytest.approx(1 - n_met / 81)
    assert found.interference == pytest.approx(math.sqrt(against / total), rel=1e-5)


def test_sparse_codes_are_the_dense_ones() -> None:
    codes = some_codes()
    found = sparse_codes(codes.indices, codes.values, 9)
    np.testing.assert_allclose(found.toarray(), codes.dense().numpy())
    assert found.nnz == (codes.values > 0).sum()


def test_opposite_atoms_that_meet_interfere_and_others_do_not() -> None:
    atoms = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    meet = SparseCodes(torch.tensor([[0, 1]]), torch.ones(1, 2), 3)
    found = meetings(sparse_codes(meet.indices, meet.values, 3), atoms)
    assert found.interference == pytest.approx(math.sqrt(0.5))
    apart = SparseCodes(torch.tensor([[0, 2], [1, 2]]), torch.ones(2, 2), 3)
    found = meetings(sparse_codes(apart.indices, apart.values, 3), atoms)
    assert found.interference == 0
    assert found.connectivity == pytest.approx(2 / 9)


def test_codes_of_nothing_meet_nobody() -> None:
    found = meetings(CodeWindow(3).codes, torch.eye(3))
    assert (found.connectivity, found.interference) == (1.0, 0.0)


def test_codes_that_come_together_meet_less_often_when_permuted() -> None:
    """Two blocks of concepts that never mix: permuted, they do."""
    generator = torch.Generator().manual_seed(0)
    half = torch.rand(200, 5, generator=generator).topk(3, dim=1).indices
    indices = torch.cat([half[:100], half[100:] + 5])
    codes = sparse_codes(indices, torch.ones(200, 3), 10)
    atoms = random_atoms(10, 6, seed=1)
    assert meetings(codes, atoms).connectivity == pytest.approx(0.5)
    assert meetings(permuted_codes(codes, seed=0), atoms).connectivity == 0


def test_window_keeps_the_first_tokens_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_TOKENS", 70)
    window = CodeWindow(9)
    for seed in range(3):
        window.add(some_codes(seed=seed))
    expected = torch.cat([some_codes(seed=0).dense(), some_codes(seed=1).dense()[:20]])
    np.testing.assert_allclose(window.codes.toarray(), expected.numpy())
