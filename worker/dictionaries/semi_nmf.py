"""Semi-NMF (Ding, Li and Jordan 2010): codes are non-negative, atoms are free."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float, Int
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
        self, squares: Float[Tensor, "K K"], products: Float[Tensor, "K d"], *, size: Float[Tensor, " K"]
    ) -> Float[Tensor, "K d"]:
        """``(Z^T Z + p I)^-1 (Z^T U + p D)``, in float64, with a weight p of a millionth.

        It pulls each atom to where it was, which makes the solution unique where concepts always come together, and
        never raises the error.
        """
        stabilised = squares + _PULL * torch.eye(len(squares), dtype=squares.dtype, device=squares.device)
        found: Tensor = torch.linalg.solve(stabilised, products + _PULL * size[:, None] * self.decoder)
        return found.to(self.decoder)

    def restart(self, lost: Int[Tensor, " l"], left_over: Float[Tensor, "l d"]) -> None:
        """In the direction of what is left over."""
        self.decoder[lost] = functional.normalize(left_over, dim=1)
