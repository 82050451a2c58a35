"""The points that archetypal dictionaries mix their atoms from."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from store.methods import MixtureSpec
from worker.dictionaries.kmeans import kmeans


def find_candidates(
    spec: MixtureSpec, sample: Float[Tensor, "m d"], *, on_iteration: Callable[[], None]
) -> Float[Tensor, "c d"]:
    """k-means centroids of standardised tokens, by a seed of their own: two runs may share or differ in them."""
    generator = torch.Generator().manual_seed(spec.candidate_seed)
    return kmeans(sample, spec.n_candidates, generator=generator, on_iteration=on_iteration)
