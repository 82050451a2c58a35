"""How long work tells how far it is."""

import time
from collections.abc import Callable

OnProgress = Callable[[int, int, str], None]
"""Called with what is done, the total (both in the same unit), and a short note on what is going on."""


def silent(done: int, total: int, note: str) -> None:
    """Tells nobody."""


class Throttle:
    """Passes on at most one report per ``seconds``, so that tight loops may report at every turn."""

    def __init__(self, on_progress: OnProgress, *, seconds: float = 0.1) -> None:
        self._on_progress, self._seconds = on_progress, seconds
        self._last = float("-inf")

    def __call__(self, done: int, total: int, note: str) -> None:
        """Report, unless the last report is too fresh."""
        now = time.monotonic()
        if now - self._last >= self._seconds:
            self._last = now
            self._on_progress(done, total, note)
