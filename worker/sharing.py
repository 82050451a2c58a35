"""Extraction by several workers: the one that runs the job opens its shards, and whoever is idle makes some of them."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol, runtime_checkable

from store.artifacts import SharedDraft
from store.errors import Damaged, NotFound
from worker.extraction import Extraction
from worker.progress import OnProgress
from worker.shard_files import ShardFiles
from worker.shards import shard_name

_MADE_BY: Final = "made-by"
_LOOK_EVERY_S: Final = 0.2


@runtime_checkable
class Parts(Protocol):
    """Which worker makes which shard. A shard whose worker is lost is free again."""

    def open(self, shards: Sequence[int]) -> None:
        """These are to be made."""

    def take(self) -> int | None:
        """One that is free, now ours; None when none is."""

    def finish(self, shard: int) -> None:
        """One of ours is made, and there for the others."""

    def reopen(self, shard: int) -> None:
        """One has to be made again."""

    def left(self) -> set[int]:
        """Those that are not made yet."""


class AllMine:
    """No other worker: shards in their order."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._left: set[int] = set()

    def open(self, shards: Sequence[int]) -> None:
        """All of them are ours."""
        self._free, self._left = sorted(shards, reverse=True), set(shards)

    def take(self) -> int | None:
        """The next."""
        return self._free.pop() if self._free else None

    def finish(self, shard: int) -> None:
        """It is made."""
        self._left.discard(shard)

    def reopen(self, shard: int) -> None:
        """It is free again."""
        self._free.append(shard)
        self._left.add(shard)

    def left(self) -> set[int]:
        """Those that are not made yet."""
        return set(self._left)


def make_all(files: ShardFiles, parts: Parts, shared: SharedDraft, missing: Sequence[int], *, tell: OnProgress) -> None:
    """Make the missing shards, with whoever helps; at the end all stand in the folder."""
    task = files.task
    _invite(files, shared)
    known = shared.names()
    there = [shard for shard in missing if shard_name(shard) in known and _bring_home(files, shard, shared)]
    parts.open(sorted(set(missing).difference(there)))
    begun = 0

    def shown(done_here: int) -> int:
        waiting = sum(len(task.rows(shard)) for shard in parts.left())
        return len(task.collection.images) - waiting + done_here

    while left := parts.left():
        for shard, n_images, whole in files.make(_taken(parts)):
            begun = 0 if whole else begun + n_images
            if whole:
                parts.finish(shard)
            tell(shown(begun), len(task.collection.images), f"images: shard {shard + 1} of {task.n_shards}")
        if parts.left():
            tell(shown(0), len(task.collection.images), f"images: other workers make {len(parts.left())} shards")
            time.sleep(_LOOK_EVERY_S)
        for shard in left - parts.left():
            if not files.path(shard).exists() and not _bring_home(files, shard, shared):
                parts.reopen(shard)


def help_out(task: Extraction, parts: Parts, shared: SharedDraft, scratch: Path) -> int:
    """Make shards of another worker's extraction while some are free; returns how many.

    Nothing is made where our program would give other last bits.
    """
    n_made = 0
    with TemporaryDirectory(dir=scratch) as folder:
        files = ShardFiles(task, Path(folder))
        if not _is_invited(files, shared):
            return 0
        for shard, _, whole in files.make(_taken(parts)):
            if whole:
                shared.put(shard_name(shard), files.path(shard))
                parts.finish(shard)
                files.path(shard).unlink()
                n_made += 1
    return n_made


def _taken(parts: Parts) -> Iterator[int]:
    while (shard := parts.take()) is not None:
        yield shard


def _invite(files: ShardFiles, shared: SharedDraft) -> None:
    """Say by which program shards are made; what another one has made is dropped."""
    note = files.folder / f".{_MADE_BY}-shared"
    if not _is_invited(files, shared):
        shared.clear()
        note.write_text(files.program)
        shared.put(_MADE_BY, note)


def _is_invited(files: ShardFiles, shared: SharedDraft) -> bool:
    if _MADE_BY not in shared.names():
        return False
    with TemporaryDirectory(dir=files.folder) as folder, suppress(NotFound, Damaged):
        shared.fetch(_MADE_BY, Path(folder) / _MADE_BY)
        return (Path(folder) / _MADE_BY).read_text() == files.program
    return False


def _bring_home(files: ShardFiles, shard: int, shared: SharedDraft) -> bool:
    """Fetch a shard that another worker has made; False when it is not there or not whole."""
    try:
        shared.fetch(shard_name(shard), files.path(shard))
    except (NotFound, Damaged):
        return False
    return files.adopt(shard)
