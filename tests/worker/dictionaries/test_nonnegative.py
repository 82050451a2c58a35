"""Non-negative codes and factors against SciPy's solver."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from torch import Tensor
from torch.nn import functional

from worker.dictionaries import nonnegative
from worker.dictionaries.nonnegative import descend_projected, nonnegative_codes


def problem(n: int = 60, n_concepts: int = 20, width: int = 16) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    atoms = functional.normalize(torch.randn(n_concepts, width, generator=generator) + 0.3, dim=1)
    return torch.randn(n, width, generator=generator), atoms


def codes(u: Tensor, atoms: Tensor, *, n_active: int, n_sweeps: int = 200) -> tuple[Tensor, Tensor]:
    return nonnegative_codes(u, atoms, table=atoms @ atoms.t(), n_active=n_active, n_sweeps=n_sweeps)


@pytest.mark.parametrize("n_active", [1, 4, 8])
def test_codes_are_the_best_ones_on_their_support(n_active: int) -> None:
    u, atoms = problem()
    for token, support, values in zip(u, *codes(u, atoms, n_active=n_active), strict=True):
        assert len(support.unique()) == n_active
        expected, _ = nnls(atoms[support].t().double().numpy(), token.double().numpy())
        np.testing.assert_allclose(values.numpy(), expected, atol=1e-4)


def test_with_all_concepts_the_codes_are_the_best_of_all() -> None:
    u, atoms = problem(n_concepts=10)
    indices, values = codes(u, atoms, n_active=10, n_sweeps=500)
    found = (u - torch.zeros(len(u), 10).scatter_(1, indices, values) @ atoms).norm(dim=1)
    expected = [nnls(atoms.t().double().numpy(), token.double().numpy())[1] for token in u]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


def literal_codes(token: Tensor, atoms: Tensor, n_active: int, n_sweeps: int) -> tuple[list[int], list[float]]:
    """One token at a time: the best of the concepts that have not joined, then every code in turn, newest first."""
    chosen: list[int] = []
    values: list[float] = []
    left_over = token.clone()
    for slot in range(n_active):
        products = atoms @ left_over
        products[chosen] = -torch.inf
        chosen.append(int(products.argmax()))
        values.append(0.0)
        for _ in range(n_sweeps if slot + 1 == n_active else 1):
            for j in reversed(range(slot + 1)):
                atom = atoms[chosen[j]]
                value = max(0.0, values[j] + float(atom @ left_over))
                left_over = left_over - (value - values[j]) * atom
                values[j] = value
    return chosen, values


def test_codes_are_those_of_the_literal_loop() -> None:
    u, atoms = (tensor.double() for tensor in problem())
    indices, found = codes(u, atoms, n_active=5, n_sweeps=3)
    for token, support, values in zip(u, indices, found, strict=True):
        expected = literal_codes(token, atoms, 5, 3)
        assert support.tolist() == expected[0]
        np.testing.assert_allclose(values.numpy(), expected[1], atol=1e-10)


def test_first_concept_is_the_nearest_direction() -> None:
    u, atoms = problem()
    indices, values = codes(u, atoms, n_active=1)
    products = u @ atoms.t()
    assert torch.equal(indices[:, 0], products.argmax(dim=1))
    torch.testing.assert_close(values[:, 0], products.max(dim=1).values.relu())


def test_more_concepts_leave_less_over() -> None:
    u, atoms = problem()
    errors = []
    for n_active in (1, 2, 4, 8, 16):
        indices, values = codes(u, atoms, n_active=n_active)
        errors.append(float((u - torch.einsum("na,nad->nd", values, atoms[indices])).square().sum()))
    assert all(more < fewer for fewer, more in pairwise(errors))


def test_tokens_opposite_to_all_atoms_get_no_codes() -> None:
    atoms = torch.eye(3)
    _, values = codes(-torch.ones(2, 3), atoms, n_active=2)
    assert torch.equal(values, torch.zeros(2, 2))


def test_tokens_taken_a_few_at_a_time_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    u, atoms = problem()
    whole = codes(u, atoms, n_active=4)
    monkeypatch.setattr(nonnegative, "_BLOCK_NUMBERS", 150)
    parts = codes(u, atoms, n_active=4)
    assert torch.equal(whole[0], parts[0])
    torch.testing.assert_close(whole[1], parts[1])


def test_factors_are_those_of_non_negative_least_squares() -> None:
    generator = torch.Generator().manual_seed(1)
    z, u = torch.rand(200, 6, generator=generator), torch.randn(200, 5, generator=generator)
    squares, products = z.t() @ z, z.t() @ u
    found = descend_projected(
        torch.zeros(6, 5), lambda d: squares @ d - products, curvature=squares.sum(dim=1), n_steps=2000
    )
    for column in range(5):
        expected, _ = nnls(z.double().numpy(), u[:, column].double().numpy())
        np.testing.assert_allclose(found[:, column].numpy(), expected, atol=1e-4)


def test_a_row_without_curvature_stays() -> None:
    start = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    hessian = torch.diag(torch.tensor([2.0, 0.0]))
    found = descend_projected(start, lambda w: hessian @ w, curvature=hessian.sum(dim=1), n_steps=5)
    assert torch.equal(found, torch.tensor([[0.0, 0.0], [3.0, 4.0]]))
