"""Shards of tokens and where they come from: files of an artifact, memory, or whatever makes them anew."""

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int32
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from store.artifacts import Artifact
from store.errors import Damaged
from store.grid import Grid
from store.vocabulary import Fit
from worker.models.base import Geometry
from worker.progress import OnProgress, silent

TOKEN_BYTES = 2  # one number of a token, stored or kept: 16 bit


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

    @property
    def geometry(self) -> Geometry:
        """The shape of one image's tokens."""
        return Geometry(
            grid=Grid(self.grid_rows, self.grid_cols),
            width=self.width,
            n_class=self.n_class,
            n_register=self.n_register,
        )


class Shard(NamedTuple):
    """Some images' tokens, in the collection's order."""

    images: Int32[Tensor, " n"]
    patches: Float[Tensor, "n hw d"]
    prefix: Float[Tensor, "n p d"]


@runtime_checkable
class ShardSource(Protocol):
    """Gives shards by number, as often as they are asked for, always the same bits."""

    def shards(self, indices: Sequence[int]) -> Generator[Shard, None, None]:
        """Some shards in the order given; what comes next may be prepared while the last one is used."""


class StoredShards:
    """The shard files of an artifact; raises ``Damaged`` naming one that is missing or broken."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact

    def shards(self, indices: Sequence[int]) -> Generator[Shard, None, None]:
        """Read from disk one by one."""
        for index in indices:
            with self._artifact.reading(shard_name(index)) as path:
                tensors = load_tensors(path)
            yield Shard(tensors["image"], tensors["patches"], tensors["prefix"])


class KeptShards:
    """Shards of a source that makes them at some cost: each is made when it is first asked for, and then kept."""

    def __init__(self, source: ShardSource, stored: StoredGeometry, *, on_progress: OnProgress = silent) -> None:
        self._source, self._stored, self._on_progress = source, stored, on_progress
        self._n_prefix = stored.geometry.n_prefix
        per_image = self._n_prefix + stored.geometry.grid.n_patches
        dtype: torch.dtype = getattr(torch, stored.dtype)
        self.tokens: Float[Tensor, "N t d"] = torch.empty(stored.n_images, per_image, stored.width, dtype=dtype)
        """Of all images: prefix, then patches; only rows of shards that have been asked for are filled."""
        self._made: set[int] = set()

    @staticmethod
    def n_bytes(stored: StoredGeometry) -> int:
        """Memory for all shards."""
        geometry = stored.geometry
        return stored.n_images * (geometry.n_prefix + geometry.grid.n_patches) * geometry.width * TOKEN_BYTES

    def shards(self, indices: Sequence[int]) -> Generator[Shard, None, None]:
        """Views of what is kept."""
        missing = [index for index in indices if index not in self._made]
        with closing(self._source.shards(missing)) as fresh:
            for index in indices:
                first = index * self._stored.images_per_shard
                kept = self.tokens[first : first + self._stored.images_per_shard]
                if index in missing:
                    made = next(fresh)
                    kept[:, : self._n_prefix] = made.prefix
                    kept[:, self._n_prefix :] = made.patches
                    self._made.add(index)
                    done = min(len(self._made) * self._stored.images_per_shard, self._stored.n_images)
                    self._on_progress(done, self._stored.n_images, f"images: read anew by {self._stored.model}")
                images = torch.arange(first, first + len(kept), dtype=torch.int32)
                yield Shard(images, kept[:, self._n_prefix :], kept[:, : self._n_prefix])


def shard_name(index: int) -> str:
    """File name of a shard."""
    return f"shard-{index:05d}.safetensors"


def load_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file; raises ``Damaged`` naming a file that vanished or is broken."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as fault:
        raise Damaged(f"{path.name} of {path.parent} cannot be read: {fault}. Extract again.") from fault
