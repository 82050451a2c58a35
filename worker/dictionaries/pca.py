"""Principal components as concepts: each has a positive and a negative side."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from store.errors import InvalidInput
from store.methods import PcaSpec
from worker.dictionaries.alternating import AlternatingDictionary
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.sparse import top_codes
from worker.dictionaries.tally import Tally


class PcaDictionary(AlternatingDictionary):
    """Concepts 2i and 2i + 1 are the sides ``+v_i`` and ``-v_i`` of component i, strongest first.

    Codes are ``max(0, <u, +-v_i>)``, of which the ``n_active`` largest stay: for orthonormal components no other
    choice of as many leaves less over. Components are eigenvectors of ``U^T U``, summed over all tokens in float64,
    each with its largest entry positive. Raises ``InvalidInput`` for more than ``2 d`` concepts.
    """

    method: ClassVar[str] = "pca"
    per_concept: ClassVar[tuple[str, ...]] = (*AlternatingDictionary.per_concept, "sides")

    spec: PcaSpec
    sides: Tensor

    def __init__(self, spec: PcaSpec, width: int) -> None:
        super().__init__(spec, width)
        if spec.n_concepts > 2 * width:
            raise InvalidInput(
                f"n_concepts is {spec.n_concepts}, but activations of {width} dimensions have {width} components, "
                f"each with two sides; lower n_concepts to {2 * width} or less."
            )
        self.register_buffer("sides", torch.zeros(spec.n_concepts, width))
        self.tally = Tally(products=(width, width))

    @property
    def standard_atoms(self) -> Float[Tensor, "K d"]:
        """Both sides of each component."""
        return self.sides

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """The largest positive products with both sides."""
        indices, values = top_codes(u @ self.sides.t(), self.spec.n_active)
        return SparseCodes(indices, values, self.n_concepts)

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Components of the sample."""
        self._set_components(sample.t().double() @ sample.double())

    @torch.no_grad()
    def absorb(self, u: Float[Tensor, "b d"]) -> SparseCodes:
        """Add the batch to ``U^T U``."""
        self.tally.open()
        self.tally["products"].addmm_(u.t().double(), u.double())
        return self.standard_codes(u)

    def sums(self) -> tuple[Tensor, ...]:
        """``U^T U``."""
        self.tally.open()
        return (self.tally["products"],)

    @torch.no_grad()
    def refit(self) -> None:
        """Components of all tokens of the epoch."""
        self._set_components(self.tally["products"])
        self.tally.close()

    def _set_components(self, products: Float[Tensor, "d d"]) -> None:
        _, vectors = torch.linalg.eigh(products)
        components = vectors.t().flip(0)[: self.n_concepts // 2]
        largest = components.gather(1, components.abs().argmax(dim=1, keepdim=True))
        components = components * largest.sign()
        self.sides.copy_(torch.stack([components, -components], dim=1).flatten(0, 1))
