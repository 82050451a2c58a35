"""The parts of the training loss, in standardised units."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from worker.dictionaries.sparse import reconstruct


def reconstruction_loss(inputs: Float[Tensor, "n d"], output: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Mean squared error per entry; standardised inputs have mean square 1, so this is about 1 - R2."""
    return functional.mse_loss(output, inputs)


def auxiliary_loss(
    inputs: Float[Tensor, "n d"],
    residual: Float[Tensor, "n e"],
    *,
    weight: Float[Tensor, "K_dead d"],
    bias: Float[Tensor, " K_dead"],
    atoms: Float[Tensor, "K_dead e"],
    n_active: int,
) -> Float[Tensor, ""]:
    """AuxK (arXiv 2406.04093, A.2): dead concepts alone try to explain what the living ones left over.

    ``min(n_dead / n_active, 1) * |e - e_hat|^2 / |e - mean(e)|^2`` with ``e`` the detached residual and ``e_hat`` the
    reconstruction by at most ``n_active`` dead concepts, without the mean (it is no part of the residual). The
    gradient goes through their codes into their encoder rows as well as into their atoms.
    """
    n_dead = len(atoms)
    target = residual.detach()
    found = reconstruct(inputs, weight, bias=bias, atoms=atoms, n_active=min(n_active, n_dead)).output
    variance = (target - target.mean(dim=0)).square().mean()
    share = min(n_dead / n_active, 1.0)
    return share * functional.mse_loss(found, target) / variance.clamp_min(torch.finfo(target.dtype).tiny)


def disagreement(atoms: list[Float[Tensor, "K d"]]) -> Float[Tensor, ""]:
    """Mutual feature regularisation (arXiv 2411.01220): how far parallel dictionaries are from sharing their atoms.

    ``1 - mean over ordered pairs (a, b) of dictionaries, and atoms k of a, of max_j <a_k, b_j>``; range [0, 2].
    """
    products = [a @ b.t() for i, a in enumerate(atoms) for b in atoms[i + 1 :]]
    best = [product.max(dim=dim).values.mean() for product in products for dim in (0, 1)]
    return 1 - torch.stack(best).mean()
