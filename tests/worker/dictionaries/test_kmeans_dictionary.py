"""k-means as a dictionary: Lloyd's iterations over a stream are those over all tokens at once."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from store.errors import InvalidInput
from store.methods import KMeansSpec
from tests.worker.dictionaries.planted import SPECS, planted_streams
from worker.dictionaries.kmeans_dictionary import KMeansDictionary
from worker.dictionaries.tokens import MemoryTokens
from worker.training.loop import train


def started(n_concepts: int = 5) -> tuple[KMeansDictionary, Tensor]:
    stream, _ = planted_streams()
    dictionary = KMeansDictionary(KMeansSpec(n_concepts=n_concepts), stream.width)
    dictionary.mean.copy_(stream.mean)
    u = dictionary.standardize(stream.tokens[:300])
    dictionary.centroids.copy_(u[:n_concepts])
    return dictionary, u


def spread(u: Tensor, centroids: Tensor) -> float:
    """Mean squared distance to the nearest centroid."""
    return float(torch.cdist(u, centroids).min(dim=1).values.square().mean())


def test_epochs_are_iterations_of_lloyd() -> None:
    """The literal twin: every token to its nearest centroid, every centroid to the mean of its tokens."""
    dictionary, u = started()
    expected = dictionary.centroids.clone()
    for _ in range(4):
        owners = [int((centroid_distances).argmin()) for centroid_distances in torch.cdist(u, expected)]
        expected = torch.stack(
            [torch.stack([u[i] for i in range(300) if owners[i] == k]).double().mean(dim=0).float() for k in range(5)]
        )
        for part in u.split(70):
            dictionary.absorb(part)
        dictionary.refit()
        torch.testing.assert_close(dictionary.centroids, expected, rtol=1e-4, atol=1e-4)


def test_no_epoch_spreads_tokens_further() -> None:
    dictionary, u = started()
    spreads = []
    for _ in range(8):
        spreads.append(spread(u, dictionary.centroids))
        dictionary.absorb(u)
        dictionary.refit()
    assert all(after <= before + 1e-6 for before, after in pairwise(spreads))
    assert spreads[-1] < 0.9 * spreads[0]


def test_the_code_is_the_best_multiple_of_the_atom() -> None:
    dictionary, u = started()
    codes = dictionary.standard_codes(u)
    owners = torch.cdist(u, dictionary.centroids).argmin(dim=1)
    assert torch.equal(codes.indices[:, 0], owners)
    atoms, values = dictionary.atoms[owners], codes.values
    errors = (u - values * atoms).square().sum(dim=1)
    for other in (values * 0.99, values * 1.01 + 1e-3, dictionary.centroids[owners].norm(dim=1, keepdim=True)):
        assert (errors <= (u - other * atoms).square().sum(dim=1) + 1e-5).all()


def test_a_token_on_the_far_side_of_the_origin_has_no_code() -> None:
    dictionary = KMeansDictionary(KMeansSpec(n_concepts=1), 2)
    dictionary.centroids.copy_(torch.tensor([[1.0, 0.0]]))
    assert dictionary.standard_codes(torch.tensor([[-3.0, 1.0], [2.0, 1.0]])).values.tolist() == [[0.0], [2.0]]


def test_an_empty_cluster_starts_again_at_a_badly_explained_token() -> None:
    dictionary, u = started()
    dictionary.centroids[4] = 1000.0
    dictionary.absorb(u)
    before = spread(u, dictionary.centroids)
    dictionary.refit()
    assert torch.cdist(dictionary.centroids[4:], u).min() < 1e-5
    assert spread(u, dictionary.centroids) < before
    dictionary.absorb(u)
    assert (dictionary.sums()[1] > 0).all()


def test_a_resumed_epoch_gives_the_same_centroids() -> None:
    whole, u = started()
    first, second = started()[0], KMeansDictionary(whole.spec, whole.width)
    for dictionary in (whole, first):
        dictionary.centroids[4] = 1000.0
        dictionary.absorb(u[:150])
    second.load_state_dict(first.state_dict())
    for dictionary in (whole, second):
        dictionary.absorb(u[150:])
        dictionary.refit()
    assert torch.equal(whole.centroids, second.centroids)


def test_r2_does_not_fall_on_planted_tokens() -> None:
    stream, _ = planted_streams()
    r2 = [record.r2_train for record in train(SPECS["kmeans"], stream).history]
    assert all(after > before - 1e-3 for before, after in pairwise(r2))


def test_fewer_tokens_than_clusters_are_refused() -> None:
    with pytest.raises(InvalidInput, match="n_concepts is 30.*only 20 tokens"):
        train(KMeansSpec(n_concepts=30), MemoryTokens(torch.randn(20, 4)))
