"""What a universal dictionary is measured against: a linear map between streams, and a dictionary for each stream."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from store.methods import TopKSpec
from store.universal import UniversalSpec
from worker.dictionaries.base import TokenStream
from worker.dictionaries.registry import AnyDictionary
from worker.dictionaries.tokens import checked_batches
from worker.metrics.reconstruction import centred_r2
from worker.training.loop import Listener, train
from worker.universal.pairing import OneOf

RIDGE = 1e-3
_BATCH = 4096


@dataclass(frozen=True)
class Products:
    """``sum x x^T`` over tokens less a mean vector, float64, and how many tokens there were."""

    total: Float64[Tensor, "d d"]
    n_tokens: int

    @classmethod
    @torch.no_grad()
    def of(cls, stream: TokenStream, *, mean: Tensor) -> "Products":
        """Over all tokens of a stream."""
        total = torch.zeros(len(mean), len(mean), dtype=torch.float64)
        for batch in checked_batches(stream, _BATCH, seed=0, epoch=0):
            centred = (batch - mean).double()
            total.addmm_(centred.t(), centred)
        return cls(total, stream.n_tokens)


def ridge_r2(
    train: TokenStream, held_out: TokenStream, *, parts: tuple[slice, ...], ridge: float = RIDGE
) -> Float64[Tensor, "M M"]:
    """R2 of ``x_j`` from ``x_i`` by ridge regression, row i and column j, on held-out tokens.

    ``B = (C_ii + r t I)^-1 C_ij`` with C the products of centred training tokens, t the mean of the diagonal of
    ``C_ii`` and r = 0.001; with S those of held-out tokens, about the training mean::

        R2_ij = 1 - (tr S_jj - 2 tr B^T S_ij + tr B^T S_ii B) / tr S_jj
    """
    learned = Products.of(train, mean=train.mean).total
    judged = Products.of(held_out, mean=train.mean).total
    found = torch.zeros(len(parts), len(parts), dtype=torch.float64)
    for i, source in enumerate(parts):
        own = learned[source, source]
        damped = own + ridge * own.diagonal().mean() * torch.eye(len(own), dtype=torch.float64)
        for j, target in enumerate(parts):
            weights = torch.linalg.solve(damped, learned[source, target])
            variance = judged[target, target].trace()
            shared = (weights * judged[source, target]).sum()
            error = variance - 2 * shared + (weights * (judged[source, source] @ weights)).sum()
            found[i, j] = 1 - error / variance
    return found


def independent_spec(spec: UniversalSpec, **changes: Any) -> TopKSpec:
    """A TopK dictionary of one stream with everything it has in common with a universal one."""
    fields = {name: value for name, value in spec.as_json().items() if name in TopKSpec.model_fields}
    return TopKSpec.model_validate({**fields, "method": "topk", **changes})


@dataclass(frozen=True)
class Alone:
    """A dictionary that learned from one stream alone, and its held-out R2."""

    dictionary: AnyDictionary
    r2: float


def train_alone(
    spec: TopKSpec,
    train_stream: TokenStream,
    held_out: TokenStream,
    *,
    parts: tuple[slice, ...],
    device: torch.device | str = "cpu",
    on_progress: Listener = lambda _: None,
) -> list[Alone]:
    """Dictionaries that are trained on one stream each, judged on its held-out tokens."""
    found = []
    for part in parts:
        dictionary = train(spec, OneOf(train_stream, part), device=device, on_progress=on_progress).dictionary
        found.append(Alone(dictionary, centred_r2(dictionary, OneOf(held_out, part))))
    return found
