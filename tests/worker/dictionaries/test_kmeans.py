"""k-means: finds planted clusters, never loses one, repeats itself."""

import pytest
import torch

from store.errors import InvalidInput
from worker.dictionaries.kmeans import assign, kmeans


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_planted_clusters_are_found() -> None:
    corners = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = corners.repeat(50, 1) + 0.1 * torch.randn(150, 2, generator=seeded())
    centroids = kmeans(points, 3, generator=seeded(3), n_iterations=20)
    distances = torch.cdist(corners, centroids).min(dim=1).values
    assert distances.max() < 0.1


def test_assignment_is_the_nearest() -> None:
    points, centroids = torch.randn(40, 5), torch.randn(6, 5)
    owners, distances = assign(points, centroids)
    table = torch.cdist(points, centroids)
    assert torch.equal(owners, table.argmin(dim=1))
    squared = distances + points.square().sum(dim=1)
    torch.testing.assert_close(squared, table.min(dim=1).values.square(), rtol=1e-3, atol=1e-4)


def test_each_centroid_is_the_mean_of_its_points() -> None:
    points = torch.randn(200, 3, generator=seeded())
    centroids = kmeans(points, 4, generator=seeded(), n_iterations=60)
    owners, _ = assign(points, centroids)
    for cluster in range(4):
        torch.testing.assert_close(centroids[cluster], points[owners == cluster].mean(dim=0), rtol=1e-4, atol=1e-4)


def test_empty_clusters_start_again_elsewhere() -> None:
    points = torch.cat([torch.zeros(90, 2), torch.arange(20.0).view(10, 2)])
    centroids = kmeans(points, 8, generator=seeded(), n_iterations=10)
    assert len(centroids.unique(dim=0)) == 8


def test_same_seed_same_bits() -> None:
    points = torch.randn(100, 4)
    assert torch.equal(kmeans(points, 7, generator=seeded(1)), kmeans(points, 7, generator=seeded(1)))
    assert not torch.equal(kmeans(points, 7, generator=seeded(1)), kmeans(points, 7, generator=seeded(2)))


def test_progress_is_reported() -> None:
    seen: list[None] = []
    kmeans(torch.randn(20, 2), 3, generator=seeded(), n_iterations=4, on_iteration=lambda: seen.append(None))
    assert len(seen) == 4


def test_too_few_points() -> None:
    with pytest.raises(InvalidInput, match="3 points for 4 clusters"):
        kmeans(torch.zeros(3, 2), 4, generator=seeded())
