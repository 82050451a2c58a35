"""When a request is sent again, and after how long."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

PASSING: Final = frozenset({429, 502, 503, 504})
"""Statuses that may be gone in a moment."""
LONGEST_S: Final = 30.0
"""A server that asks for a longer wait is told to the program instead."""


@dataclass(frozen=True)
class Backoff:
    """At most ``tries`` more times; wait ``n`` (from 0) is drawn from ``[w / 2, w]``, ``w = first_s 2^n``."""

    tries: int = 3
    first_s: float = 0.25

    def wait_s(self, n: int, *, asked_s: float | None) -> float | None:
        """Seconds before try ``n + 1``; None to give up. What the server asks for counts, up to ``LONGEST_S``."""
        if n >= self.tries or (asked_s is not None and asked_s > LONGEST_S):
            return None
        usual = min(self.first_s * 2.0**n, LONGEST_S) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        return max(usual, asked_s or 0.0)


def read_retry_after(text: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds of a header ``Retry-After``, which is a number or a date; None where it is absent or neither."""
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())
