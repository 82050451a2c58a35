"""The leash of archetypal atoms: mixtures of candidate points, and how atoms are kept near them."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from worker.dictionaries.sparse import mix


def make_archetypes(
    logits: Float[Tensor, "K m"], owned: Int64[Tensor, "K m"], *, candidates: Float[Tensor, "c d"]
) -> Float[Tensor, "K d"]:
    """``a_k = softmax(L_k) C[S_k]``, brought to norm 1; with a gradient in the logits."""
    return functional.normalize(mix(logits.softmax(dim=1), owned, points=candidates), dim=1)


def distance_behind(archetypes: Float[Tensor, "K d"], atoms: Float[Tensor, "K d"]) -> Float[Tensor, ""]:
    """``mean_k (1 - <a_k, d_k>)`` in [0, 2], with a gradient in the archetypes alone: they follow the atoms."""
    return 1 - (archetypes * atoms.detach()).sum(dim=1).mean()


def pull_back(
    atoms: Float[Tensor, "K d"], archetypes: Float[Tensor, "K d"], *, relaxation: float
) -> Float[Tensor, "K d"]:
    """Unit vectors within ``relaxation`` of their archetypes: those farther off come to the leash's end on the arc.

    At distance r two unit vectors have the cosine ``1 - r^2 / 2``.
    """
    nearest = 1 - relaxation**2 / 2
    cosines = (atoms * archetypes).sum(dim=1, keepdim=True)
    sideways = functional.normalize(atoms - cosines * archetypes, dim=1)
    ends = nearest * archetypes + (1 - nearest**2) ** 0.5 * sideways
    return torch.where(cosines < nearest, ends, atoms)
