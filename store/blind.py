"""Does a label tell photos on which its concept fires from photos on which it is silent? The arithmetic of blind tests.

One test shows ``N_TILES`` photos, on ``N_ACTIVE`` of which the concept fires; who sees the label but no heat chooses
``N_ACTIVE`` of them. Its hits are the chosen photos on which the concept fires.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, sqrt
from typing import Final

N_TILES: Final = 8
N_ACTIVE: Final = 4
CHANCE: Final = N_ACTIVE / N_TILES
"""Share of hits that choosing by chance gives: 2 of 4."""
_Z: Final = 1.959963984540054
"""Quantile of the normal distribution for 95 %."""
_WAYS: Final = tuple(comb(N_ACTIVE, hits) * comb(N_TILES - N_ACTIVE, N_ACTIVE - hits) for hits in range(N_ACTIVE + 1))
"""In how many of the 70 choices there are 0, 1, 2, 3, 4 hits: 1, 16, 36, 16, 1 (hypergeometric)."""


@dataclass(frozen=True)
class Verdict:
    """What tests of one label come to."""

    n_tests: int
    n_hits: int
    accuracy: float
    """Hits over choices, [0, 1]; ``CHANCE`` is guessing."""
    low: float
    high: float
    """Wilson's 95 % interval of the accuracy."""
    p_value: float
    """How often guessing gives as many hits or more."""


def judge(hits: Sequence[int]) -> Verdict | None:
    """The verdict on the hits of each test; None without tests."""
    if not hits:
        return None
    n, total = len(hits) * N_ACTIVE, sum(hits)
    low, high = wilson(total, n)
    return Verdict(len(hits), total, total / n, low, high, p_by_chance(len(hits), total))


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share: every p with |hits / n − p| ≤ z √(p (1 − p) / n), z = 1.96.

    Closed form: (p̂ + z²/2n ± z √(p̂ (1 − p̂)/n + z²/4n²)) / (1 + z²/n). Wilson, JASA 22 (1927).
    """
    share, square = hits / n, _Z**2 / n
    centre, half = share + square / 2, _Z * sqrt(share * (1 - share) / n + square / (4 * n))
    return max((centre - half) / (1 + square), 0.0), min((centre + half) / (1 + square), 1.0)


@lru_cache(maxsize=4096)
def p_by_chance(n_tests: int, n_hits: int) -> float:
    """Chance of at least ``n_hits`` hits in ``n_tests`` tests when choices are guesses: exact, by whole numbers.

    Hits of one test are hypergeometric, C(4, k) C(4, 4 − k) / C(8, 4); tests add up independently.
    """
    ways = [1]
    for _ in range(n_tests):
        longer = [0] * (len(ways) + N_ACTIVE)
        for hits, count in enumerate(ways):
            for more, factor in enumerate(_WAYS):
                longer[hits + more] += count * factor
        ways = longer
    return sum(ways[n_hits:]) / sum(ways)
