"""Semi-NMF (Ding, Li and Jordan 2010): codes are non-negative, atoms are free."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from store.methods import SemiNmfSpec
from worker.dictionaries.factors import FactorDictionary
from worker.dictionaries.kmeans import kmeans

_PULL = 1e-6  # weight of staying where the atom was, as a share of the concept's own sum of squared codes


class SemiNmfDictionary(FactorDictionary):
    """``min |U - Z D|^2`` over ``Z >= 0``; given the codes, the atoms are those of least squares, exactly."""

    method: ClassVar[str] = "semi-nmf"

    spec: SemiNmfSpec

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Atoms towards k-means centroids."""
        centroids = kmeans(sample, self.n_concepts, generator=generator, on_iteration=on_iteration)
        self.decoder.copy_(functional.normalize(centroids, dim=1))

    def new_atoms(
        self, squares: Float[Tensor, "K K"], products: Float[Tensor, "K d"], *, used: Bool[Tensor, " K"]
    ) -> Float[Tensor, "K d"]:
        """``(Z^T Z + P)^-1 (Z^T U + P D)`` with ``P`` a millionth of the diagonal of ``Z^T Z``.

        ``P`` pulls each atom to where it was, which makes the solution unique where concepts always come together,
        and never raises the error. Solved for rows scaled so that the diagonal is 1.
        """
        size = torch.where(used, squares.diagonal(), 1.0).sqrt()
        scaled = squares / (size[:, None] * size)
        scaled.diagonal().add_(_PULL)
        right = products / size[:, None] + _PULL * size[:, None] * self.decoder
        found: Tensor = torch.linalg.solve(scaled, right) / size[:, None]
        return found.to(self.decoder)
