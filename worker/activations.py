"""Stored activations: what an extraction wrote, read shard by shard or as shuffled batches of tokens."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int32
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from store.artifacts import Artifact
from store.errors import Damaged, InvalidInput, NotFound
from store.grid import Grid, Window
from store.vocabulary import Fit, Tokens
from worker.models.base import Geometry
from worker.moments import Moments, merge

GEOMETRY = "geometry.json"
STATISTICS = "statistics.safetensors"
MEMORY_BYTES = 2 * 2**30
_BYTES = 2  # tokens are kept in memory as they are stored: 16 bit


class StoredGeometry(BaseModel):
    """``geometry.json``: where the tokens come from and how they are arranged."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str
    layer: str
    weights_sha256: str | None
    grid_rows: int
    grid_cols: int
    width: int
    n_class: int
    n_register: int
    height_px: int
    width_px: int
    fit: Fit
    crop_ratio: float
    dtype: str
    n_images: int
    images_per_shard: int

    @property
    def n_shards(self) -> int:
        """Shards that hold all images."""
        return -(-self.n_images // self.images_per_shard)


class Shard(NamedTuple):
    """Some images' tokens, in the collection's order."""

    images: Int32[Tensor, " n"]
    patches: Float[Tensor, "n hw d"]
    prefix: Float[Tensor, "n p d"]


def shard_name(index: int) -> str:
    """File name of a shard."""
    return f"shard-{index:05d}.safetensors"


class ActivationStore:
    """A published activations artifact, read-only. Each file's checksum is verified when it is first used."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.stored = _read_geometry(artifact.file(GEOMETRY))
        self.model, self.layer = self.stored.model, self.stored.layer
        self.n_images = self.stored.n_images
        self.window = Window(
            self.stored.height_px, self.stored.width_px, fit=self.stored.fit, crop_ratio=self.stored.crop_ratio
        )
        self.geometry = Geometry(
            grid=Grid(self.stored.grid_rows, self.stored.grid_cols),
            width=self.stored.width,
            n_class=self.stored.n_class,
            n_register=self.stored.n_register,
        )
        statistics = load_tensors(artifact.file(STATISTICS))
        self.mean: Float[Tensor, " d"] = statistics["mean"].float()
        self.std: Float[Tensor, " d"] = statistics["std"].float()

    def shards(self) -> Iterator[Shard]:
        """All shards in the order of images, tokens as float32."""
        for index in range(self.stored.n_shards):
            shard = self.shard(index)
            yield Shard(shard.images, shard.patches.float(), shard.prefix.float())

    def shard(self, index: int) -> Shard:
        """One shard as it is stored; raises ``Damaged`` naming a shard that is missing or broken."""
        with self.artifact.reading(shard_name(index)) as path:
            tensors = load_tensors(path)
        return Shard(tensors["image"], tensors["patches"], tensors["prefix"])

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

    def chosen(self, shard: Shard, tokens: Tokens) -> Float[Tensor, "n t d"]:
        """A shard's tokens of one choice."""
        n_class = self.geometry.n_class
        match tokens:
            case Tokens.PATCHES:
                return shard.patches
            case Tokens.CLASS:
                return shard.prefix[:, :n_class]
            case Tokens.REGISTERS:
                return shard.prefix[:, n_class:]
            case Tokens.ALL:
                return torch.cat([shard.prefix, shard.patches], dim=1)


@dataclass(frozen=True)
class TokenStream:
    """Tokens of chosen images, each once per epoch, shuffled by seed and epoch.

    The whole set is permuted where it fits ``memory_bytes``. Otherwise shards come in random order and are mixed in a
    buffer of bounded size: a token can then appear at most a few shards away from its neighbours.
    """

    store: ActivationStore
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
        return merge((Moments.of(self._tokens(index)) for index in self._shards), self.width)

    def batches(self, batch_tokens: int, *, seed: int, epoch: int) -> Iterator[Float[Tensor, "b d"]]:
        """``n_tokens`` tokens as float32 in batches of ``batch_tokens``; the last batch may be smaller.

        Equal seed and epoch give equal batches. Raises ``Damaged`` naming a shard that is missing or broken.
        """
        generator = torch.Generator().manual_seed(_seed_of(seed, epoch))
        if self.n_tokens * self.width * _BYTES <= self.memory_bytes:
            order = torch.randperm(self.n_tokens, generator=generator)
            for start in range(0, self.n_tokens, batch_tokens):
                yield self._all_tokens[order[start : start + batch_tokens]].float()
        else:
            yield from self._mixed(batch_tokens, generator=generator)

    def first_bad(self) -> str:
        """Shard, row, image and token of the first NaN or infinite activation."""
        for index in self._shards:
            shard = self.store.shard(index)
            ours = torch.isin(shard.images.long(), self.images)
            rows = (~self.store.chosen(shard, self.tokens).isfinite()).any(dim=2) & ours[:, None]
            if bool(rows.any()):
                row, token = rows.nonzero()[0].tolist()
                return f"{shard_name(index)}, row {row} (image {int(shard.images[row])}), token {token}"
        return "no shard"

    @cached_property
    def _all_tokens(self) -> Float[Tensor, "n d"]:
        tokens: Tensor | None = None
        filled = 0
        for index in self._shards:
            part = self._tokens(index)
            tokens = part.new_empty(self.n_tokens, self.width) if tokens is None else tokens
            tokens[filled : filled + len(part)] = part
            filled += len(part)
        assert tokens is not None
        assert filled == self.n_tokens
        return tokens

    @cached_property
    def _shards(self) -> list[int]:
        return sorted(set((self.images // self.store.stored.images_per_shard).tolist()))

    def _tokens(self, index: int) -> Float[Tensor, "n d"]:
        shard = self.store.shard(index)
        return self.store.chosen(shard, self.tokens)[torch.isin(shard.images.long(), self.images)].flatten(0, 1)

    def _mixed(self, batch_tokens: int, *, generator: torch.Generator) -> Iterator[Float[Tensor, "b d"]]:
        # While the buffer is refilled and shuffled, its tokens stand in memory up to three times.
        capacity = max(2 * batch_tokens, self.memory_bytes // (3 * self.width * _BYTES))
        waiting = [self._shards[i] for i in torch.randperm(len(self._shards), generator=generator).tolist()]
        parts: list[Tensor] = []
        while waiting or parts:
            while waiting and sum(map(len, parts)) < capacity:
                parts.append(self._tokens(waiting.pop()))
            buffer = torch.cat(parts)
            parts.clear()
            buffer = buffer[torch.randperm(len(buffer), generator=generator)]
            # Half of the buffer stays to be mixed with what comes, and whole batches leave, except at the very end.
            leaving = len(buffer) // 2 // batch_tokens * batch_tokens if waiting else len(buffer)
            for start in range(0, leaving, batch_tokens):
                yield buffer[start : min(start + batch_tokens, leaving)].float()
            if leaving < len(buffer):
                parts.append(buffer[leaving:].clone())


def load_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file; raises ``Damaged`` naming a file that vanished or is broken."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as fault:
        raise Damaged(f"{path.name} of {path.parent} cannot be read: {fault}. Extract again.") from fault


def _read_geometry(path: Path) -> StoredGeometry:
    try:
        return StoredGeometry.model_validate_json(path.read_bytes())
    except ValidationError as fault:
        raise Damaged(f"{path} cannot be read as the geometry of activations. Extract again.") from fault


def _seed_of(seed: int, epoch: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{epoch}".encode()).digest()[:7], "big")
