"""Mean and spread of vectors that arrive in parts, exact in whatever order and grouping the parts are merged."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Float, Float64
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Count n, mean [d] and sum of squared deviations M2 [d] of n vectors, in float64."""

    n: int
    mean: Float64[Tensor, " d"]
    m2: Float64[Tensor, " d"]

    @staticmethod
    def empty(width: int) -> "Moments":
        """Of no vectors."""
        return Moments(0, torch.zeros(width, dtype=torch.float64), torch.zeros(width, dtype=torch.float64))

    @staticmethod
    def of(x: Float[Tensor, "n d"]) -> "Moments":
        """Of the rows of x: ``mean = sum x / n``, ``M2 = sum (x - mean)^2``, each summed in float64."""
        n, width = x.shape
        if n == 0:
            return Moments.empty(width)
        deviations = x.to(torch.float64, copy=True)
        mean = deviations.sum(0) / n
        deviations -= mean  # in place: var_mean would be twice as slow
        return Moments(n, mean, deviations.square_().sum(0))

    def merged(self, other: "Moments") -> "Moments":
        """Of both parts together (Chan, Golub, LeVeque 1979).

        With ``delta = mean_b - mean_a``::

            mean = mean_a + delta n_b / n        M2 = M2_a + M2_b + delta^2 n_a n_b / n
        """
        n = self.n + other.n
        if n == 0:
            return self
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.n / n)
        return Moments(n, mean, self.m2 + other.m2 + delta.square() * (self.n * other.n / n))

    @property
    def std(self) -> Float64[Tensor, " d"]:
        """``sqrt(M2 / n)``; zero for no vectors."""
        return (self.m2 / max(self.n, 1)).sqrt()


def merge(parts: Iterable[Moments], width: int) -> Moments:
    """All parts merged from the left."""
    return reduce(Moments.merged, parts, Moments.empty(width))
