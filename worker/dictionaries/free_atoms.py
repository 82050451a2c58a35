"""Atoms that are parameters of their own and stay on the unit sphere."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from store.methods import GradientSpec
from worker.dictionaries.learned import LearnedDictionary
from worker.dictionaries.starts import first_atoms


class FreeAtoms(LearnedDictionary):
    """After each step the atoms return to the sphere, and the gradient along them is taken out."""

    per_concept: ClassVar[tuple[str, ...]] = (*LearnedDictionary.per_concept, "decoder")

    def __init__(self, spec: GradientSpec, width: int) -> None:
        super().__init__(spec, width)
        self.decoder = nn.Parameter(torch.zeros(spec.n_concepts, width))

    @property
    def standard_atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1 in standardised space."""
        return self.decoder.detach()

    def make_atoms(self) -> Float[Tensor, "K d"]:
        """The parameter itself: ``project`` keeps its rows on the sphere."""
        return self.decoder

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Atoms at k-means centroids, at tokens or in random directions."""
        self.decoder.copy_(first_atoms(self.spec, sample, generator=generator, on_iteration=on_iteration))

    @torch.no_grad()
    def project_gradients(self) -> None:
        """``g_k <- g_k - <g_k, d_k> d_k``: a step along the atom would only be undone by ``project``."""
        gradient = self.decoder.grad
        assert gradient is not None
        along = (gradient * self.decoder).sum(dim=1, keepdim=True)
        gradient.sub_(along * self.decoder)

    @torch.no_grad()
    def project(self) -> None:
        """``d_k <- d_k / |d_k|``."""
        self.decoder.copy_(functional.normalize(self.decoder, dim=1))
