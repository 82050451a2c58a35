"""The shelf: atlases opened by digest; a bounded number stays open, the longest unused one is closed."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from store.artifacts import Artifacts, CacheFull
from store.atlas.query import ConceptTable
from store.atlas.reader import Atlas
from store.atlas.weight import n_bytes_of
from store.vocabulary import Kind


@dataclass
class OpenAtlas:
    """An open atlas with its concepts ready to be asked."""

    atlas: Atlas
    n_readers: int = 0
    _weighed: tuple[frozenset[str], int] = (frozenset(), 0)

    @cached_property
    def concepts(self) -> ConceptTable:
        """The scalar columns of all concepts."""
        return ConceptTable(self.atlas.columns)

    def n_bytes(self) -> int:
        """Memory that what was read of it takes; weighed again when more has been read. DuckDB's buffers are extra."""
        parts = {**vars(self.atlas), **({"concepts": self.concepts} if "concepts" in vars(self) else {})}
        del parts["artifact"], parts["_file"]
        if parts.keys() != self._weighed[0]:
            self._weighed = frozenset(parts), n_bytes_of(parts)
        return self._weighed[1]


class Shelf:
    """Opens atlases at most once each; safe to share between threads."""

    def __init__(self, artifacts: Artifacts, *, n_open: int = 8) -> None:
        self._artifacts, self._n_open = artifacts, n_open
        self._open: OrderedDict[str, OpenAtlas] = OrderedDict()
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self.n_opened = 0

    @contextmanager
    def reading(self, digest: str) -> Iterator[OpenAtlas]:
        """An atlas, kept open while it is read; raises ``NotFound``, ``Damaged`` or ``NewerFormat``."""
        entry = self._taken(digest)
        try:
            yield entry
        finally:
            with self._lock:
                entry.n_readers -= 1
                self._shrink()

    def close(self) -> None:
        """Close every atlas."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].atlas.close()

    @property
    def digests(self) -> tuple[str, ...]:
        """Which atlases are open, the longest unused first."""
        return tuple(self._open)

    def n_bytes(self) -> int:
        """Memory that what was read of all open atlases takes."""
        with self._lock:
            entries = list(self._open.values())
        return sum(entry.n_bytes() for entry in entries)

    def _taken(self, digest: str) -> OpenAtlas:
        """An entry with one more reader. Opening checks a whole file, so readers of other atlases must not wait."""
        while True:
            with self._lock:
                entry = self._open.get(digest)
                if entry is not None:
                    self._open.move_to_end(digest)
                    entry.n_readers += 1
                    return entry
            with self._opening:
                if digest not in self._open:
                    opened = self._opened(digest)
                    with self._lock:
                        self._open[digest] = opened
                        self.n_opened += 1

    def _opened(self, digest: str) -> OpenAtlas:
        """The atlas, for which idle ones are closed when the cache of their files is full."""
        artifact = self._artifacts.get(Kind.ATLAS, digest)
        try:
            return OpenAtlas(Atlas(artifact))
        except CacheFull:
            with self._lock:
                self._shrink(n_open=0)
            return OpenAtlas(Atlas(artifact))

    def _shrink(self, *, n_open: int | None = None) -> None:
        idle = [digest for digest, entry in self._open.items() if not entry.n_readers]
        for digest in idle[: max(len(self._open) - (self._n_open if n_open is None else n_open), 0)]:
            self._open.pop(digest).atlas.close()
