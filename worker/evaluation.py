"""Judging a dictionary on held-out tokens: streaming, float64 sums, every score beside its null."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from store.errors import InvalidInput
from worker.dictionaries.base import Dictionary, SparseCodes, TokenStream
from worker.dictionaries.sparse import top_codes, weighted_rows
from worker.dictionaries.tokens import checked_batches, sample_tokens

DENSE_ABOVE = 0.1

Reconstructor = Callable[[Float[Tensor, "b d"]], Float[Tensor, "b d"]]


def evaluate(
    dictionary: Dictionary,
    held_out: TokenStream,
    *,
    train: TokenStream,
    batch_tokens: int = 4096,
    seed: int = 0,
) -> dict[str, float]:
    """All metrics of a dictionary; each key is defined in ``store/metrics.py``.

    ``train`` gives the atoms of the token null and the codes of the training split for the share of concepts that
    never fire. Nulls are drawn by ``seed``. Raises ``InvalidInput`` when there is no held-out token or the held-out
    tokens are all equal to the mean.
    """
    judged = _judge(dictionary, held_out, batch_tokens=batch_tokens, seed=seed)
    counts = judged.counts + count_fired(dictionary, train, batch_tokens=batch_tokens)
    density = judged.counts.double() / judged.n_tokens
    nulls = {
        "r2_random_atoms": random_atoms(dictionary, seed=seed),
        "r2_data_atoms": token_atoms(dictionary, train, seed=seed),
    }
    return {
        "r2": 1.0 - judged.error / judged.variance,
        "fvu": judged.error / judged.variance,
        **{
            key: r2_of_atoms(dictionary, atoms, held_out=held_out, batch_tokens=batch_tokens)
            for key, atoms in nulls.items()
        },
        "r2_permuted_codes": 1.0 - judged.permuted_error / judged.variance,
        "l0": float(judged.counts.sum()) / judged.n_tokens,
        "l0_share": float(judged.counts.sum()) / judged.n_tokens / dictionary.n_concepts,
        "density_median": float(density.median()),
        "dead_share_held_out": float((judged.counts == 0).double().mean()),
        "dead_share_all": float((counts == 0).double().mean()),
        "dense_share": float((density > DENSE_ABOVE).double().mean()),
        "n_tokens_held_out": float(judged.n_tokens),
    }


def count_fired(dictionary: Dictionary, stream: TokenStream, *, batch_tokens: int = 4096) -> Tensor:
    """Number of tokens at which each concept has a code above 0, int64 ``[K]``; divided by the tokens: density."""
    counts = torch.zeros(dictionary.n_concepts, dtype=torch.int64)
    for batch in checked_batches(stream, batch_tokens, seed=0, epoch=0):
        counts += _fired(dictionary.encode(batch.to(dictionary.mean)))
    return counts


@dataclass
class _Judged:
    """Sums over the held-out tokens."""

    n_tokens: int = 0
    error: float = 0.0
    variance: float = 0.0
    permuted_error: float = 0.0
    counts: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))


def _judge(dictionary: Dictionary, stream: TokenStream, *, batch_tokens: int, seed: int) -> _Judged:
    generator = torch.Generator().manual_seed(seed)
    judged = _Judged(counts=torch.zeros(dictionary.n_concepts, dtype=torch.int64))
    for batch in checked_batches(stream, batch_tokens, seed=0, epoch=0):
        tokens = batch.to(dictionary.mean)
        codes = dictionary.encode(tokens)
        output = dictionary.decode(codes)
        others = torch.randperm(len(tokens), generator=generator).to(tokens.device)
        judged.n_tokens += len(tokens)
        judged.error += _squares(tokens - output)
        judged.variance += _squares(tokens - dictionary.mean)
        judged.permuted_error += _squares(tokens - output[others])
        judged.counts += _fired(codes)
    if not judged.variance > 0:
        raise InvalidInput(
            f"The {judged.n_tokens} held-out tokens have no variance, so a dictionary cannot be judged on them; "
            "hold out more images."
        )
    return judged


def random_atoms(dictionary: Dictionary, *, seed: int) -> Float[Tensor, "K d"]:
    """As many unit vectors, uniform on the sphere."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(dictionary.n_concepts, dictionary.width, generator=generator)
    return functional.normalize(drawn.to(dictionary.mean), dim=1)


def token_atoms(dictionary: Dictionary, train: TokenStream, *, seed: int) -> Float[Tensor, "K d"]:
    """As many training tokens, less the mean, at norm 1; fewer when there are fewer tokens."""
    tokens = sample_tokens(train, dictionary.n_concepts, seed=seed)[: dictionary.n_concepts]
    return functional.normalize(dictionary.standardize(tokens.to(dictionary.mean.device)), dim=1)


@torch.no_grad()
def r2_of_atoms(
    dictionary: Dictionary, atoms: Float[Tensor, "K d"], *, held_out: TokenStream, batch_tokens: int = 4096
) -> float:
    """Best centred R2 of fixed unit atoms with the codes ``gain * relu(top(u D^T))`` over all gains.

    With ``c = x - mean`` and ``v`` its reconstruction at gain 1 the best gain is ``<c, v> / <v, v>``, so that
    ``R2 = <c, v>^2 / (<v, v> <c, c>)``, in [0, 1].
    """
    n_active = min(dictionary.spec.n_active, len(atoms))
    cross = square = variance = 0.0
    for batch in checked_batches(held_out, batch_tokens, seed=0, epoch=0):
        centred = batch.to(dictionary.mean) - dictionary.mean
        indices, values = top_codes(centred @ atoms.t(), n_active)
        output = weighted_rows(indices, values, table=atoms)
        cross += float((centred * output).sum(dtype=torch.float64))
        square += _squares(output)
        variance += _squares(centred)
    return cross**2 / (square * variance) if square > 0 and variance > 0 else 0.0


def _fired(codes: SparseCodes) -> Tensor:
    return torch.bincount(codes.indices[codes.values > 0], minlength=codes.n_concepts).cpu()


def _squares(difference: Tensor) -> float:
    return float(difference.square().sum(dtype=torch.float64))
