"""k-means on standardised tokens: starting points for atoms and candidates for archetypes."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from store.errors import InvalidInput
from worker.dictionaries.sparse import csr_matrix

_CHUNK_TOKENS = 4096  # bounds the distance table to chunk x clusters


def kmeans(
    points: Float[Tensor, "n d"],
    n_clusters: int,
    *,
    generator: torch.Generator,
    n_iterations: int = 8,
    on_iteration: Callable[[], None] = lambda: None,
) -> Float[Tensor, "c d"]:
    """Centroids by Lloyd's iterations from ``n_clusters`` points drawn without replacement.

    A cluster that loses all its points restarts at one of the points farthest from their centroids, so that there are
    always ``n_clusters`` of them. Equal points and generator state give equal centroids. Raises ``InvalidInput`` when
    there are fewer points than clusters.
    """
    if n_clusters > len(points):
        raise InvalidInput(f"k-means has {len(points)} points for {n_clusters} clusters; use fewer, or more tokens.")
    chosen = torch.randperm(len(points), generator=generator, device=generator.device)[:n_clusters]
    centroids = points[chosen.to(points.device)].clone()
    for _ in range(n_iterations):
        owners, distances = assign(points, centroids)
        centroids = _centroids_of(points, owners, distances=distances, n_clusters=n_clusters)
        on_iteration()
    return centroids


def assign(
    points: Float[Tensor, "n d"], centroids: Float[Tensor, "c d"]
) -> tuple[Int[Tensor, " n"], Float[Tensor, " n"]]:
    """Nearest centroid of each point, and ``|c|^2 - 2 <x, c>``: the squared distance without its ``|x|^2``."""
    squares = centroids.square().sum(dim=1)
    found = [torch.addmm(squares, p, centroids.t(), alpha=-2).min(dim=1) for p in torch.split(points, _CHUNK_TOKENS)]
    return torch.cat([f.indices for f in found]), torch.cat([f.values for f in found])


def _centroids_of(points: Tensor, owners: Tensor, *, distances: Tensor, n_clusters: int) -> Float[Tensor, "c d"]:
    counts = torch.bincount(owners, minlength=n_clusters)
    order = owners.argsort(stable=True)
    starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    ones = points.new_ones(len(points))
    members = csr_matrix(starts, order, ones, shape=(n_clusters, len(points)))
    centroids = (members @ points) / counts.clamp_min(1)[:, None]
    empty = (counts == 0).nonzero()[:, 0]
    if len(empty):
        farthest = (distances + points.square().sum(dim=1)).topk(len(empty)).indices
        centroids[empty] = points[farthest]
    return centroids
