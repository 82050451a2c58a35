"""The points that archetypal dictionaries mix their atoms from, and how the mixtures start."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from store.methods import MixtureSpec
from worker.dictionaries.kmeans import kmeans

LOGIT_LR_FACTOR = 20.0  # where mixtures carry the atoms: logits live on a scale of 1, encoder weights of 1/sqrt(d)
_TEMPERATURE = 0.1  # cosine by which a candidate's first weight falls by a factor e


def find_candidates(
    spec: MixtureSpec, sample: Float[Tensor, "m d"], *, on_iteration: Callable[[], None]
) -> Float[Tensor, "c d"]:
    """k-means centroids of standardised tokens, by a seed of their own: two runs may share or differ in them."""
    generator = torch.Generator().manual_seed(spec.candidate_seed)
    return kmeans(sample, spec.n_candidates, generator=generator, on_iteration=on_iteration)


def first_logits(cosines: Float[Tensor, "K m"]) -> Float[Tensor, "K m"]:
    """Logits of mixtures that weigh candidates by their cosine with where an atom starts; the nearest has 0."""
    return (cosines - cosines.max(dim=1, keepdim=True).values) / _TEMPERATURE
