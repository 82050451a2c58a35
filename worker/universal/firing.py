"""Where the concepts of a universal dictionary fire: in which streams, how often, and whether at the same places."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from worker.dictionaries.base import SparseCodes, TokenStream
from worker.dictionaries.tokens import checked_batches, sample_tokens
from worker.metrics.density import DENSE_ABOVE
from worker.universal.dictionary import UniversalDictionary

QUANTILE = 0.25
ONE_STREAM = 0.9
_BATCH = 2048
_SAMPLE = 20_000


@dataclass(frozen=True)
class Firing:
    """Counts over tokens of M streams and K concepts. A concept fires where its code is above the stream's threshold.

    The threshold is the 0.25 quantile of all codes above 0 of the stream: not one number for all streams, and nothing
    that depends on how codes are scaled.
    """

    n_tokens: int
    fires: Int64[Tensor, "M K"]
    together: Int64[Tensor, " K"]
    """Tokens at which the concept fires in all streams."""
    anywhere: Int64[Tensor, " K"]
    """Tokens at which it fires in at least one."""
    positive: Int64[Tensor, "M K"]
    """Tokens with a code above 0."""
    sums: Float64[Tensor, "M K"]
    """Sums of the common codes."""

    @property
    def alive(self) -> Bool[Tensor, " K"]:
        """Concepts with a code above 0 in some stream."""
        return self.positive.sum(dim=0) > 0

    @property
    def l0(self) -> float:
        """Mean number of codes above 0 per token of a stream."""
        return float(self.positive.sum()) / (self.n_tokens * len(self.positive))

    @property
    def dense(self) -> Bool[Tensor, " K"]:
        """Concepts with a code above 0 at more than a tenth of the tokens of all streams."""
        return self.density.mean(dim=0) > DENSE_ABOVE

    @property
    def density(self) -> Float64[Tensor, "M K"]:
        """Share of tokens with a code above 0, in [0, 1]."""
        return self.positive.double() / self.n_tokens

    @property
    def shares(self) -> Float64[Tensor, "M K"]:
        """``p_ik = |F_ik| / sum_j |F_jk|``, a concept's firings by stream; NaN where it never fires."""
        return self.fires.double() / self.fires.sum(dim=0)

    @property
    def entropy(self) -> Float64[Tensor, " K"]:
        """``-(1 / log M) sum_i p_ik log p_ik``: 0 in one stream alone, 1 equally often in all; NaN without firings."""
        shares = self.shares
        total: Tensor = torch.special.entr(shares).sum(dim=0)
        return total / math.log(len(shares))

    @property
    def co_fire(self) -> Float64[Tensor, "M K"]:
        """``|C_k| / |F_ik|``: share of a stream's firings at which all streams fire; NaN where it has none."""
        return self.together.double() / self.fires

    @property
    def jaccard(self) -> Float64[Tensor, " K"]:
        """``|C_k| / |union of F_ik|``, in [0, 1]; NaN where the concept never fires."""
        return self.together.double() / self.anywhere

    @property
    def one_stream(self) -> Bool[Tensor, " K"]:
        """Concepts nine tenths of whose firings are those of one stream."""
        return self.shares.amax(dim=0) >= ONE_STREAM

    @property
    def in_all(self) -> Bool[Tensor, " K"]:
        """Concepts that fire in every stream at least half as often as if all streams had equal shares."""
        return self.shares.amin(dim=0) >= 0.5 / len(self.fires)

    def energy(self, universal: UniversalDictionary, variance: Float64[Tensor, " M"]) -> Float64[Tensor, "M K"]:
        """``|mean_t z_ikt d_ik|^2 / variance_i``: what a concept adds on average, over the variance of the stream."""
        gains = torch.stack([universal.gains(stream) for stream in range(universal.n_streams)]).double().cpu()
        return (self.sums / self.n_tokens * gains).square() / variance[:, None]


@torch.no_grad()
def thresholds(universal: UniversalDictionary, stream: TokenStream, *, quantile: float = QUANTILE) -> list[float]:
    """For each stream the quantile of its codes above 0, over about 20,000 tokens; 0 where there is none."""
    sample = sample_tokens(stream, _SAMPLE, seed=0).to(universal.mean)
    found = []
    for number, part in enumerate(universal.parts):
        values = universal.stream_codes(number, sample[:, part].contiguous()).values
        positive = values[values > 0]
        place = int(quantile * (len(positive) - 1))
        found.append(float(positive.flatten().kthvalue(place + 1).values) if len(positive) else 0.0)
    return found


@torch.no_grad()
def count_firing(
    universal: UniversalDictionary,
    stream: TokenStream,
    *,
    above: Sequence[float],
    permuted: int | None = None,
    batch_tokens: int = _BATCH,
) -> Firing:
    """Count over all tokens of a stream. With ``permuted``, a seed, each stream's tokens are shuffled on their own.

    The second is the null of what fires together: how often concepts meet that fire as often, but anywhere.
    """
    generator = None if permuted is None else torch.Generator().manual_seed(permuted)
    shape = (universal.n_streams, universal.n_concepts)
    fires, positive = torch.zeros(2, *shape, dtype=torch.int64)
    sums = torch.zeros(shape, dtype=torch.float64)
    together, anywhere = torch.zeros(2, universal.n_concepts, dtype=torch.int64)
    n_tokens = 0
    for batch in checked_batches(stream, batch_tokens, seed=0, epoch=0):
        masks = []
        for number, part in enumerate(universal.parts):
            codes = universal.stream_codes(number, batch[:, part].to(universal.mean).contiguous())
            mask = _places(codes, above=above[number]).cpu()
            positive[number] += _places(codes, above=0.0).sum(dim=0).cpu()
            sums[number] += codes.dense().sum(dim=0, dtype=torch.float64).cpu()
            masks.append(mask if generator is None else mask[torch.randperm(len(mask), generator=generator)])
        stacked = torch.stack(masks)
        fires += stacked.sum(dim=1)
        together += stacked.all(dim=0).sum(dim=0)
        anywhere += stacked.any(dim=0).sum(dim=0)
        n_tokens += len(batch)
    return Firing(n_tokens, fires, together, anywhere, positive, sums)


@torch.no_grad()
def ever_fires(
    universal: UniversalDictionary, stream: TokenStream, *, batch_tokens: int = _BATCH
) -> Bool[Tensor, " K"]:
    """Concepts with a code above 0 at some token of some stream."""
    fires = torch.zeros(universal.n_concepts, dtype=torch.bool)
    for batch in checked_batches(stream, batch_tokens, seed=0, epoch=0):
        for number, part in enumerate(universal.parts):
            codes = universal.stream_codes(number, batch[:, part].to(universal.mean).contiguous())
            fires[codes.indices[codes.values > 0].cpu()] = True
    return fires


def _places(codes: SparseCodes, *, above: float) -> Bool[Tensor, "n K"]:
    mask = torch.zeros(len(codes.values), codes.n_concepts, dtype=torch.bool, device=codes.values.device)
    tokens, slots = (codes.values > max(above, 0.0)).nonzero(as_tuple=True)
    mask[tokens, codes.indices[tokens, slots]] = True
    return mask
