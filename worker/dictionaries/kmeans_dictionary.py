"""k-means as a dictionary: a token's one code is its projection onto the direction of its centroid."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from store.methods import KMeansSpec
from worker.dictionaries.alternating import AlternatingDictionary
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.kmeans import assign, kmeans
from worker.dictionaries.sparse import ConceptPairs
from worker.dictionaries.tally import BadlyExplained, Tally


class KMeansDictionary(AlternatingDictionary):
    """One iteration of Lloyd over all tokens in each epoch, exactly, from the k-means of a sample.

    The atom is the direction ``c_k / |c_k|`` of the centroid, the code ``max(0, <u, c_k> / |c_k|)`` for the nearest
    centroid: no other multiple of the atom, the centroid itself included, is nearer to the token. An empty cluster
    starts again at a badly explained token.
    """

    method: ClassVar[str] = "kmeans"
    per_concept: ClassVar[tuple[str, ...]] = (*AlternatingDictionary.per_concept, "centroids")

    spec: KMeansSpec
    centroids: Tensor

    def __init__(self, spec: KMeansSpec, width: int) -> None:
        super().__init__(spec, width)
        self.register_buffer("centroids", torch.zeros(spec.n_concepts, width))
        self.tally = Tally(totals=(spec.n_concepts, width), counts=(spec.n_concepts,))
        self.badly_explained = BadlyExplained(spec.n_concepts, width, seed=spec.seed)

    @property
    def standard_atoms(self) -> Float[Tensor, "K d"]:
        """Directions of the centroids."""
        return functional.normalize(self.centroids, dim=1)

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """The positive projection onto the direction of the nearest centroid."""
        owners, _ = assign(u, self.centroids)
        return self._codes_for(u, owners)

    def _codes_for(self, u: Float[Tensor, "n d"], owners: Tensor) -> SparseCodes:
        projections = (u * self.standard_atoms[owners]).sum(dim=1)
        return SparseCodes(owners[:, None], projections.relu()[:, None], self.n_concepts)

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Centroids of the sample."""
        self.centroids.copy_(kmeans(sample, self.n_concepts, generator=generator, on_iteration=on_iteration))

    @torch.no_grad()
    def absorb(self, u: Float[Tensor, "b d"]) -> SparseCodes:
        """Add each token to its cluster."""
        owners, distances = assign(u, self.centroids)
        pairs = ConceptPairs(owners[:, None], n_concepts=self.n_concepts)
        ones = u.new_ones(len(u), 1)
        self.tally.open()
        self.tally["totals"].add_(pairs.weighted_sums(ones, u))
        self.tally["counts"].add_(pairs.totals(ones))
        self.badly_explained.see(u, (distances + u.square().sum(dim=1)).clamp_min(0))
        return self._codes_for(u, owners)

    def sums(self) -> tuple[Tensor, ...]:
        """Sums and numbers of the tokens of each cluster, and the tokens to restart from."""
        self.tally.open()
        return self.tally["totals"], self.tally["counts"], *self.badly_explained.sums()

    @torch.no_grad()
    def refit(self) -> None:
        """Each centroid becomes the mean of its tokens."""
        counts = self.tally["counts"]
        means = (self.tally["totals"] / counts.clamp_min(1)[:, None]).to(self.centroids)
        self.centroids.copy_(torch.where(counts[:, None] > 0, means, self.centroids))
        empty = (counts == 0).nonzero()[:, 0]
        tokens = self.badly_explained.drawn().to(self.centroids)[: len(empty)]
        self.centroids[empty[: len(tokens)]] = tokens
        self.tally.close()
        self.badly_explained.close()
