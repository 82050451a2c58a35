"""Things that were made, kept in memory up to an amount of it: those asked for last."""

import threading
from collections.abc import Hashable
from operator import itemgetter
from typing import Generic, TypeVar

from cachetools import LRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cabinet(Generic[K, V]):
    """Values by key and their weights; safe between threads. What alone is heavier than all may be is not kept."""

    def __init__(self, most_bytes: int) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[K, tuple[V, int]] = LRUCache(most_bytes, getsizeof=itemgetter(1))

    def __contains__(self, key: K) -> bool:
        """Whether it is there; that is not asking for it."""
        with self._lock:
            return key in self._kept

    @property
    def n_bytes(self) -> int:
        """Memory that all of them take."""
        return int(self._kept.currsize)

    def find(self, key: K) -> V | None:
        """What is kept under a key, which was asked for now."""
        with self._lock:
            found = self._kept.get(key)
        return found[0] if found else None

    def keep(self, key: K, value: V, *, n_bytes: int) -> None:
        """Keep a value; those that were asked for longest ago make room."""
        if n_bytes <= self._kept.maxsize:
            with self._lock:
                self._kept[key] = value, n_bytes
