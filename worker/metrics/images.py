"""Tokens image by image: what metrics about images, labels and predictions are computed from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Int64
from scipy.sparse import csr_matrix, vstack
from torch import Tensor
from torch.nn import functional

from store.errors import InvalidInput
from store.vocabulary import Tokens
from worker.activations import ActivationStore
from worker.dictionaries.base import SparseCodes
from worker.metrics.density import Usage
from worker.metrics.meetings import sparse_codes

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
        for index in sorted(set((images // self.store.stored.images_per_shard).tolist())):
            shard = self.store.shard(index)
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
    means: Float[Tensor, "n d"]
    usage: Usage


class Encoder:
    """Whatever gives codes: a dictionary, or atoms nobody learned."""

    n_concepts: int

    def encode(self, x: Float[Tensor, "n d"]) -> SparseCodes:
        """Codes of raw activations."""
        raise NotImplementedError


@torch.no_grad()
def pool_images(encode, images: Iterable[ImageTokens], *, batch_tokens: int = 4096) -> PooledImages:
    raise NotImplementedError
