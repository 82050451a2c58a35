"""AuxK: what it is, what it touches, and that it reaches the encoder."""

import pytest
import torch
from torch import Tensor

from worker.dictionaries.losses import auxiliary_loss, reconstruction_loss

N, K_DEAD, D = 50, 5, 6


@pytest.fixture
def parts() -> dict[str, Tensor]:
    shapes = {"x": (N, D), "residual": (N, D), "weight": (K_DEAD, D), "bias": (K_DEAD,), "atoms": (K_DEAD, D)}
    return {name: torch.randn(shape, dtype=torch.float64).requires_grad_() for name, shape in shapes.items()}


def loss_of(parts: dict[str, Tensor], n_active: int) -> Tensor:
    weights = {name: parts[name] for name in ("weight", "bias", "atoms")}
    return auxiliary_loss(parts["x"], parts["residual"], n_active=n_active, **weights)


@pytest.mark.parametrize(("n_active", "share"), [(2, 1.0), (5, 1.0), (20, 0.25)])
def test_formula(parts: dict[str, Tensor], n_active: int, share: float) -> None:
    """The literal twin, token by token and concept by concept."""
    x, e, weight, bias, atoms = (parts[k].detach() for k in ("x", "residual", "weight", "bias", "atoms"))
    total = 0.0
    for i in range(N):
        codes = [float(x[i] @ weight[k] + bias[k]) for k in range(K_DEAD)]
        best = sorted(range(K_DEAD), key=lambda k: -codes[k])[:n_active]
        output = sum((max(codes[k], 0.0) * atoms[k] for k in best), torch.zeros(D))
        total += float(((output - e[i]) ** 2).sum())
    expected = share * total / float(((e - e.mean(dim=0)) ** 2).sum())
    assert loss_of(parts, n_active).item() == pytest.approx(expected)


def test_gradient_reaches_encoder_and_atoms_but_not_the_residual(parts: dict[str, Tensor]) -> None:
    loss_of(parts, 3).backward()
    for name in ("weight", "bias", "atoms"):
        gradient = parts[name].grad
        assert gradient is not None
        assert gradient.abs().sum() > 0, name
    assert parts["residual"].grad is None


def test_a_perfect_residual_costs_nothing_and_divides_by_nothing(parts: dict[str, Tensor]) -> None:
    parts["residual"] = torch.zeros(N, D, dtype=torch.float64)
    parts["bias"] = torch.full((K_DEAD,), -1e6, dtype=torch.float64)
    assert loss_of(parts, 3).item() == 0.0


def test_reconstruction_loss_is_the_mean_square() -> None:
    assert float(reconstruction_loss(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]]))) == 2.5
