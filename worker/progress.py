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


class Pace:
    """How fast work goes: units per second since the total last changed, and the time left."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.done = self.total = self._first = 0
        self._clock, self._since = clock, clock()

    def take(self, done: int, total: int) -> None:
        """Take note; another total, or less done than before, begins anew."""
        if total != self.total or done < self.done:
            self._first, self._since = done, self._clock()
        self.done, self.total = done, total

    @property
    def rate(self) -> float | None:
        """Units per second, or None where there is nothing to tell yet."""
        fresh, seconds = self.done - self._first, self._clock() - self._since
        return fresh / seconds if fresh > 0 and seconds > 0 and self.total > 1 else None

    @property
    def left_s(self) -> float | None:
        """Seconds left at this rate."""
        rate = self.rate
        return (self.total - self.done) / rate if rate else None


def in_words(pace: Pace, note: str) -> str:
    """One line on how far work is: ``12/96 images, 7.3/s, 0:12 left``."""
    if pace.total <= 1:
        return note
    text = f"{pace.done:,}/{pace.total:,} {note}"
    if pace.rate is None or pace.left_s is None:
        return text
    left = int(pace.left_s)
    return f"{text}, {pace.rate:,.1f}/s, {left // 60}:{left % 60:02} left"
