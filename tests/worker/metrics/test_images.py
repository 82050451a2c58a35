"""Images of a store, their pooled codes, and embeddings, against loops."""

from pathlib import Path

import numpy as np
import pytest
import torch

from store.errors import InvalidInput
from store.vocabulary import Tokens
from tests.worker.dictionaries.planted import N_CONCEPTS, planted_tokens
from tests.worker.metrics.test_nulls import dictionary
from tests.worker.test_activations import N_IMAGES, PATCHES, WIDTH, write_store
from worker.activations import ActivationStore
from worker.metrics import images as module
from worker.metrics.images import ImageContext, ImageTokens, StoredImages, image_embeddings, pool_images


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    folder: Path = tmp_path_factory.mktemp("store")
    return ActivationStore(write_store(folder))


def test_stored_images_are_those_asked_for_each_time(store: ActivationStore) -> None:
    images = StoredImages(store, (22, 3, 4, 11, 3))
    for _ in range(2):
        read = list(images)
        assert torch.cat([some.images for some in read]).tolist() == [3, 4, 11, 22]
        tokens = torch.cat([some.tokens for some in read])
        assert tokens.shape == (4, PATCHES, WIDTH)
        assert tokens[:, :, 0].tolist() == [[image] * PATCHES for image in (3.0, 4.0, 11.0, 22.0)]


def test_of_too_many_images_some_are_read_evenly_spread(
    store: ActivationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_IMAGES", 6)
    read = [number for some in StoredImages(store, tuple(range(N_IMAGES))) for number in some.images.tolist()]
    assert read == [0, 4, 8, 12, 16, 20]


def test_context_of_a_store(store: ActivationStore) -> None:
    context = ImageContext.of_store(store, splits=([0, 1], [2]), classes=[0] * N_IMAGES, tokens=Tokens.CLASS)
    assert [some.images.tolist() for some in context.train] == [[0, 1]]
    (held_out,) = context.held_out
    assert held_out.tokens.shape == (1, 1, WIDTH)
    assert context.classes.tolist() == [0] * N_IMAGES
    assert context.embeddings is None


@pytest.mark.parametrize("batch_tokens", [1, 25, 4096])
def test_pooled_codes_equal_their_literal_twins(batch_tokens: int) -> None:
    tokens = planted_tokens(70)[0].unflatten(0, (10, 7))
    parts = [ImageTokens(torch.arange(4) + 3, tokens[:4]), ImageTokens(torch.arange(6) + 20, tokens[4:])]
    found = pool_images(dictionary(), parts, batch_tokens=batch_tokens)
    assert found.images.tolist() == [3, 4, 5, 6, 20, 21, 22, 23, 24, 25]
    codes = found.codes.toarray()
    outputs = found.mean_outputs(dictionary().atoms, origin=dictionary().origin)
    for n in range(10):
        z = dictionary().encode(tokens[n]).dense()
        for k in range(N_CONCEPTS):
            assert codes[n, k] == pytest.approx(sum(z[:, k].tolist()) / 7, abs=1e-5)
        output = dictionary().decode(dictionary().encode(tokens[n]))
        torch.testing.assert_close(outputs[n].float(), output.mean(dim=0), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(found.means.float(), tokens.mean(dim=1), rtol=1e-5, atol=1e-5)
    assert found.usage.n_tokens == 70
    assert found.usage.counts.sum() == (dictionary().encode(tokens.flatten(0, 1)).values > 0).sum()


def test_no_image_cannot_be_pooled() -> None:
    with pytest.raises(InvalidInput, match="no image"):
        pool_images(dictionary(), [])


def test_embeddings_are_centred_mean_tokens_at_norm_one() -> None:
    tokens = torch.randn(5, 4, 6, generator=torch.Generator().manual_seed(0)) + 3
    numbers = torch.tensor([7, 1, 2, 0, 5])
    found = image_embeddings([ImageTokens(numbers[:2], tokens[:2]), ImageTokens(numbers[2:], tokens[2:])], n_images=9)
    middle = sum(image.mean(dim=0) for image in tokens) / 5
    for number, image in zip(numbers.tolist(), tokens, strict=True):
        vector = (image.mean(dim=0) - middle).double()
        np.testing.assert_allclose(found[number].numpy(), (vector / vector.norm()).numpy(), atol=1e-6)
    assert found[[3, 4, 6, 8]].abs().sum() == 0
