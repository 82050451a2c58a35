"""First weights: atoms where the data are, and an encoder tied to them, scaled so that the reconstruction fits best."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from store.methods import GradientSpec
from worker.dictionaries.kmeans import kmeans
from worker.dictionaries.sparse import reconstruct

if TYPE_CHECKING:
    from worker.dictionaries.linear import LinearDictionary

_FIT_TOKENS = 4096
_LEVEL_TOKENS = 1024  # whose pre-codes stand in memory all at once
_SMALLEST_LEVEL = 1e-3


def first_atoms(
    spec: GradientSpec,
    sample: Float[Tensor, "m d"],
    *,
    generator: torch.Generator,
    on_iteration: Callable[[], None],
) -> Float[Tensor, "K d"]:
    """Unit vectors: k-means centroids, tokens drawn without replacement, or random directions, as the spec says."""
    if spec.start == "kmeans":
        points = kmeans(sample, spec.n_concepts, generator=generator, on_iteration=on_iteration)
    elif spec.start == "tokens":
        points = sample[torch.randperm(len(sample), generator=generator)[: spec.n_concepts].to(sample.device)]
    else:
        points = torch.randn(spec.n_concepts, sample.shape[1], generator=generator).to(sample)
    return functional.normalize(points, dim=1)


@torch.no_grad()
def tie_encoder(dictionary: "LinearDictionary", sample: Float[Tensor, "m d"]) -> None:
    """Set ``W = g D``, ``b = 0`` with the gain ``g = <u, u_hat> / <u_hat, u_hat>`` of least squares.

    Without the gain, n_active atoms that point the same way add up to far more than the token.
    """
    atoms = dictionary.make_atoms().detach()
    inputs = sample[:_FIT_TOKENS]
    zeros = torch.zeros_like(dictionary.encoder_bias)
    output = reconstruct(inputs, atoms, bias=zeros, atoms=atoms, n_active=dictionary.spec.n_active).output
    gain = (inputs * output).sum() / output.square().sum().clamp_min(torch.finfo(output.dtype).tiny)
    dictionary.encoder_weight.copy_(gain * atoms)
    dictionary.encoder_bias.zero_()


@torch.no_grad()
def common_level(dictionary: "LinearDictionary", sample: Float[Tensor, "m d"], n_above: int) -> Float[Tensor, ""]:
    """The level that, on average, ``n_above`` of a token's pre-codes reach; above 0."""
    inputs = sample[:_LEVEL_TOKENS]
    pre_codes = dictionary.pre_codes(inputs).flatten()
    level = pre_codes.topk(min(n_above * len(inputs), len(pre_codes)), sorted=False).values.min()
    return level.clamp_min(_SMALLEST_LEVEL)


@torch.no_grad()
def lower_bias(dictionary: "LinearDictionary", sample: Float[Tensor, "m d"], *, n_above: int) -> None:
    """Let ``relu`` pass ``n_above`` codes per token at first: ``b <- b - t`` with t the level that so many reach.

    What passes has lost t, so encoder and bias are scaled by the gain of least squares, as in ``tie_encoder``.
    """
    level = common_level(dictionary, sample, n_above)
    inputs = sample[:_LEVEL_TOKENS]
    codes = (dictionary.pre_codes(inputs) - level).relu()
    output = codes @ dictionary.make_atoms()
    gain = (inputs * output).sum() / output.square().sum().clamp_min(torch.finfo(output.dtype).tiny)
    dictionary.encoder_bias.sub_(level).mul_(gain)
    dictionary.encoder_weight.mul_(gain)
