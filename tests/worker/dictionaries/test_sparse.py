"""Each sparse product against its dense literal twin, in float64."""

import pytest
import torch
from torch import Tensor

from worker.dictionaries.sparse import (
    ConceptPairs,
    gathered_products,
    mix,
    paired_products,
    reconstruct,
    top_codes,
    weighted_rows,
)

N, K, D, A = 300, 11, 7, 3


@pytest.fixture
def parts() -> dict[str, Tensor]:
    shapes = {"x": (N, D), "weight": (K, D), "bias": (K,), "atoms": (K, D), "out": (N, D)}
    return {name: torch.randn(shape, dtype=torch.float64) for name, shape in shapes.items()}


def dense_twin(x: Tensor, weight: Tensor, bias: Tensor, atoms: Tensor, *, n_active: int = A) -> tuple[Tensor, Tensor]:
    """The formula as it is written, for autograd: dense codes with all but the largest set to zero."""
    pre_codes = x @ weight.t() + bias
    mask = torch.zeros_like(pre_codes).scatter_(1, pre_codes.topk(n_active, dim=1).indices, 1.0)
    codes = (pre_codes * mask).relu()
    return codes @ atoms, codes


def test_products_and_sums_match_dense_ones(parts: dict[str, Tensor]) -> None:
    indices, values = top_codes(parts["x"] @ parts["weight"].t(), A)
    dense = torch.zeros(N, K, dtype=torch.float64).scatter_(1, indices, values)
    pairs = ConceptPairs(indices, n_concepts=K)
    torch.testing.assert_close(weighted_rows(indices, values, table=parts["atoms"]), dense @ parts["atoms"])
    torch.testing.assert_close(pairs.weighted_sums(values, parts["out"]), dense.t() @ parts["out"])
    torch.testing.assert_close(pairs.totals(values), dense.sum(dim=0))
    expected = (parts["out"] @ parts["atoms"].t()).gather(1, indices)
    torch.testing.assert_close(paired_products(parts["out"], parts["atoms"], indices=indices), expected)
    torch.testing.assert_close(gathered_products(parts["out"], parts["atoms"], indices=indices), expected)


@pytest.mark.parametrize("n_active", [A, K - 2, K])  # the last two have no sparse path: codes are mostly not 0
def test_gradients_equal_those_of_autograd(parts: dict[str, Tensor], n_active: int) -> None:
    names = ("x", "weight", "bias", "atoms")
    leaves = [parts[name].clone().requires_grad_() for name in names]
    found = reconstruct(leaves[0], leaves[1], bias=leaves[2], atoms=leaves[3], n_active=n_active)
    of_values = torch.randn(N, n_active, dtype=torch.float64)
    ((found.output * parts["out"]).sum() + (found.values * of_values).sum()).backward()

    twins = [parts[name].clone().requires_grad_() for name in names]
    output, codes = dense_twin(*twins, n_active=n_active)
    ((output * parts["out"]).sum() + (codes.gather(1, found.indices) * of_values).sum()).backward()

    torch.testing.assert_close(found.output, output)
    for name, leaf, twin in zip(names, leaves, twins, strict=True):
        torch.testing.assert_close(leaf.grad, twin.grad, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("n_concepts", [2, 6])  # dense and sparse
def test_a_code_cut_off_at_zero_has_no_gradient(n_concepts: int) -> None:
    x = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    weight = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    weight = torch.cat([weight, -3 * torch.ones(n_concepts - 2, 2)]).requires_grad_()
    bias = torch.zeros(n_concepts, dtype=torch.float64, requires_grad=True)
    atoms = torch.ones(n_concepts, 2, dtype=torch.float64, requires_grad=True)
    reconstruct(x, weight, bias=bias, atoms=atoms, n_active=2).output[0, 0].backward()
    assert weight.grad is not None
    assert bias.grad is not None
    assert bias.grad.tolist() == [1.0] + [0.0] * (n_concepts - 1)
    assert weight.grad[1].tolist() == [0.0, 0.0]


def test_gradcheck(parts: dict[str, Tensor]) -> None:
    leaves = [parts[name][:20].clone().requires_grad_() for name in ("x", "weight", "bias", "atoms")]

    def output(x: Tensor, weight: Tensor, bias: Tensor, atoms: Tensor) -> Tensor:
        return reconstruct(x, weight, bias=bias, atoms=atoms, n_active=A).output

    assert torch.autograd.gradcheck(output, leaves)


def test_mixture_gradient_equals_that_of_autograd() -> None:
    points = torch.randn(9, D, dtype=torch.float64)
    indices = torch.stack([torch.randperm(9)[:4] for _ in range(K)])
    weights = torch.rand(K, 4, dtype=torch.float64, requires_grad=True)
    twin = weights.detach().clone().requires_grad_()
    upstream = torch.randn(K, D, dtype=torch.float64)
    mixed = mix(weights, indices, points=points)
    expected = (twin[:, :, None] * points[indices]).sum(dim=1)
    torch.testing.assert_close(mixed, expected)
    (mixed * upstream).sum().backward()
    (expected * upstream).sum().backward()
    torch.testing.assert_close(weights.grad, twin.grad)
