import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from store.artifacts import Artifact, Artifacts
from store.errors import Damaged, InvalidInput, NotFound
from store.methods import TopKSpec
from store.specs import ExtractionSpec
from store.vocabulary import Kind, Tokens
from tests.worker.stores import stored_geometry
from worker.activations import ActivationStore, TokenStream
from worker.shards import shard_name
from worker.training.loop import train

N_IMAGES, PER_SHARD, PATCHES, WIDTH = 23, 5, 6, 4
SMALL = 3 * WIDTH * 2 * 24  # memory for a buffer of 24 tokens


def write_store(root: Path, *, spoiled: tuple[int, int] | None = None) -> Artifact:
    """Activations whose first value is the image, and whose second is the patch; of one, the third is no number."""
    artifacts = Artifacts(root)
    spec = ExtractionSpec(model="small", layer="conv", images_per_shard=PER_SHARD)
    with artifacts.draft(Kind.ACTIVATIONS, spec, inputs={"collection": "c"}) as draft:
        for start in range(0, N_IMAGES, PER_SHARD):
            image = torch.arange(start, min(start + PER_SHARD, N_IMAGES), dtype=torch.int32)
            patches = torch.zeros(len(image), PATCHES, WIDTH, dtype=torch.bfloat16)
            patches[..., 0] = image[:, None]
            patches[..., 1] = torch.arange(PATCHES)
            if spoiled and spoiled[0] in image:
                patches[spoiled[0] - start, spoiled[1], 2] = torch.nan
            prefix = torch.full((len(image), 1, WIDTH), 0.5, dtype=torch.bfloat16)
            tensors = {"image": image, "patches": patches, "prefix": prefix}
            save_file(tensors, draft.path / shard_name(start // PER_SHARD))
        mean, std = torch.arange(WIDTH, dtype=torch.float64), torch.ones(WIDTH, dtype=torch.float64)
        save_file({"mean": mean, "std": std, "n": torch.tensor([9])}, draft.path / "statistics.safetensors")
        geometry = stored_geometry(
            grid=(2, 3), width=WIDTH, n_class=1, n_register=0, n_images=N_IMAGES, images_per_shard=PER_SHARD
        )
        (draft.path / "geometry.json").write_text(geometry.model_dump_json())
        return artifacts.publish(draft)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def store(artifact: Artifact) -> ActivationStore:
    return ActivationStore(artifact)


def epoch_of(stream: TokenStream, batch_tokens: int, *, seed: int = 0, epoch: int = 0) -> torch.Tensor:
    return torch.cat(list(stream.batches(batch_tokens, seed=seed, epoch=epoch)))


def ids(tokens: torch.Tensor) -> list[tuple[int, int]]:
    return [(int(image), int(patch)) for image, patch, *_ in tokens.tolist()]


def test_shards_come_in_the_order_of_images(store: ActivationStore) -> None:
    shards = list(store.shards())
    assert torch.cat([shard.images for shard in shards]).tolist() == list(range(N_IMAGES))
    for images, patches, prefix in shards:
        assert patches.dtype == prefix.dtype == torch.float32
        assert patches.shape == (len(images), PATCHES, WIDTH)
        assert prefix.shape == (len(images), 1, WIDTH)
        assert patches[:, 2, 0].tolist() == images.tolist()


@pytest.mark.parametrize(("tokens", "per_image"), [("patches", PATCHES), ("class", 1), ("all", PATCHES + 1)])
def test_tokens_of_a_choice(store: ActivationStore, tokens: str, per_image: int) -> None:
    stream = store.stream([1, 2, 9], tokens=Tokens(tokens))
    found = epoch_of(stream, 4)
    assert len(found) == stream.n_tokens == 3 * per_image
    n_class = int((found == 0.5).all(dim=1).sum())
    assert n_class == {"patches": 0, "class": 3, "all": 3}[tokens]
    if tokens != "patches":
        torch.testing.assert_close(stream.mean, found.mean(dim=0))
        torch.testing.assert_close(stream.std, found.std(dim=0, correction=0))


def test_tokens_that_a_model_does_not_have(store: ActivationStore) -> None:
    with pytest.raises(InvalidInput, match="no registers tokens at conv.*1 class and 0 register.*learn from patches"):
        store.stream([1], tokens=Tokens.REGISTERS)


def test_the_first_bad_activation_is_found(tmp_path: Path) -> None:
    assert ActivationStore(write_store(tmp_path / "good")).stream([3]).first_bad() == "no shard"
    store = ActivationStore(write_store(tmp_path / "bad", spoiled=(13, 4)))
    assert store.stream([3, 13]).first_bad() == "shard-00002.safetensors, row 3 (image 13), token 4"
    assert store.stream([3]).first_bad() == "no shard"
    spec = TopKSpec(n_concepts=4, n_active=2, epochs=1, batch_tokens=16)
    with pytest.raises(InvalidInput, match=r"1 of \d+ tokens in batch \d of epoch 0.*shard-00002.*row 3.*extract"):
        train(spec, store.stream(range(N_IMAGES)))


def test_geometry_and_statistics(store: ActivationStore) -> None:
    assert (store.n_images, store.model, store.layer) == (N_IMAGES, "small", "conv")
    assert (store.geometry.grid.rows, store.geometry.grid.cols, store.geometry.n_prefix) == (2, 3, 1)
    stream = store.stream([1, 2])
    assert (stream.n_tokens, stream.width) == (12, WIDTH)
    assert stream.mean.tolist() == [0, 1, 2, 3]
    assert stream.std.tolist() == [1, 1, 1, 1]
    assert stream.mean.dtype == stream.std.dtype == torch.float32


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.integers(0, N_IMAGES - 1), min_size=1),
    st.integers(1, 40),
    st.sampled_from([1, SMALL, 2**30]),
    st.integers(0, 3),
)
def test_an_epoch_holds_every_token_once(
    artifact: Artifact, images: set[int], batch_tokens: int, memory_bytes: int, epoch: int
) -> None:
    stream = ActivationStore(artifact).stream(images, memory_bytes=memory_bytes)
    batches = list(stream.batches(batch_tokens, seed=7, epoch=epoch))
    assert [len(batch) for batch in batches[:-1]] == [batch_tokens] * (len(batches) - 1)
    assert 0 < len(batches[-1]) <= batch_tokens
    tokens = torch.cat(batches)
    assert tokens.dtype == torch.float32
    assert len(tokens) == stream.n_tokens == len(images) * PATCHES
    assert sorted(ids(tokens)) == [(image, patch) for image in sorted(images) for patch in range(PATCHES)]


@pytest.mark.parametrize("memory_bytes", [SMALL, 2**30])
def test_the_order_follows_from_seed_and_epoch(store: ActivationStore, memory_bytes: int) -> None:
    stream = store.stream(range(N_IMAGES), memory_bytes=memory_bytes)
    first = epoch_of(stream, 10, seed=1, epoch=0)
    assert torch.equal(first, epoch_of(store.stream(range(N_IMAGES), memory_bytes=memory_bytes), 10, seed=1, epoch=0))
    for seed, epoch in ((1, 1), (2, 0), (-1, 0)):
        assert not torch.equal(first, epoch_of(stream, 10, seed=seed, epoch=epoch))


@pytest.mark.parametrize("memory_bytes", [3 * WIDTH * 2 * 60, 2**30])
def test_tokens_are_mixed_beyond_their_image(store: ActivationStore, memory_bytes: int) -> None:
    order = [image for image, _ in ids(epoch_of(store.stream(range(N_IMAGES), memory_bytes=memory_bytes), 6))]
    beside = sum(a == b for a, b in itertools.pairwise(order))
    assert beside < 0.25 * len(order)  # in stored order it is 5 of 6


def test_memory_stays_bounded(store: ActivationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = store.stream(range(N_IMAGES), memory_bytes=SMALL)
    largest, cat = 0, torch.cat

    def watch(parts: list[torch.Tensor]) -> torch.Tensor:
        nonlocal largest
        largest = max(largest, sum(map(len, parts)))
        return cat(parts)

    monkeypatch.setattr(torch, "cat", watch)
    assert sum(len(batch) for batch in stream.batches(4, seed=0, epoch=0)) == stream.n_tokens
    assert 24 <= largest < 24 + PER_SHARD * PATCHES


def test_wrong_images_are_refused(store: ActivationStore) -> None:
    with pytest.raises(InvalidInput, match="the split is empty"):
        store.stream([])
    for image in (-1, N_IMAGES):
        with pytest.raises(NotFound, match=f"No image named '{image}'.*0 to 22"):
            store.stream([1, image])


@pytest.mark.parametrize("harm", ["remove", "garble"])
@pytest.mark.parametrize("read", [lambda s: list(s.shards()), lambda s: epoch_of(s.stream(range(N_IMAGES)), 9)])
def test_a_harmed_shard_is_named(tmp_path: Path, harm: str, read: Callable[[ActivationStore], object]) -> None:
    store = ActivationStore(write_store(tmp_path))
    path = store.artifact.path / shard_name(2)
    if harm == "remove":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"\x77")
    with pytest.raises(Damaged, match=shard_name(2)):
        read(store)


def test_a_shard_that_goes_while_training_is_named(tmp_path: Path) -> None:
    store = ActivationStore(write_store(tmp_path))
    batches = store.stream(range(N_IMAGES), memory_bytes=SMALL).batches(6, seed=0, epoch=0)
    next(batches)
    for path in store.artifact.path.glob("shard-*"):
        path.unlink()
    with pytest.raises(Damaged, match=r"shard-0000\d\.safetensors is missing"):
        list(batches)


def test_a_geometry_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    spec = ExtractionSpec(model="small", layer="conv")
    with artifacts.draft(Kind.ACTIVATIONS, spec, inputs={}) as draft:
        (draft.path / "geometry.json").write_text("{}")
        artifact = artifacts.publish(draft)
    with pytest.raises(Damaged, match=r"geometry\.json cannot be read"):
        ActivationStore(artifact)
