"""Matching pursuit: its choices, and its gradient against autograd through the loop as it is written in the paper."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from worker.dictionaries import pursuit
from worker.dictionaries.pursuit import best_concept, pursue, replay, without_repeats


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def alike_atoms(n: int = 10, width: int = 6) -> Tensor:
    """Atoms with much in common, so that some are chosen again."""
    return functional.normalize(torch.randn(n, width, generator=seeded(7)) + 0.4, dim=1)


def some_tokens(n: int = 40, width: int = 6) -> Tensor:
    return torch.randn(n, width, generator=seeded(8))


def literal_pursuit(token: Tensor, atoms: Tensor, n_steps: int) -> tuple[Tensor, list[int], list[Tensor]]:
    """Unrolled: choose, take out, repeat. Differentiable; the choices carry no gradient."""
    left_over, chosen, codes = token, [], []
    for _ in range(n_steps):
        products = atoms @ left_over
        best = int(products.argmax())
        if products[best] <= 0:
            break
        chosen.append(best)
        codes.append(products[best])
        left_over = left_over - products[best] * atoms[best]
    return token - left_over, chosen, codes


@pytest.mark.parametrize("with_table", [True, False])
def test_choices_and_codes_are_those_of_the_literal_loop(with_table: bool) -> None:
    u, atoms = some_tokens(), alike_atoms()
    table = atoms @ atoms.t() if with_table else None
    indices, values = pursue(u, atoms, n_steps=8, table=table)
    n_again = n_finished = 0
    for token, found, codes in zip(u, indices, values, strict=True):
        _, chosen, expected = literal_pursuit(token, atoms, 8)
        assert found[: len(chosen)].tolist() == chosen
        torch.testing.assert_close(codes[: len(chosen)], torch.stack(expected), rtol=1e-4, atol=1e-5)
        assert (codes[len(chosen) :] < 1e-6).all()  # what is left over is at right angles to all atoms, up to rounding
        n_again += len(chosen) > len(set(chosen))
        n_finished += len(chosen) < 8
    assert n_again > 5


@pytest.mark.parametrize("n_concepts", [1, 16, 64, 127, 128, 130, 256, 300])
def test_best_concept_is_the_first_of_the_largest(n_concepts: int) -> None:
    products = torch.randint(-5, 5, (200, n_concepts), generator=seeded(3)).float()
    best, chosen = best_concept(products)
    for row, value, place in zip(products.tolist(), best.tolist(), chosen.tolist(), strict=True):
        assert value == max(row)
        assert place == row.index(value)


def test_a_token_finishes_when_nothing_points_its_way() -> None:
    atoms = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    u = torch.tensor([[2.0, 1.0], [3.0, -1.0], [-1.0, -1.0]])
    indices, values = pursue(u, atoms, n_steps=3, table=atoms @ atoms.t())
    assert torch.equal(values, torch.tensor([[2.0, 1.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    assert indices[0, :2].tolist() == [0, 1]


def test_a_concept_chosen_again_adds_to_its_slot() -> None:
    indices = torch.tensor([[3, 1, 3, 1, 2], [4, 0, 0, 0, 0]])
    values = torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 0.0, 0.0, 0.0]])
    expected = torch.tensor([[8.0, 6.0, 0.0, 0.0, 1.0], [1.0, 2.0, 0.0, 0.0, 0.0]])
    assert torch.equal(without_repeats(indices, values), expected)


def test_tokens_taken_a_few_at_a_time_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    u, atoms = some_tokens(), alike_atoms()
    whole = pursue(u, atoms, n_steps=4, table=None)
    monkeypatch.setattr(pursuit, "_BLOCK_NUMBERS", 70)
    parts = pursue(u, atoms, n_steps=4, table=None)
    assert torch.equal(whole[0], parts[0])
    torch.testing.assert_close(whole[1], parts[1])


@pytest.mark.parametrize("copied_numbers", [pursuit._COPIED_NUMBERS, 200])
def test_gradient_is_that_of_the_unrolled_loop(copied_numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the atoms and to the tokens, with concepts chosen again, tokens that finish early and atoms of any norm."""
    monkeypatch.setattr(pursuit, "_COPIED_NUMBERS", copied_numbers)
    direction = torch.randn(40, 6, generator=seeded(9))
    u = some_tokens().requires_grad_()
    atoms = (1.05 * alike_atoms()).requires_grad_()
    outputs = torch.stack([literal_pursuit(token, atoms, 8)[0] for token in u])
    of_u, of_atoms = torch.autograd.grad((outputs * direction).sum() + outputs.square().sum(), [u, atoms])

    indices, values = pursue(u.detach(), atoms.detach(), n_steps=8, table=None)
    output = replay(u, atoms, indices=indices, values=values)
    found = torch.autograd.grad((output * direction).sum() + output.square().sum(), [u, atoms])
    torch.testing.assert_close(output, outputs.detach(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[0], of_u, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found[1], of_atoms, rtol=1e-3, atol=1e-3)


def test_gradient_is_more_than_that_of_fixed_codes() -> None:
    """The codes of matching pursuit are no least squares on their support, so their own gradient does not vanish."""
    u, atoms = some_tokens(), alike_atoms().requires_grad_()
    indices, values = pursue(u, atoms.detach(), n_steps=4, table=None)
    loss = (u - replay(u, atoms, indices=indices, values=values)).square().sum()
    fixed = (u - torch.einsum("nt,ntd->nd", values, atoms[indices])).square().sum()
    exact, partial = torch.autograd.grad(loss, atoms)[0], torch.autograd.grad(fixed, atoms)[0]
    assert (exact - partial).norm() > 0.1 * exact.norm()
