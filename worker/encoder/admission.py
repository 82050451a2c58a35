"""Who may come in: so many requests at once, each for so long; whoever has left is not worked for."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from store.encoding.refusals import EncoderBusy, EncoderSlow, Reason

_NEWS: Final = 0.1  # weight of the last request in the mean


class Admission:
    """Counts requests, refuses those that are too many, ends those that take too long."""

    def __init__(self, most: int, *, within_s: float) -> None:
        self.most, self.within_s = most, within_s
        self.n_inside = self.n_admitted = 0
        self.refused: Counter[Reason] = Counter()
        self.total_s = 0.0
        self._mean_s = 0.2

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """A place; raises ``EncoderBusy`` when all are taken."""
        if self.n_inside >= self.most:
            wait_s = max(1.0, round(self.n_inside * self._mean_s))
            raise EncoderBusy(
                f"The encoder is busy: {self.n_inside} requests wait already. Try again in {wait_s:.0f} s.",
                retry_after_s=wait_s,
            )
        self.n_inside += 1
        self.n_admitted += 1
        begin = time.monotonic()
        try:
            yield
        finally:
            self.n_inside -= 1
            took_s = time.monotonic() - begin
            self.total_s += took_s
            self._mean_s += _NEWS * (took_s / max(self.n_inside + 1, 1) - self._mean_s)

    @asynccontextmanager
    async def timely(self, within_s: float | None) -> AsyncIterator[None]:
        """So long and no longer; raises ``EncoderSlow``."""
        limit_s = min(self.within_s, within_s or self.within_s)
        try:
            async with asyncio.timeout(limit_s):
                yield
        except TimeoutError:
            raise EncoderSlow(f"The encoder was not done within {limit_s:g} s. Try again, or ask for less.") from None
