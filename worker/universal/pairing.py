"""Paired tokens: what several streams say of the same place of the same photo, side by side in one vector."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from store.collection import Collection
from store.errors import InvalidInput
from store.grid import Grid
from store.streams import find_fault
from store.vocabulary import Split, Tokens
from worker.activations import MEMORY_BYTES, ActivationStore, TokenStream
from worker.dictionaries.base import TokenStream as AnyTokenStream
from worker.moments import Moments, merge
from worker.shards import Shard
from worker.universal.shared_grid import Resampler, shared_grid


@dataclass(frozen=True)
class PairedGeometry:
    """What a token stream asks of the geometry of its store."""

    width: int
    images_per_shard: int
    n_images: int

    @property
    def n_shards(self) -> int:
        """Shards that hold all images."""
        return -(-self.n_images // self.images_per_shard)


class PairedStore:
    """The activations of several streams over one collection as if one model had made them.

    A token is ``[x_1 .. x_M]`` at one cell of the shared grid, after each stream's patches were averaged over the cell;
    prefix tokens have no place and are left out. Shards are made when they are read, one at a time, in 16 bit; mean and
    std are those of the resampled training tokens. Raises ``InvalidInput``: fewer than two or more than five streams,
    one twice, streams over other collections, a grid that cannot be resampled.
    """

    def __init__(
        self,
        stores: Sequence[ActivationStore],
        collection: Collection,
        *,
        rows: int | None = None,
        cols: int | None = None,
    ) -> None:
        _check(stores, collection)
        self.stores = tuple(stores)
        self.names = tuple(map(stream_name, stores))
        self.collection = collection
        grids = {name: store.geometry.grid for name, store in zip(self.names, stores, strict=True)}
        self.grid: Grid = shared_grid(grids, rows=rows, cols=cols)
        windows = tuple(store.window for store in stores)
        self.resamplers = tuple(
            Resampler(store.window, store.geometry.grid, windows=windows, shared=self.grid) for store in stores
        )
        self.widths = tuple(store.stored.width for store in stores)
        self.model, self.layer = " + ".join(store.model for store in stores), "shared grid"
        per_shard = max(store.stored.images_per_shard for store in stores)
        self.stored = PairedGeometry(sum(self.widths), per_shard, len(collection.images))
        self._sizes = [(row.width, row.height) for row in collection.images]

    def read(self, indices: Sequence[int]) -> Generator[Shard, None, None]:
        """Some shards in the order given; raises what the streams' own shards raise."""
        for index in indices:
            first = index * self.stored.images_per_shard
            images = range(first, min(first + self.stored.images_per_shard, self.stored.n_images))
            sizes = [self._sizes[image] for image in images]
            parts = [
                resample(_patches(store, images), sizes)
                for store, resample in zip(self.stores, self.resamplers, strict=True)
            ]
            tokens = torch.cat(parts, dim=2).bfloat16()
            yield Shard(torch.tensor(list(images), dtype=torch.int32), tokens, tokens[:, :0])

    def kept(self, indices: Sequence[int]) -> None:
        """Nothing is kept: every token is made when it is read."""

    def per_image(self, tokens: Tokens) -> int:
        """Cells of the shared grid."""
        assert tokens is Tokens.PATCHES
        return self.grid.n_patches

    def span(self, tokens: Tokens) -> slice:
        """All tokens have places."""
        assert tokens is Tokens.PATCHES
        return slice(None)

    def chosen(self, shard: Shard, tokens: Tokens) -> Float[Tensor, "n t d"]:
        """All tokens of a shard."""
        assert tokens is Tokens.PATCHES
        return shard.patches

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """Mean vector of the resampled training tokens."""
        return self._moments.mean.float()

    @property
    def std(self) -> Float[Tensor, " d"]:
        """Standard deviation of each dimension over the resampled training tokens."""
        return self._moments.std.float()

    @cached_property
    def _moments(self) -> Moments:
        images = torch.tensor(self.collection.split_images(Split.TRAIN))
        with closing(self.read(range(self.stored.n_shards))) as shards:
            parts = (shard.patches[torch.isin(shard.images.long(), images)].flatten(0, 1) for shard in shards)
            return merge(map(Moments.of, parts), self.stored.width)

    def stream(self, split: Split, *, memory_bytes: int = MEMORY_BYTES) -> TokenStream:
        """Paired tokens of a split in shuffled batches; equal seeds give equal batches.

        Raises ``InvalidInput`` when the split is empty.
        """
        images = torch.tensor(sorted(self.collection.split_images(split)), dtype=torch.int64)
        if not len(images):
            raise InvalidInput(
                f"The collection '{self.collection.spec['slug']}' has no {split} image, so there is nothing to "
                f"{'learn from' if split is Split.TRAIN else 'judge by'}; ingest more photos or change --held-out."
            )
        return TokenStream(self, images, tokens=Tokens.PATCHES, memory_bytes=memory_bytes)


@dataclass(frozen=True)
class OneOf:
    """One stream's part of paired tokens, as a stream of its own: the same batches, a slice of each."""

    paired: AnyTokenStream
    part: slice

    @property
    def n_tokens(self) -> int:
        """Tokens in one epoch."""
        return self.paired.n_tokens

    @property
    def width(self) -> int:
        """Width of the stream."""
        return len(self.mean)

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """The stream's part of the mean."""
        return self.paired.mean[self.part]

    @property
    def std(self) -> Float[Tensor, " d"]:
        """The stream's part of the spread."""
        return self.paired.std[self.part]

    def batches(self, batch_tokens: int, *, seed: int, epoch: int) -> Iterator[Float[Tensor, "b d"]]:
        """The stream's part of every batch."""
        for batch in self.paired.batches(batch_tokens, seed=seed, epoch=epoch):
            yield batch[:, self.part].contiguous()

    def first_bad(self) -> str:
        """Where the first NaN or infinite activation of any stream is."""
        return self.paired.first_bad()


def stream_name(store: ActivationStore) -> str:
    """``model:layer``, as streams are written on the command line."""
    return f"{store.model}:{store.layer}"


def parts_of(widths: Sequence[int]) -> tuple[slice, ...]:
    """Where each stream stands in a paired token."""
    ends = torch.tensor([0, *widths]).cumsum(0).tolist()
    return tuple(slice(start, stop) for start, stop in pairwise(ends))


def _patches(store: ActivationStore, images: range) -> Float[Tensor, "n hw d"]:
    per_shard = store.stored.images_per_shard
    shards = range(images.start // per_shard, (images.stop - 1) // per_shard + 1)
    with ExitStack() as stack:
        reading = stack.enter_context(closing(store.read(shards)))
        patches = torch.cat([shard.patches for shard in reading])
    first = images.start - shards.start * per_shard
    return patches[first : first + len(images)]


def _check(stores: Sequence[ActivationStore], collection: Collection) -> None:
    names = [stream_name(store) for store in stores]
    fault = find_fault(names)
    if fault:
        raise InvalidInput(fault)
    for name, store in zip(names, stores, strict=True):
        over = store.artifact.manifest.inputs.get("collection")
        if over != collection.digest or store.n_images != len(collection.images):
            raise InvalidInput(
                f"The stream {name} has activations of {store.n_images} images of the collection {str(over)[:12]}, "
                f"not of the {len(collection.images)} images of '{collection.spec['slug']}' "
                f"({collection.digest[:12]}); extract all streams from the same collection."
            )
