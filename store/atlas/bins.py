"""Bins of a numeric column whose edges are short numbers that no value lies on, so that a range of bins is a query.

For bins ``i`` to ``j``, ``column__gte = edges[i]`` and ``column__lte = edges[j + 1]`` keep exactly the concepts that
the bins count.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

N_BINS = 24
_DIGITS, _MOST_DIGITS = 3, 16
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Binned:
    """A numeric column in bins. ``edges [n + 1]``, ``codes [K]``: each concept's bin, ``n`` for those in none."""

    log: bool
    edges: tuple[float, ...]
    codes: np.ndarray[Any, np.dtype[np.uint8]]
    totals: tuple[int, ...]
    """Concepts per bin in the whole dictionary, ``[n]``."""
    n_absent: int
    n_zero: int
    """Values at or below 0, which have no place on a logarithmic axis."""
    min: float | None
    max: float | None

    def counts(self, kept: Array) -> tuple[int, ...]:
        """Concepts per bin among some of them: ``kept [K]`` bool -> ``[n]``."""
        n = len(self.totals)
        return tuple(np.bincount(self.codes[kept], minlength=n + 1)[:n].tolist())


def bin_column(values: Array, *, log: bool, n_bins: int = N_BINS) -> Binned:
    """The bins of a column ``[K]`` with NaN where it is absent; evenly wide, or evenly in the logarithm."""
    present = values[~np.isnan(values)]
    shown = np.sort(present[present > 0] if log else present)
    edges = _edges(shown, log=log, n_bins=n_bins) if len(shown) else []
    n = max(len(edges) - 1, 0)
    codes = np.full(len(values), n, dtype=np.uint8)
    if n:
        inside = ~np.isnan(values) & ((values > 0) if log else True)
        codes[inside] = np.clip(np.searchsorted(edges, values[inside], side="right") - 1, 0, n - 1)
    return Binned(
        log=log,
        edges=tuple(edges),
        codes=codes,
        totals=tuple(np.bincount(codes, minlength=n + 1)[:n].tolist()),
        n_absent=len(values) - len(present),
        n_zero=len(present) - len(shown),
        min=float(present.min()) if len(present) else None,
        max=float(present.max()) if len(present) else None,
    )


def _edges(shown: Array, *, log: bool, n_bins: int) -> list[float]:
    low, high = float(shown[0]), float(shown[-1])
    first, last = outward(low, down=True), outward(high, down=False)
    if low == high:
        return [first, last]
    wanted = (np.geomspace if log else np.linspace)(low, high, n_bins + 1)[1:-1]
    edges = [first]
    for edge in wanted.tolist():
        place = min(max(int(np.searchsorted(shown, edge)), 1), len(shown) - 1)
        edges.append(_cut(edge, below=float(shown[place - 1]), above=float(shown[place]), after=edges[-1]))
    return [*edges, last]


def _cut(edge: float, *, below: float, above: float, after: float) -> float:
    """The shortest number near an edge that lies between two neighbouring values, beyond the edge before it."""
    aim = edge if max(below, after) < edge < above else (max(below, after) + above) / 2
    for digits in range(_DIGITS, _MOST_DIGITS):
        found = float(f"{aim:.{digits - 1}e}")
        if below < found < above and found > after:
            return found
    return max(edge, after)


def outward(value: float, *, down: bool) -> float:
    """The next number of three digits at or below a value, or at or above it."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - _DIGITS + 1)
    steps = math.floor(value / unit) if down else math.ceil(value / unit)
    found = float(f"{steps * unit:.{_DIGITS - 1}e}")
    is_outside = found <= value if down else found >= value
    return found if is_outside else value
