"""What was drawn, kept in memory for as long as there is room: drawings depend on the atlas and the program alone."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar, cast

from app.cabinet import Cabinet

MOST_BYTES: Final = 8 * 2**20
T = TypeVar("T")


class Drawings:
    """The last drawings; safe between threads. A drawing is made by one thread at a time."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._kept: Cabinet[Hashable, Any] = Cabinet(most_bytes)
        self._drawing = threading.RLock()  # drawings are made of others

    def get(self, key: Hashable, make: Callable[[], T], *, weigh: Callable[[T], int] = len) -> T:  # type: ignore[assignment]
        """What is kept under this key, or what is made now."""
        found = self._kept.find(key)
        if found is None:
            with self._drawing:
                found = self._kept.find(key)
                if found is None:
                    found = make()
                    self._kept.keep(key, found, n_bytes=max(weigh(found), 1))
        return cast(T, found)
