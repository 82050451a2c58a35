"""How often and how strongly each concept fires."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from worker.dictionaries.base import Dictionary, SparseCodes, TokenStream
from worker.dictionaries.tokens import checked_batches

DENSE_ABOVE = 0.1
_LOWEST_DECADE, _BINS_PER_DECADE = -6, 4


@dataclass
class Usage:
    """Sums over tokens: in how many of them a concept has a code above 0, and the total of its codes."""

    counts: Int64[Tensor, " K"]
    totals: Float64[Tensor, " K"]
    n_tokens: int = 0

    @classmethod
    def empty(cls, n_concepts: int) -> "Usage":
        """Of no tokens."""
        return cls(torch.zeros(n_concepts, dtype=torch.int64), torch.zeros(n_concepts, dtype=torch.float64))

    def add(self, codes: SparseCodes) -> None:
        """Add the codes of some more tokens."""
        indices, values = codes.indices.flatten(), codes.values.flatten().double()
        self.n_tokens += len(codes.values)
        self.counts += torch.bincount(indices[values > 0], minlength=codes.n_concepts).cpu()
        self.totals += torch.bincount(indices, weights=values, minlength=codes.n_concepts).cpu()

    @property
    def density(self) -> Float64[Tensor, " K"]:
        """Share of tokens at which each concept fires."""
        return self.counts.double() / max(self.n_tokens, 1)

    @property
    def alive(self) -> Bool[Tensor, " K"]:
        """Concepts that fire at least once."""
        return self.counts > 0

    @property
    def mean_active(self) -> Float64[Tensor, " K"]:
        """Mean code over the tokens at which a concept fires; 0 for one that never does."""
        return self.totals / self.counts.clamp_min(1)

    @property
    def l0(self) -> float:
        """Mean number of codes above 0 per token."""
        return float(self.counts.sum()) / max(self.n_tokens, 1)


def usage_of(dictionary: Dictionary, stream: TokenStream, *, batch_tokens: int = 4096) -> Usage:
    """How a dictionary's concepts fire on all tokens of a stream."""
    usage = Usage.empty(dictionary.n_concepts)
    for batch in checked_batches(stream, batch_tokens, seed=0, epoch=0):
        usage.add(dictionary.encode(batch.to(dictionary.mean)))
    return usage


def density_shares(usage: Usage) -> tuple[float, float, float]:
    """Median density, share of concepts that never fire, share that fire at more than a tenth of the tokens."""
    density = usage.density
    dead, dense = (chosen.double().mean() for chosen in (~usage.alive, density > DENSE_ABOVE))
    return float(density.median()), float(dead), float(dense)


def effective_concepts(usage: Usage) -> float:
    """``exp(-sum p_k log p_k)`` with ``p_k`` the share of energy ``E_k = |mean(z_k) d_k|^2``, in [1, K]; 0 if none.

    Atoms have norm 1, so that ``E_k = mean(z_k)^2`` (energy: arXiv 2502.03714).
    """
    energy = (usage.totals / max(usage.n_tokens, 1)).square()
    return exponential_entropy(energy)


def exponential_entropy(weights: Float64[Tensor, " n"]) -> float:
    """``exp(-sum p log p)`` of weights >= 0 over their sum: how many equal ones are as uneven; 0 when all are 0."""
    total = weights.sum()
    if not total > 0:
        return 0.0
    shares = weights / total
    return float(torch.special.entr(shares).sum().exp())


def density_histogram(usage: Usage) -> dict[str, Any]:
    """Concepts by density: ``dead``, ``edges`` (from 1e-6 to 1, four per decade) and ``counts`` between them.

    A bin holds densities above its lower edge up to its upper one; those below the first edge are in the first bin.
    """
    n_bins = -_LOWEST_DECADE * _BINS_PER_DECADE
    edges = torch.logspace(_LOWEST_DECADE, 0, n_bins + 1, dtype=torch.float64)
    edges[-1] = 1.0
    density = usage.density[usage.alive]
    place = (torch.bucketize(density, edges) - 1).clamp(0, n_bins - 1)
    counts = torch.bincount(place, minlength=n_bins)
    return {"dead": int((~usage.alive).sum()), "edges": edges.tolist(), "counts": counts.tolist()}
