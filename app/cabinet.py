"""Things that were made, kept in memory up to an amount of it: those asked for last."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cabinet(Generic[K, V]):
    """Values by key and their weights; safe between threads. What alone is heavier than all may be is not kept."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.n_bytes = 0

    def __contains__(self, key: K) -> bool:
        """Whether it is there; that is not asking for it."""
        with self._lock:
            return key in self._kept

    def find(self, key: K) -> V | None:
        """What is kept under a key, which was asked for now."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def keep(self, key: K, value: V, *, n_bytes: int) -> None:
        """Keep a value; those that were asked for longest ago make room."""
        if n_bytes > self._most_bytes:
            return
        with self._lock:
            before = self._kept.pop(key, None)
            self.n_bytes += n_bytes - (before[1] if before else 0)
            self._kept[key] = value, n_bytes
            while self.n_bytes > self._most_bytes:
                self.n_bytes -= self._kept.popitem(last=False)[1][1]
