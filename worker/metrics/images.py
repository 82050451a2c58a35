"""Tokens image by image: what metrics about images, labels and predictions are computed from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Float64, Int, Int64
from scipy.sparse import csr_matrix, vstack
from torch import Tensor
from torch.nn import functional

from store.errors import InvalidInput
from store.vocabulary import Tokens
from worker.activations import ActivationStore
from worker.dictionaries.base import SparseCodes
from worker.metrics.density import Usage

MOST_IMAGES = 20_000


class ImageTokens(NamedTuple):
    """All tokens of some images."""

    images: Int[Tensor, " n"]
    tokens: Float[Tensor, "n t d"]


@dataclass(frozen=True)
class StoredImages:
    """The tokens of some images of a store, in the store's order; they can be read again and again.

    Of more than ``MOST_IMAGES`` images so many are read, evenly spread.
    """

    store: ActivationStore
    images: tuple[int, ...]
    tokens: Tokens = Tokens.PATCHES

    def __iter__(self) -> Iterator[ImageTokens]:
        images = torch.tensor(sorted(set(self.images)), dtype=torch.int64)
        images = images[:: -(-len(images) // MOST_IMAGES) or 1]
        for shard in self.store.read(sorted(set((images // self.store.stored.images_per_shard).tolist()))):
            ours = torch.isin(shard.images.long(), images)
            yield ImageTokens(shard.images[ours], self.store.chosen(shard, self.tokens)[ours].float())


@dataclass(frozen=True)
class ImageContext:
    """What is known about the images of both splits.

    ``train`` and ``held_out`` give their tokens each time they are iterated. ``classes`` is the class of every image
    of the collection by its index, -1 for none. ``embeddings`` are unit vectors of every image of the collection that
    do not come from the layer the dictionary was learned from; None when there are none.
    """

    train: Iterable[ImageTokens]
    held_out: Iterable[ImageTokens]
    classes: Int64[Tensor, " N"]
    embeddings: Float[Tensor, "N e"] | None = None

    @classmethod
    def of_store(
        cls,
        store: ActivationStore,
        *,
        splits: tuple[Sequence[int], Sequence[int]],
        classes: Sequence[int],
        tokens: Tokens = Tokens.PATCHES,
        embeddings: Float[Tensor, "N e"] | None = None,
    ) -> "ImageContext":
        """Of stored activations and the images of the train and the held-out split."""
        train, held_out = (StoredImages(store, tuple(images), tokens) for images in splits)
        return cls(train, held_out, torch.tensor(classes, dtype=torch.int64), embeddings)


@dataclass(frozen=True)
class PooledImages:
    """For each image the mean code of every concept over its tokens, and its mean token."""

    images: Int64[Tensor, " n"]
    codes: csr_matrix  # float64 [n K]
    means: Float64[Tensor, "n d"]
    usage: Usage

    def mean_outputs(self, atoms: Float[Tensor, "K d"], *, origin: Float[Tensor, " d"]) -> Float64[Tensor, "n d"]:
        """Mean reconstruction of each image, ``origin + mean(z) D``: exact, since decoding is linear."""
        added = torch.from_numpy(self.codes @ atoms.double().cpu().numpy())
        return origin.double().cpu() + added


@runtime_checkable
class Encodes(Protocol):
    """Whatever gives codes: a dictionary, or atoms that nobody learned."""

    @property
    def n_concepts(self) -> int:
        """K, the number of concepts."""

    def encode(self, x: Float[Tensor, "n d"]) -> SparseCodes:
        """Codes of raw activations."""


@torch.no_grad()
def pool_images(encoder: Encodes, images: Iterable[ImageTokens], *, batch_tokens: int = 4096) -> PooledImages:
    """Encode image by image, at most about ``batch_tokens`` tokens at a time; raises ``InvalidInput`` without images.

    In memory: the mean token of each image, and 12 bytes for each concept that fires on it.
    """
    numbers, means, codes = [], [], []
    usage = Usage.empty(encoder.n_concepts)
    for some in images:
        n_together = max(1, batch_tokens // max(some.tokens.shape[1], 1))
        numbers.append(some.images.long())
        for tokens in torch.split(some.tokens, n_together):
            found = encoder.encode(tokens.flatten(0, 1))
            usage.add(found)
            codes.append(_mean_codes(found, n_images=len(tokens)))
            means.append(tokens.mean(dim=1, dtype=torch.float64))
    if not sum(map(len, numbers)):
        raise InvalidInput("There is no image to judge a dictionary by; hold out more images.")
    return PooledImages(torch.cat(numbers), csr_matrix(vstack(codes)), torch.cat(means), usage)


def image_embeddings(images: Iterable[ImageTokens], *, n_images: int) -> Float[Tensor, "N e"]:
    """For every image of a collection its mean token, less the mean over the images, at norm 1.

    Made for the stored activations of another model than the one a dictionary was learned from. Rows of images that
    are not given are 0.
    """
    numbers, means = [], []
    for some in images:
        numbers.append(some.images.long())
        means.append(some.tokens.mean(dim=1, dtype=torch.float64))
    rows = torch.cat(means)
    embeddings = rows.new_zeros(n_images, rows.shape[1])
    embeddings[torch.cat(numbers)] = functional.normalize(rows - rows.mean(dim=0), dim=1)
    return embeddings


def _mean_codes(codes: SparseCodes, *, n_images: int) -> csr_matrix:
    """Codes of equally many tokens of each image, as sparse means ``[n K]``."""
    n_tokens = len(codes.values) // n_images
    rows, slots = (codes.values > 0).nonzero(as_tuple=True)
    values = codes.values[rows, slots].double().cpu().numpy() / n_tokens
    places = ((rows // n_tokens).cpu().numpy(), codes.indices[rows, slots].cpu().numpy())
    return csr_matrix((values, places), shape=(n_images, codes.n_concepts))
