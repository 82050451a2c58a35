"""Atoms and reconstructions against the model's own linear head, where that is all that follows the layer."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional

from worker.models.base import LinearHead

_NO_DIVERGENCE = 1e-12  # below it there is nothing but rounding


@torch.no_grad()
def plausibility(atoms: Float[Tensor, "K d"], rows: Float[Tensor, "c d"]) -> float:
    """``mean_i max_j <v_i, d_j>`` over classes i, with unit class rows v and unit atoms d (arXiv 2502.12892)."""
    nearest = (functional.normalize(rows, dim=1).to(atoms) @ atoms.t()).max(dim=1).values
    return float(nearest.clamp(-1, 1).double().mean())


def centred_rows(head: LinearHead) -> Float[Tensor, "c d"]:
    """Class rows less their mean, which adds the same to all logits and so decides nothing."""
    return head.weight - head.weight.mean(dim=0)


@dataclass(frozen=True)
class Kept:
    """What is left of the model's predictions."""

    cross_entropy: float
    agreement: float


@torch.no_grad()
def predictions_kept(
    head: LinearHead,
    clean: Float64[Tensor, "n d"],
    *,
    reconstructed: Float64[Tensor, "n d"],
    nothing: Float[Tensor, " d"],
) -> Kept:
    """Predictions from images' mean tokens as they are, as reconstructed, and from ``nothing``.

    A mean over patches and a linear map turn the mean of the reconstructed patches into exactly the logits of the
    reconstruction. With p the prediction of the clean activations, ``H(p, q) = -sum p log q`` in mean over images::

        cross_entropy = (H(p, p_nothing) - H(p, p_reconstructed)) / (H(p, p_nothing) - H(p, p)),  at most 1
        agreement     = share of images whose most probable class stays the same, in [0, 1]

    ``cross_entropy`` is 0 when the clean predictions are those of nothing.
    """
    logits, ours, none = (
        functional.linear(means, head.weight.double().cpu(), head.bias.double().cpu())
        for means in (clean.cpu(), reconstructed.cpu(), nothing.double().cpu()[None])
    )
    target = logits.log_softmax(dim=1)
    far, near = (float(_divergence(target, q.log_softmax(dim=1))) for q in (none, ours))
    same = ours.argmax(dim=1) == logits.argmax(dim=1)
    return Kept(1.0 - near / far if far > _NO_DIVERGENCE else 0.0, float(same.double().mean()))


def _divergence(p: Float64[Tensor, "n c"], q: Float64[Tensor, "m c"]) -> Float64[Tensor, ""]:
    """``H(p, q) - H(p, p) = sum p (log p - log q)`` in mean over images, from logarithms; exact where it is small."""
    return (p.exp() * (p - q)).sum(dim=1).mean().clamp_min(0)
