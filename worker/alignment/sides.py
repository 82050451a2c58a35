"""A dictionary to be aligned, and the codes of both on the same images, read together."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from store.alignment.sides import SideFacts
from store.artifacts import Artifact
from store.errors import InvalidInput
from store.grid import Grid
from store.vocabulary import Tokens
from worker.activations import ActivationStore
from worker.dictionaries.base import Dictionary, SparseCodes

_TOKENS_AT_ONCE = 8192


@dataclass(frozen=True)
class Aligned:
    """One of the two dictionaries, with the activations that it was learned from."""

    artifact: Artifact
    dictionary: Dictionary
    activations: ActivationStore

    @property
    def shown(self) -> Tokens:
        """The tokens that are compared: patches, but for a dictionary of class tokens."""
        learned_from = self.dictionary.spec.tokens
        if learned_from is Tokens.REGISTERS:
            raise InvalidInput(
                f"The dictionary {self.artifact.digest[:12]} was learned from register tokens, which stand for no "
                "place of a photo, so that it cannot be aligned; train on patches, class tokens or all tokens."
            )
        return Tokens.CLASS if learned_from is Tokens.CLASS else Tokens.PATCHES

    @property
    def grid(self) -> Grid:
        """The places of its codes; a class token stands for the whole of what the model sees."""
        return Grid(1, 1) if self.shown is Tokens.CLASS else self.activations.geometry.grid

    @property
    def facts(self) -> SideFacts:
        """What the file says of it."""
        store = self.activations
        return SideFacts(
            dictionary=self.artifact.digest,
            activations=store.artifact.digest,
            model=store.model,
            layer=store.layer,
            n_concepts=self.dictionary.n_concepts,
            grid=self.grid,
            window=store.window,
        )


@dataclass(frozen=True)
class BlockCodes:
    """Codes of a block of images on a side's own grid: ``a`` slots per patch, unused ones 0."""

    images: Int64[np.ndarray, " n"]
    indices: Int64[np.ndarray, "n p a"]
    values: Float32[np.ndarray, "n p a"]


def read_together(a: Aligned, b: Aligned, *, seed: int) -> Iterator[tuple[BlockCodes, BlockCodes]]:
    """Codes of both sides on the same images, block by block, all images once.

    A block is a shard of the side with the larger shards; blocks come in an order drawn by the seed, so that images
    which stand together in the collection, often of one class, do not stand together in memory. The other side's
    shards are read at most twice. Raises ``InvalidInput`` where one side lacks images that the other has.
    """
    _check_images(a, b)
    if a.activations.stored.images_per_shard < b.activations.stored.images_per_shard:
        yield from ((one, other) for other, one in read_together(b, a, seed=seed))
        return
    stored = a.activations.stored
    order = np.random.default_rng(seed).permutation(stored.n_shards).tolist()
    wanted = [_covering(b, index * stored.images_per_shard, stored.images_per_shard) for index in order]
    with (
        closing(a.activations.read(order)) as ours,
        closing(b.activations.read([i for some in wanted for i in some])) as theirs,
    ):
        for shard, some in zip(ours, wanted, strict=True):
            images = np.asarray(shard.images, dtype=np.int64)
            parts = [next(theirs) for _ in some]
            tokens = torch.cat([b.activations.chosen(part, b.shown) for part in parts])
            found = torch.cat([part.images for part in parts]).numpy()
            at = torch.from_numpy(np.searchsorted(found, images))
            yield (
                _encoded(a.dictionary, images, a.activations.chosen(shard, a.shown)),
                _encoded(b.dictionary, images, tokens[at]),
            )


def _check_images(a: Aligned, b: Aligned) -> None:
    counts = [side.activations.n_images for side in (a, b)]
    if counts[0] != counts[1]:
        short = min((a, b), key=lambda side: side.activations.n_images)
        raise InvalidInput(
            f"The activations of {short.activations.model} at {short.activations.layer} have only {min(counts)} of the "
            f"{max(counts)} images: run `conceptoscope extract` again for that model and layer."
        )


def _covering(side: Aligned, first: int, n_images: int) -> list[int]:
    """Shards that hold the images from ``first`` on, as far as there are any."""
    stored = side.activations.stored
    last = min(first + n_images, stored.n_images) - 1
    return list(range(first // stored.images_per_shard, last // stored.images_per_shard + 1))


@torch.inference_mode()
def _encoded(dictionary: Dictionary, images: Int64[np.ndarray, " n"], tokens: Float[Tensor, "n p d"]) -> BlockCodes:
    n, p, d = tokens.shape
    device = dictionary.mean.device
    parts = []
    for some in torch.split(tokens.reshape(n * p, d), _TOKENS_AT_ONCE):
        codes = dictionary.encode(some.to(device, torch.float32))
        parts.append(SparseCodes(codes.indices.cpu(), codes.values.cpu().float(), codes.n_concepts))
    found = SparseCodes.joined(parts)
    return BlockCodes(
        images=images,
        indices=found.indices.long().reshape(n, p, -1).numpy(),
        values=found.values.reshape(n, p, -1).numpy(),
    )
