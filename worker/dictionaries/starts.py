"""First weights: an encoder tied to the atoms, scaled so that the first reconstruction fits best."""

import torch
from jaxtyping import Float
from torch import Tensor

from worker.dictionaries.base import Dictionary
from worker.dictionaries.sparse import reconstruct

_FIT_TOKENS = 4096


@torch.no_grad()
def tie_encoder(dictionary: Dictionary, sample: Float[Tensor, "m d"]) -> None:
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
