"""TopK sparse autoencoder (Gao et al. 2024, arXiv 2406.04093)."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from store.specs import TopKSpec
from worker.dictionaries.base import Dictionary
from worker.dictionaries.kmeans import kmeans
from worker.dictionaries.starts import tie_encoder


class TopKDictionary(Dictionary):
    """Free unit-norm atoms: after each step they return to the sphere, and the gradient along them is taken out."""

    method: ClassVar[str] = "topk"
    per_concept: ClassVar[tuple[str, ...]] = (*Dictionary.per_concept, "decoder")

    spec: TopKSpec

    def __init__(self, spec: TopKSpec, width: int) -> None:
        super().__init__(spec, width)
        self.decoder = nn.Parameter(torch.zeros(spec.n_concepts, width))

    @property
    def atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1, in the directions of raw activations."""
        return self.decoder.detach()

    def make_atoms(self) -> Float[Tensor, "K d"]:
        """The parameter itself: ``project`` keeps its rows on the sphere."""
        return self.decoder

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Atoms at k-means centroids, or in random directions; the encoder tied to them."""
        if self.spec.start == "kmeans":
            points = kmeans(sample, self.n_concepts, generator=generator, on_iteration=on_iteration)
        else:
            points = torch.randn(self.decoder.shape, generator=generator).to(sample)
        self.decoder.copy_(functional.normalize(points, dim=1))
        tie_encoder(self, sample)

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
