"""Shard files of an extraction in a folder: written in one step, with checksums by which a later run knows them."""

import logging
import os
import platform
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import torch

from store.artifacts import sha256_of
from store.version import VERSION
from store.vocabulary import Split
from worker.extraction import Extraction, joined
from worker.moments import Moments, merge
from worker.shards import Shard, load_tensors, shard_name

log = logging.getLogger(__name__)


class ShardFiles:
    """The shards of one extraction below a folder. Where tokens are not to be stored they are hidden, and hold
    moments alone."""

    def __init__(self, task: Extraction, folder: Path) -> None:
        self.task, self.folder = task, folder

    @property
    def program(self) -> str:
        """What decides the last bits of a shard: shards of another program or weights are not to be mixed with ours."""
        kind = f"{VERSION} torch {torch.__version__} {self.task.device.type} {platform.machine()}"
        return f"{kind} weights {self.task.model.weights_sha256}"

    def path(self, shard: int) -> Path:
        """Where a finished shard stands."""
        return self.folder / (shard_name(shard) if self.task.spec.stored else f".{shard_name(shard)}")

    def save(self, shard: int, made: Shard, moments: Moments) -> Path:
        """Write a shard beside its place, then move it there; its checksum stands in a hidden file."""
        from safetensors.torch import save_file

        path = self.path(shard)
        fresh = path.with_name(f".{path.name}.new")
        tensors = {
            "image": made.images,
            "train_n": torch.tensor([moments.n], dtype=torch.int64),
            "train_mean": moments.mean,
            "train_m2": moments.m2,
        }
        if self.task.spec.stored:
            tensors |= {"patches": made.patches, "prefix": made.prefix}
        save_file(tensors, fresh)
        _sync(fresh)
        self._note_sum(path, sha256_of(fresh))
        fresh.replace(path)
        return path

    def adopt(self, shard: int) -> bool:
        """Take a file that another worker made into the count; False when it is not that shard."""
        self._note_sum(self.path(shard), sha256_of(self.path(shard)))
        return self.is_whole(shard)

    def is_whole(self, shard: int) -> bool:
        """Whether the shard is there, undamaged, and of the images that it should be of."""
        path = self.path(shard)
        sums = _sum_path(path)
        if not path.exists() or not sums.exists():
            return False
        if sums.read_text() != sha256_of(path):
            log.warning("%s of an earlier run is damaged and is made again", path.name)
            return False
        return load_tensors(path)["image"].tolist() == [row.image for row in self.task.rows(shard)]

    def moments(self) -> Iterator[Moments]:
        """Moments of training patches, shard by shard."""
        for shard in range(self.task.n_shards):
            tensors = load_tensors(self.path(shard))
            yield Moments(int(tensors["train_n"]), tensors["train_mean"], tensors["train_m2"])

    def make(self, shards: Iterator[int]) -> Generator[tuple[int, int, bool], None, None]:
        """Make shards as they come and save them; after each batch yields its shard, its images, and if it is whole."""
        parts: list[Shard] = []
        moments: list[Moments] = []
        with closing(self.task.batches(shards)) as batches:
            for shard, rows, part in batches:
                parts.append(part)
                moments.append(_train_moments([row.split for row in rows], part))
                whole = sum(len(one.images) for one in parts) == len(self.task.rows(shard))
                if whole:
                    self.save(shard, joined(parts), merge(moments, part.patches.shape[-1]))
                    parts.clear()
                    moments.clear()
                yield shard, len(rows), whole

    def _note_sum(self, path: Path, sha256: str) -> None:
        sums = _sum_path(path)
        sums.write_text(sha256)
        _sync(sums)


def _train_moments(splits: Sequence[Split], part: Shard) -> Moments:
    """Moments of the patches, as they are stored, of training images."""
    train = torch.tensor([split is Split.TRAIN for split in splits])
    patches = part.patches if bool(train.all()) else part.patches[train]
    return Moments.of(patches.flatten(0, 1))


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sum_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")
