"""A shelf: files of one kind opened by digest; a bounded number stays open, the longest unused one is closed."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from store.artifacts import Artifact, Artifacts, CacheFull
from store.vocabulary import Kind


class Openable(Protocol):
    """Something that is open."""

    def close(self) -> None:
        """Release files."""

    def n_bytes(self) -> int:
        """Memory that what was read of it takes."""


T = TypeVar("T", bound=Openable)


@dataclass
class _Entry(Generic[T]):
    """Something open and how many read it now."""

    value: T
    n_readers: int = 0


class Shelf(Generic[T]):
    """Opens artifacts of a kind at most once each; safe to share between threads."""

    def __init__(self, artifacts: Artifacts, kind: Kind, *, opener: Callable[[Artifact], T], n_open: int = 8) -> None:
        self._artifacts, self._kind, self._opener, self._n_open = artifacts, kind, opener, n_open
        self._open: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self.n_opened = 0

    @contextmanager
    def reading(self, digest: str) -> Iterator[T]:
        """One of them, kept open while it is read; raises ``NotFound``, ``Damaged`` or ``NewerFormat``."""
        entry = self._taken(digest)
        try:
            yield entry.value
        finally:
            with self._lock:
                entry.n_readers -= 1
                self._shrink()

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].value.close()

    @property
    def digests(self) -> tuple[str, ...]:
        """Which are open, the longest unused first."""
        return tuple(self._open)

    def n_bytes(self) -> int:
        """Memory that what was read of all open ones takes."""
        with self._lock:
            entries = list(self._open.values())
        return sum(entry.value.n_bytes() for entry in entries)

    def _taken(self, digest: str) -> _Entry[T]:
        """An entry with one more reader. Opening checks a whole file, so readers of others must not wait."""
        while True:
            with self._lock:
                entry = self._open.get(digest)
                if entry is not None:
                    self._open.move_to_end(digest)
                    entry.n_readers += 1
                    return entry
            with self._opening:
                if digest not in self._open:
                    opened = _Entry(self._opened(digest))
                    with self._lock:
                        self._open[digest] = opened
                        self.n_opened += 1

    def _opened(self, digest: str) -> T:
        """It, for which idle ones are closed when the cache of their files is full."""
        artifact = self._artifacts.get(self._kind, digest)
        try:
            return self._opener(artifact)
        except CacheFull:
            with self._lock:
                self._shrink(n_open=0)
            return self._opener(artifact)

    def _shrink(self, *, n_open: int | None = None) -> None:
        idle = [digest for digest, entry in self._open.items() if not entry.n_readers]
        for digest in idle[: max(len(self._open) - (self._n_open if n_open is None else n_open), 0)]:
            self._open.pop(digest).value.close()
