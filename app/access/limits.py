"""How much a visitor may have: buckets that fill again at an even pace, in memory, for so many visitors at most."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

N_VISITORS: Final = 10_000
"""Those seen longest ago are forgotten first, and have full buckets when they come again."""


@dataclass(frozen=True)
class Rate:
    """So much in so long: the bucket holds ``quota`` and fills by ``quota / window_s`` each second."""

    name: str
    quota: float
    window_s: float = 60.0

    @property
    def policy(self) -> str:
        """The header ``RateLimit-Policy``."""
        return f'"{self.name}";q={self.quota:.0f};w={self.window_s:.0f}'


@dataclass(frozen=True)
class Left:
    """What is left in a bucket."""

    rate: Rate
    level: float
    wait_s: float
    """Until as much is there as was asked for; 0 when it was given."""

    @property
    def headers(self) -> dict[str, str]:
        """For programs: what is left, and in how many seconds all will be."""
        full_s = (self.rate.quota - self.level) * self.rate.window_s / self.rate.quota
        told = f'"{self.rate.name}";r={max(0, math.floor(self.level))};t={math.ceil(full_s)}'
        headers = {"RateLimit-Policy": self.rate.policy, "RateLimit": told}
        return headers | ({"Retry-After": str(max(1, math.ceil(self.wait_s)))} if self.wait_s else {})


class Buckets:
    """One bucket for each visitor and rate."""

    def __init__(self, *, n_visitors: int = N_VISITORS, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._levels: LRUCache[tuple[str, str], tuple[float, float]] = LRUCache(n_visitors)

    def take(self, visitor: str, rate: Rate, *, n: float = 1.0, least: float | None = None) -> Left:
        """Take ``n`` if the bucket has them, otherwise nothing.

        With ``least`` it is enough that so much is there: what is spent is known only afterwards, and the bucket may
        be overdrawn.
        """
        key, now = (rate.name, visitor), self._clock()
        level, at = self._levels.get(key, (rate.quota, now))
        level = min(rate.quota, level + (now - at) * rate.quota / rate.window_s)
        needed = min(n, rate.quota) if least is None else least
        short = needed - level
        if short <= 0:
            level -= n
        self._levels[key] = (level, now)
        return Left(rate, level, wait_s=max(0.0, short) * rate.window_s / rate.quota)

    def __len__(self) -> int:
        return len(self._levels)
