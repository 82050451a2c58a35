"""Non-negative matrix factorisation (Lee and Seung 1999), of activations less their smallest value."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from store.methods import NmfSpec
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.factors import FactorDictionary
from worker.dictionaries.kmeans import kmeans
from worker.dictionaries.nonnegative import descend_projected

_STEPS = 50  # of projected gradient for the atoms, after each epoch


class NmfDictionary(FactorDictionary):
    """``min |U - Z D|^2`` over ``Z >= 0`` and ``D >= 0``, with ``u = (x - origin) / scale >= 0``.

    The origin is the smallest value that each dimension has among the tokens of the start; what falls below it later
    counts as equal to it. Codes have to make up for the way from there to the mean as well, which costs some of them.
    """

    method: ClassVar[str] = "nmf"

    spec: NmfSpec
    floor: Tensor

    def __init__(self, spec: NmfSpec, width: int) -> None:
        super().__init__(spec, width)
        self.register_buffer("floor", torch.zeros(width))

    @property
    def origin(self) -> Float[Tensor, " d"]:
        """The smallest value of each dimension; until ``start_from`` has seen tokens, the mean."""
        return self.mean + self.scale * self.floor

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """The origin; then one atom towards the mean, the others where k-means centroids are above the mean.

        Centroids as seen from the origin would all point towards the mean, more or less, and stay alike for long.
        """
        centroids = kmeans(sample, self.n_concepts, generator=generator, on_iteration=on_iteration)
        self.floor.copy_(sample.min(dim=0).values)
        above = torch.where((centroids > 0).any(dim=1, keepdim=True), centroids.relu(), centroids - self.floor)
        above[0] = -self.floor
        self.decoder.copy_(functional.normalize(above, dim=1))

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """Non-negative codes; entries below the origin count as zero."""
        return super().standard_codes(u.clamp_min(0))

    def absorb(self, u: Float[Tensor, "b d"]) -> SparseCodes:
        """Codes of the batch, added to the sums; entries below the origin count as zero."""
        return super().absorb(u.clamp_min(0))

    def new_atoms(
        self, squares: Float[Tensor, "K K"], products: Float[Tensor, "K d"], *, size: Float[Tensor, " K"]
    ) -> Float[Tensor, "K d"]:
        """Projected gradient on ``D >= 0``. Codes are at least 0, so row sums of ``Z^T Z`` bound its curvature."""
        table, target = squares.to(self.decoder), products.to(self.decoder)
        return descend_projected(
            size[:, None].to(self.decoder) * self.decoder,
            lambda atoms: table @ atoms - target,
            curvature=table.sum(dim=1),
            n_steps=_STEPS,
        )

    def restart(self, lost: Int[Tensor, " l"], left_over: Float[Tensor, "l d"]) -> None:
        """Towards the part of what is left over that is above 0, where there is one."""
        above = functional.normalize(left_over.relu(), dim=1)
        self.decoder[lost] = torch.where((above > 0).any(dim=1, keepdim=True), above, self.decoder[lost])
