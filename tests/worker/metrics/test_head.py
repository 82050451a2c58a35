"""Plausibility and kept predictions against loops over classes, atoms and images."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from worker.metrics.head import centred_rows, plausibility, predictions_kept
from worker.metrics.nulls import random_atoms
from worker.models.base import LinearHead


def some_head(n_classes: int = 6, width: int = 5) -> LinearHead:
    generator = torch.Generator().manual_seed(0)
    return LinearHead(
        torch.randn(n_classes, width, generator=generator) + 1, torch.randn(n_classes, generator=generator)
    )


def some_means(n: int = 12, *, seed: int = 1) -> Tensor:
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_plausibility_equals_its_literal_twin() -> None:
    head, atoms = some_head(), random_atoms(9, 5, seed=0)
    middle = sum(head.weight) / 6
    for rows, shift in ((head.weight, 0.0), (centred_rows(head), middle)):
        best = [max(float((row - shift) @ atom / (row - shift).norm()) for atom in atoms) for row in head.weight]
        assert plausibility(atoms, rows) == pytest.approx(sum(best) / 6, abs=1e-6)


def test_atoms_that_are_the_class_rows_are_plausible_and_their_opposites_are_not() -> None:
    rows = centred_rows(some_head(3))
    atoms = functional.normalize(rows, dim=1)
    assert plausibility(atoms, rows) == pytest.approx(1)
    assert plausibility(-atoms[:1], rows[:1]) == pytest.approx(-1)


def test_what_all_classes_share_decides_nothing() -> None:
    head = some_head()
    moved = LinearHead(head.weight + 7 * torch.ones(5), head.bias)
    torch.testing.assert_close(centred_rows(moved), centred_rows(head), rtol=1e-4, atol=1e-5)


def test_kept_predictions_equal_their_literal_twin() -> None:
    head, clean, ours, nothing = some_head(), some_means(), some_means() + 0.3 * some_means(seed=2), torch.zeros(5)
    entropies, same = [0.0, 0.0, 0.0], 0
    for image, output in zip(clean, ours, strict=True):
        logits = [head.weight.double() @ x + head.bias.double() for x in (nothing.double(), output, image)]
        p = logits[2].softmax(dim=0)
        for place, of in enumerate(logits):
            entropies[place] -= sum(float(p[c] * of.softmax(dim=0)[c].log()) for c in range(6)) / 12
        same += int(logits[1].argmax()) == int(logits[2].argmax())
    found = predictions_kept(head, clean, reconstructed=ours, nothing=nothing)
    zero, recon, best = entropies
    assert found.cross_entropy == pytest.approx((zero - recon) / (zero - best))
    assert found.agreement == pytest.approx(same / 12)


def test_bounds_of_what_is_kept() -> None:
    head, clean, nothing = some_head(), some_means(), some_means().mean(dim=0).float()
    whole = predictions_kept(head, clean, reconstructed=clean, nothing=nothing)
    assert (whole.cross_entropy, whole.agreement) == (1.0, 1.0)
    none = predictions_kept(head, clean, reconstructed=nothing.double().expand(12, 5), nothing=nothing)
    assert none.cross_entropy == pytest.approx(0)
    worse = predictions_kept(head, clean, reconstructed=-3 * clean, nothing=nothing)
    assert worse.cross_entropy < 0
    same = predictions_kept(head, nothing.double()[None], reconstructed=clean[:1], nothing=nothing)
    assert same.cross_entropy == 0.0
