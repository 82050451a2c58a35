"""Convex NMF (Ding, Li and Jordan 2010): atoms are non-negative mixtures of training tokens."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from store.errors import InvalidInput
from store.methods import ConvexNmfSpec
from worker.dictionaries.factors import FactorDictionary
from worker.dictionaries.kmeans import assign, kmeans
from worker.dictionaries.nonnegative import descend_projected

_STEPS = 50  # of projected gradient for the weights, after each epoch


class ConvexNmfDictionary(FactorDictionary):
    """``min |U - Z W P|^2`` over ``Z >= 0`` and ``W >= 0``: atoms ``D = W P`` with P [p d] training tokens.

    P are ``n_points`` tokens drawn at the start, all scaled to norm 1, which leaves their cone as it is. Only the
    atoms matter for codes, so new tokens are encoded as by any other dictionary. Tokens are centred, so the cone of
    many points, more than about twice the width, is nearly the whole space, and the constraint excludes little; few
    points make it bite.
    """

    method: ClassVar[str] = "convex-nmf"
    per_concept: ClassVar[tuple[str, ...]] = (*FactorDictionary.per_concept, "weights")

    spec: ConvexNmfSpec
    points: Tensor
    weights: Tensor

    def __init__(self, spec: ConvexNmfSpec, width: int) -> None:
        super().__init__(spec, width)
        self.register_buffer("points", torch.zeros(spec.n_points, width))
        self.register_buffer("weights", torch.zeros(spec.n_concepts, spec.n_points))

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Points drawn without replacement; atoms are sums of the points of one k-means cluster.

        Raises ``InvalidInput`` when there are fewer tokens than points.
        """
        n_points = self.spec.n_points
        if len(sample) < n_points:
            raise InvalidInput(
                f"n_points is {n_points}, but only {len(sample)} tokens are within norm_limit "
                f"({self.spec.norm_limit:g}); lower n_points, or raise norm_limit."
            )
        points = sample[torch.randperm(len(sample), generator=generator)[:n_points].to(sample.device)]
        self.points.copy_(functional.normalize(points, dim=1))
        centroids = kmeans(sample, self.n_concepts, generator=generator, on_iteration=on_iteration)
        owners, _ = assign(points, centroids)
        members = functional.one_hot(owners, self.n_concepts).t().to(self.weights)
        empty = members.sum(dim=1) == 0
        nearest = functional.one_hot((centroids @ self.points.t()).argmax(dim=1), n_points).to(members)
        self.weights.copy_(torch.where(empty[:, None], nearest, members))
        self.decoder.copy_(functional.normalize(self._mixtures(), dim=1))

    def _mixtures(self) -> Float[Tensor, "K d"]:
        """Atoms of any norm; then scales the weights so that theirs are the atoms of norm 1."""
        mixtures = self.weights @ self.points
        self.weights.div_(mixtures.norm(dim=1, keepdim=True).clamp_min(torch.finfo(mixtures.dtype).tiny))
        return mixtures

    def new_atoms(
        self, squares: Float[Tensor, "K K"], products: Float[Tensor, "K d"], *, size: Float[Tensor, " K"]
    ) -> Float[Tensor, "K d"]:
        """Projected gradient on ``W >= 0``, whose gradient is ``(Z^T Z D - Z^T U) P^T``."""
        table, target = squares.to(self.points), products.to(self.points)
        curvature = table.sum(dim=1) * torch.linalg.matrix_norm(self.points, ord=2).square()
        weights = descend_projected(
            size[:, None].to(self.weights) * self.weights,
            lambda weights: (table @ (weights @ self.points) - target) @ self.points.t(),
            curvature=curvature,
            n_steps=_STEPS,
        )
        self.weights.copy_(weights)
        return self._mixtures()

    def restart(self, lost: Int[Tensor, " l"], left_over: Float[Tensor, "l d"]) -> None:
        """At the point nearest in direction to what is left over."""
        nearest = (left_over @ self.points.t()).argmax(dim=1)
        self.weights[lost] = functional.one_hot(nearest, len(self.points)).to(self.weights)
        self.decoder[lost] = self.points[nearest]
