"""Paired tokens: the same place of the same photo in all streams, and streams that cannot be paired."""

from pathlib import Path

import pytest
import torch

from store.collection import Collection
from store.errors import InvalidInput
from store.vocabulary import Split
from tests.worker.bench.small import drawn_collection
from tests.worker.universal.streams import write_stream
from worker.activations import ActivationStore
from worker.universal.pairing import OneOf, PairedStore, parts_of

N_IMAGES = 24


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return drawn_collection(tmp_path_factory.mktemp("photos"), n=N_IMAGES)[0]


@pytest.fixture
def stores(collection: Collection, tmp_path: Path) -> list[ActivationStore]:
    n_images = len(collection.images)
    vit = write_stream(tmp_path, collection, model="vit", grid=(4, 6), width=3, n_images=n_images)
    return [
        vit,
        write_stream(tmp_path, collection, model="cnn", grid=(2, 3), width=5, n_images=n_images, images_per_shard=4),
    ]


def patches_of(store: ActivationStore) -> torch.Tensor:
    return torch.cat([shard.patches for shard in store.shards()])


def test_a_token_is_what_all_streams_say_of_one_place(stores: list[ActivationStore], collection: Collection) -> None:
    paired = PairedStore(stores, collection)
    assert (paired.widths, paired.grid.rows, paired.grid.cols) == ((3, 5), 2, 3)
    found = torch.cat([shard.patches.float() for shard in paired.read(range(paired.stored.n_shards))])
    fine, coarse = map(patches_of, stores)
    pooled = fine.view(-1, 2, 2, 3, 2, 3).mean(dim=(2, 4)).flatten(1, 2)  # twice as fine in both directions
    torch.testing.assert_close(found, torch.cat([pooled, coarse], dim=2), atol=0.02, rtol=0.01)


def test_streams_of_both_splits(stores: list[ActivationStore], collection: Collection) -> None:
    paired = PairedStore(stores, collection)
    train, held_out = paired.stream(Split.TRAIN), paired.stream(Split.HELD_OUT)
    assert train.n_tokens + held_out.n_tokens == 6 * len(collection.images)
    tokens = torch.cat(list(train.batches(16, seed=3, epoch=1)))
    torch.testing.assert_close(train.mean, tokens.mean(dim=0))
    torch.testing.assert_close(train.std, tokens.std(dim=0, correction=0))
    torch.testing.assert_close(held_out.mean, train.mean)
    assert torch.equal(tokens, torch.cat(list(train.batches(16, seed=3, epoch=1))))
    assert not torch.equal(tokens, torch.cat(list(train.batches(16, seed=3, epoch=2))))


def test_bounded_memory_gives_the_same_tokens(stores: list[ActivationStore], collection: Collection) -> None:
    paired = PairedStore(stores, collection)
    small = torch.cat(list(paired.stream(Split.TRAIN, memory_bytes=8 * 2 * 3 * 24).batches(8, seed=0, epoch=0)))
    large = torch.cat(list(paired.stream(Split.TRAIN).batches(8, seed=0, epoch=0)))
    assert sorted(map(tuple, small.tolist())) == sorted(map(tuple, large.tolist()))


def test_one_stream_of_paired_tokens(stores: list[ActivationStore], collection: Collection) -> None:
    stream = PairedStore(stores, collection).stream(Split.TRAIN)
    second = OneOf(stream, parts_of((3, 5))[1])
    assert (second.width, second.n_tokens) == (5, stream.n_tokens)
    both = zip(second.batches(7, seed=1, epoch=0), stream.batches(7, seed=1, epoch=0), strict=True)
    assert all(torch.equal(one, whole[:, 3:]) for one, whole in both)


def test_streams_that_cannot_be_paired(stores: list[ActivationStore], collection: Collection, tmp_path: Path) -> None:
    vit, cnn = stores
    with pytest.raises(InvalidInput, match="joins 2 to 5 streams, not 1"):
        PairedStore([vit], collection)
    with pytest.raises(InvalidInput, match="joins 2 to 5 streams, not 6"):
        PairedStore([vit] * 6, collection)
    with pytest.raises(InvalidInput, match="vit:conv is listed 2 times"):
        PairedStore([vit, cnn, vit], collection)
    with pytest.raises(InvalidInput, match="finer"):
        PairedStore(stores, collection, rows=3)
    n_images = len(collection.images)
    other = write_stream(tmp_path / "o", "another", model="other", grid=(2, 3), width=3, n_images=n_images)
    with pytest.raises(InvalidInput, match=r"other:conv has activations .* of the collection another.*extract all"):
        PairedStore([vit, other], collection)
    fewer = write_stream(tmp_path / "f", collection, model="fewer", grid=(2, 3), width=3, n_images=7)
    with pytest.raises(InvalidInput, match=r"fewer:conv has activations of 7 images"):
        PairedStore([vit, fewer], collection)
    pooled = write_stream(tmp_path / "p", collection, model="pooled", grid=(1, 1), width=3, n_images=n_images)
    with pytest.raises(InvalidInput, match="pooled:conv has one patch"):
        PairedStore([vit, pooled], collection)
