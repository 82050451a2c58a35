"""Pearson correlations of codes, made from sums when they are asked for, some rows at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64
from torch import Tensor

from worker.alignment.tally import Share, Sums
from worker.metrics.similarities import Similarities

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of each concept's codes over ``n`` tokens, zeros included."""

    mean: Float64[np.ndarray, " K"]
    std: Float64[np.ndarray, " K"]

    @classmethod
    def of(cls, sums: Sums, n_tokens: int) -> "Moments":
        """From sums; a concept that is always the same has the deviation 0."""
        mean = sums.total / max(n_tokens, 1)
        variance = sums.square / max(n_tokens, 1) - np.square(mean)
        return cls(mean, np.sqrt(np.where(variance > 1e-9 * np.square(mean), np.maximum(variance, 0.0), 0.0)))

    @property
    def alive(self) -> Bool[np.ndarray, " K"]:
        """Which concepts vary."""
        return np.asarray(self.std > 0)


@dataclass(frozen=True)
class Correlations(Similarities):
    """``r = (P / n - m_a m_b) / (s_a s_b)`` with the products ``P = Z_a^T Z_b``, in [-1, 1]; of chosen concepts only.

    Concepts that never vary have the correlation 0. Products are float32: errors of about 1e-6 / (s_a s_b) m_a m_b.
    """

    products: Float32[np.ndarray, "K J"]
    n_tokens: int
    a: Moments
    b: Moments
    chosen_a: Int64[np.ndarray, " k"]
    chosen_b: Int64[np.ndarray, " j"]

    @classmethod
    def of(cls, share: Share, *, products: Float32[np.ndarray, "K J"] | None = None) -> "Correlations":
        """Of the concepts of both sides that vary; ``products`` takes the place of the share's own, for a null."""
        a, b = Moments.of(share.a, share.n_tokens), Moments.of(share.b, share.n_tokens)
        table = share.products if products is None else products
        return cls(table, share.n_tokens, a, b, np.flatnonzero(a.alive), np.flatnonzero(b.alive))

    @property
    def shape(self) -> tuple[int, int]:
        """Chosen concepts of either side."""
        return len(self.chosen_a), len(self.chosen_b)

    def rows(self, chosen: Int64[np.ndarray, " b"]) -> Tensor:
        """Some rows ``[b j]``, float32."""
        i, j = self.chosen_a[chosen], self.chosen_b
        found = self.products[i] if len(j) == self.products.shape[1] else self.products[np.ix_(i, j)]
        return torch.from_numpy(self._scaled(found, i[:, None], j[None, :]).astype(np.float32))

    def turned(self) -> "Correlations":
        """Side b's by side a's."""
        return Correlations(self.products.T, self.n_tokens, self.b, self.a, self.chosen_b, self.chosen_a)

    def of_pairs(self, i: Int64[np.ndarray, " m"], j: Int64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """Of pairs of concepts, by their own indices."""
        return np.asarray(self._scaled(self.products[i, j], i, j))

    def _scaled(self, products: Array, i: Array, j: Array) -> Array:
        centred = products / max(self.n_tokens, 1) - self.a.mean[i] * self.b.mean[j]
        scale = self.a.std[i] * self.b.std[j]
        found: Array = np.clip(np.divide(centred, scale, out=np.zeros_like(centred), where=scale > 0), -1.0, 1.0)
        return found
