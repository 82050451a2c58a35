"""Activations of an extraction, stored or made anew: read shard by shard or as shuffled batches of tokens."""

import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64
from pydantic import ValidationError
from torch import Tensor

from store.artifacts import Artifact
from store.errors import Damaged, InvalidInput, NotFound
from store.grid import Window
from store.vocabulary import Tokens
from worker.moments import Moments, merge
from worker.shards import (
    TOKEN_BYTES,
    KeptShards,
    Shard,
    ShardSource,
    StoredGeometry,
    StoredShards,
    load_tensors,
    shard_name,
)

GEOMETRY = "geometry.json"
STATISTICS = "statistics.safetensors"
MEMORY_BYTES = 2 * 2**30


class ActivationStore:
    """A published activations artifact, read-only. Each file's checksum is verified when it is first used.

    Where its shards are not stored, ``source`` makes them; raises ``InvalidInput`` when there is none.
    """

    def __init__(self, artifact: Artifact, source: ShardSource | None = None) -> None:
        self.artifact = artifact
        if source is None and not artifact.manifest.spec.get("stored", True):
            raise InvalidInput(
                f"The activations {artifact.digest[:12]} are not stored: they can only be read with the model and the "
                "photos that they are made from."
            )
        self._source = source or StoredShards(artifact)
        self.stored = read_geometry(artifact)
        self.model, self.layer = self.stored.model, self.stored.layer
        self.n_images = self.stored.n_images
        self.window = Window(
            self.stored.height_px, self.stored.width_px, fit=self.stored.fit, crop_ratio=self.stored.crop_ratio
        )
        self.geometry = self.stored.geometry
        statistics = load_tensors(artifact.file(STATISTICS))
        self.mean: Float[Tensor, " d"] = statistics["mean"].float()
        self.std: Float[Tensor, " d"] = statistics["std"].float()

    def shards(self) -> Iterator[Shard]:
        """All shards in the order of images, tokens as float32."""
        with closing(self.read(range(self.stored.n_shards))) as shards:
            for shard in shards:
                yield Shard(shard.images, shard.patches.float(), shard.prefix.float())

    def read(self, indices: Sequence[int]) -> Generator[Shard, None, None]:
        """Some shards in the order given, in 16 bit.

        Raises ``Damaged`` naming a shard or a photo that is missing or not what it was.
        """
        return self._source.shards(indices)

    def shard(self, index: int) -> Shard:
        """One shard."""
        return next(self.read([index]))

    def kept(self, indices: Sequence[int]) -> Float[Tensor, "N t d"] | None:
        """Tokens of all images, prefix first, with at least these shards filled, where the source keeps them."""
        if not isinstance(self._source, KeptShards):
            return None
        for _ in self.read(indices):
            pass
        return self._source.tokens

    def stream(
        self, split_images: Iterable[int], *, tokens: Tokens = Tokens.PATCHES, memory_bytes: int = MEMORY_BYTES
    ) -> "TokenStream":
        """Tokens of some images as shuffled batches, with at most about ``memory_bytes`` of them in memory.

        Raises ``InvalidInput`` when there is no image or the model has no such tokens, ``NotFound`` for an image that
        was not extracted.
        """
        images = torch.tensor(sorted({int(image) for image in split_images}), dtype=torch.int64)
        if not len(images):
            raise InvalidInput(
                f"No images to read activations of ({self.model}, {self.layer}): the split is empty. "
                "Change the held-out share of the collection, or add photos."
            )
        if images[0] < 0 or images[-1] >= self.n_images:
            wrong = images[(images < 0) | (images >= self.n_images)][0]
            raise NotFound(
                "image", str(int(wrong)), remedy=f"There are activations of images 0 to {self.n_images - 1}."
            )
        if not self.per_image(tokens):
            has = f"{self.geometry.n_class} class and {self.geometry.n_register} register tokens per image"
            raise InvalidInput(f"{self.model} has no {tokens} tokens at {self.layer} ({has}); learn from patches.")
        return TokenStream(self, images, tokens=tokens, memory_bytes=memory_bytes)

    def per_image(self, tokens: Tokens) -> int:
        """How many such tokens an image has."""
        geometry = self.geometry
        patches, n_class, n_register = geometry.grid.n_patches, geometry.n_class, geometry.n_register
        counts = {Tokens.PATCHES: patches, Tokens.CLASS: n_class, Tokens.REGISTERS: n_register}
        return counts.get(tokens, patches + n_class + n_register)

    def span(self, tokens: Tokens) -> slice:
        """Where the tokens of one choice stand among all tokens of an image: class, registers, patches."""
        n_class, n_prefix = self.geometry.n_class, self.geometry.n_prefix
        spans = {
            Tokens.PATCHES: slice(n_prefix, None),
            Tokens.CLASS: slice(n_class),
            Tokens.REGISTERS: slice(n_class, n_prefix),
        }
        return spans.get(tokens, slice(None))

    def chosen(self, shard: Shard, tokens: Tokens) -> Float[Tensor, "n t d"]:
        """A shard's tokens of one choice."""
        match tokens:
            case Tokens.PATCHES:
                return shard.patches
            case Tokens.ALL:
                return torch.cat([shard.prefix, shard.patches], dim=1)
            case _:
                return shard.prefix[:, self.span(tokens)]


@runtime_checkable
class StoreGeometry(Protocol):
    """What a stream asks of the geometry of its store."""

    @property
    def width(self) -> int:
        """Length of a token."""

    @property
    def images_per_shard(self) -> int:
        """Images in every shard but the last."""


@runtime_checkable
class TokenStore(Protocol):
    """Whatever tokens are read from shard by shard: activations of one model, or several brought together."""

    @property
    def stored(self) -> StoreGeometry:
        """Width and shards."""

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """Mean vector of the training patches."""

    @property
    def std(self) -> Float[Tensor, " d"]:
        """Standard deviation of each dimension over the training patches."""

    def read(self, indices: Sequence[int]) -> Generator[Shard, None, None]:
        """Some shards in the order given, in 16 bit."""

    def kept(self, indices: Sequence[int]) -> Float[Tensor, "N t d"] | None:
        """Tokens of all images, with at least these shards filled, where they are kept."""

    def per_image(self, tokens: Tokens) -> int:
        """How many such tokens an image has."""

    def span(self, tokens: Tokens) -> slice:
        """Where the tokens of one choice stand among all tokens of an image."""

    def chosen(self, shard: Shard, tokens: Tokens) -> Float[Tensor, "n t d"]:
        """A shard's tokens of one choice."""


@dataclass(frozen=True)
class TokenStream:
    """Tokens of chosen images, each once per epoch, shuffled by seed and epoch.

    The whole set is permuted where it fits ``memory_bytes``. Otherwise shards come in random order and are mixed in a
    buffer of bounded size: a token can then appear at most a few shards away from its neighbours.
    """

    store: TokenStore
    images: Tensor  # int64 [n], sorted
    tokens: Tokens
    memory_bytes: int

    @property
    def n_tokens(self) -> int:
        """Tokens per epoch: images times tokens per image."""
        return len(self.images) * self.store.per_image(self.tokens)

    @property
    def width(self) -> int:
        """Length d of a token."""
        return self.store.stored.width

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """Of patches: the mean of all training patches of the artifact. Of other tokens: the mean of this stream's."""
        return self.store.mean if self.tokens is Tokens.PATCHES else self._moments.mean.float()

    @property
    def std(self) -> Float[Tensor, " d"]:
        """Standard deviation of each dimension, over the same tokens as the mean."""
        return self.store.std if self.tokens is Tokens.PATCHES else self._moments.std.float()

    @cached_property
    def _moments(self) -> Moments:
        with closing(self._parts(self._shards)) as parts:
            return merge(map(Moments.of, parts), self.width)

    def batches(self, batch_tokens: int, *, seed: int, epoch: int) -> Iterator[Float[Tensor, "b d"]]:
        """``n_tokens`` tokens as float32 in batches of ``batch_tokens``; the last batch may be smaller.

        Equal seed and epoch give equal batches. Raises ``Damaged`` naming a shard or photo that is missing or broken.
        """
        generator = torch.Generator().manual_seed(_seed_of(seed, epoch))
        if self.n_tokens * self.width * TOKEN_BYTES <= self.memory_bytes:
            order = torch.randperm(self.n_tokens, generator=generator)
            for start in range(0, self.n_tokens, batch_tokens):
                yield self._picked(order[start : start + batch_tokens]).float()
        else:
            yield from self._mixed(batch_tokens, generator=generator)

    def first_bad(self) -> str:
        """Shard, row, image and token of the first NaN or infinite activation."""
        for index, shard in zip(self._shards, self.store.read(self._shards), strict=True):
            ours = torch.isin(shard.images.long(), self.images)
            rows = (~self.store.chosen(shard, self.tokens).isfinite()).any(dim=2) & ours[:, None]
            if bool(rows.any()):
                row, token = rows.nonzero()[0].tolist()
                return f"{shard_name(index)}, row {row} (image {int(shard.images[row])}), token {token}"
        return "no shard"

    def _picked(self, places: Int64[Tensor, " b"]) -> Float[Tensor, "b d"]:
        """Tokens by their place in an epoch that is not shuffled: image by image."""
        held, rows = self._held
        per_image = held.shape[1]
        return held[rows[places // per_image], places % per_image]

    @cached_property
    def _held(self) -> tuple[Float[Tensor, "m t d"], Int64[Tensor, " n"]]:
        """Tokens of whole images, and the rows of them that are this stream's: a copy, unless the store keeps all."""
        kept = self.store.kept(self._shards)
        if kept is not None:
            return kept[:, self.store.span(self.tokens)], self.images
        held: Tensor | None = None
        filled = 0
        for part in self._parts(self._shards):
            held = part.new_empty(self.n_tokens, self.width) if held is None else held
            held[filled : filled + len(part)] = part
            filled += len(part)
        assert held is not None
        assert filled == self.n_tokens
        return held.view(len(self.images), -1, self.width), torch.arange(len(self.images))

    @cached_property
    def _shards(self) -> list[int]:
        return sorted(set((self.images // self.store.stored.images_per_shard).tolist()))

    def _parts(self, indices: Sequence[int]) -> Generator[Float[Tensor, "n d"], None, None]:
        """This stream's tokens of some shards, shard by shard."""
        with closing(self.store.read(indices)) as shards:
            for shard in shards:
                ours = torch.isin(shard.images.long(), self.images)
                yield self.store.chosen(shard, self.tokens)[ours].flatten(0, 1)

    def _mixed(self, batch_tokens: int, *, generator: torch.Generator) -> Iterator[Float[Tensor, "b d"]]:
        # While the buffer is refilled and shuffled, its tokens stand in memory up to three times.
        capacity = max(2 * batch_tokens, self.memory_bytes // (3 * self.width * TOKEN_BYTES))
        waiting = [self._shards[i] for i in torch.randperm(len(self._shards), generator=generator).tolist()]
        parts: list[Tensor] = []
        with closing(self._parts(waiting[::-1])) as coming:
            while waiting or parts:
                while waiting and sum(map(len, parts)) < capacity:
                    waiting.pop()
                    parts.append(next(coming))
                buffer = torch.cat(parts)
                parts.clear()
                buffer = buffer[torch.randperm(len(buffer), generator=generator)]
                # Half of the buffer stays to be mixed with what comes, and whole batches leave, except at the end.
                leaving = len(buffer) // 2 // batch_tokens * batch_tokens if waiting else len(buffer)
                for start in range(0, leaving, batch_tokens):
                    yield buffer[start : min(start + batch_tokens, leaving)].float()
                if leaving < len(buffer):
                    parts.append(buffer[leaving:].clone())


def read_geometry(artifact: Artifact) -> StoredGeometry:
    """Where an artifact's tokens come from and how they are arranged; raises ``Damaged``."""
    path = artifact.file(GEOMETRY)
    try:
        return StoredGeometry.model_validate_json(path.read_bytes())
    except ValidationError as fault:
        raise Damaged(f"{path} cannot be read as the geometry of activations. Extract again.") from fault


def _seed_of(seed: int, epoch: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{epoch}".encode()).digest()[:7], "big")
