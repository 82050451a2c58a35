"""How much of each stream the codes of each stream reconstruct."""

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from store.errors import InvalidInput
from worker.dictionaries.base import TokenStream
from worker.dictionaries.tokens import checked_batches
from worker.universal.dictionary import UniversalDictionary

_BATCH = 4096


@dataclass(frozen=True)
class Crossing:
    """R2 of stream j from the codes of stream i, ``[M M]``, row i and column j; and the same for codes of others."""

    r2: Float64[Tensor, "M M"]
    r2_permuted: Float64[Tensor, "M M"]
    """Codes come from another token, drawn at random from the held-out photos: what does not depend on the photo."""


@torch.no_grad()
def cross_r2(
    universal: UniversalDictionary, held_out: TokenStream, *, batch_tokens: int = _BATCH, seed: int = 0
) -> Crossing:
    """``R2_ij = 1 - sum |x_j - x_hat_j(c_i)|^2 / sum |x_j - mean_j|^2``, float64 sums over held-out tokens.

    The mean is the mean vector of the training tokens. Raises ``InvalidInput`` where a stream has no variance.
    """
    generator = torch.Generator().manual_seed(seed)
    n_streams = universal.n_streams
    errors = torch.zeros(2, n_streams, n_streams, dtype=torch.float64)
    variance = torch.zeros(n_streams, dtype=torch.float64)
    for batch in checked_batches(held_out, batch_tokens, seed=0, epoch=0):
        x = batch.to(universal.mean)
        others = torch.randperm(len(x), generator=generator).to(x.device)
        variance += _by_stream(universal, x - universal.mean)
        for source, part in enumerate(universal.parts):
            output = universal.decode_common(universal.stream_codes(source, x[:, part].contiguous()))
            errors[0, source] += _by_stream(universal, x - output)
            errors[1, source] += _by_stream(universal, x - output[others])
    if not bool((variance > 0).all()):
        raise InvalidInput("A stream's held-out tokens have no variance, so it cannot be judged; hold out more images.")
    found = 1 - errors / variance
    return Crossing(found[0], found[1])


def mean_cross_r2(universal: UniversalDictionary, held_out: TokenStream) -> float:
    """The mean of all entries of the matrix."""
    return float(cross_r2(universal, held_out).r2.mean())


def diagonal(matrix: Float64[Tensor, "M M"]) -> float:
    """Mean of the entries of streams with themselves."""
    return float(matrix.diagonal().mean())


def off_diagonal(matrix: Float64[Tensor, "M M"]) -> float:
    """Mean of the entries between different streams."""
    n_streams = len(matrix)
    return float((matrix.sum() - matrix.diagonal().sum()) / (n_streams * (n_streams - 1)))


def _by_stream(universal: UniversalDictionary, difference: Tensor) -> Float64[Tensor, " M"]:
    squares = difference.square().sum(dim=0, dtype=torch.float64).cpu()
    return torch.stack([squares[part].sum() for part in universal.parts])
