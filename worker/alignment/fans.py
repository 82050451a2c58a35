"""Splits and merges: a concept in whose place several of the other side fire."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from store.alignment.sides import Side
from worker.alignment.finding import Found

TWIN = 0.5
LEAST_SHARE, LEAST_INSIDE, LEAST_COVERED, FEWEST_PARTS = 0.1, 0.5, 0.75, 2
_BLOCK_CONCEPTS = 256


@dataclass(frozen=True)
class Fans:
    """Parts of the split concepts of a side, whole by whole, by index within; ``covered`` is the whole's."""

    whole: Int64[np.ndarray, " m"]
    part: Int64[np.ndarray, " m"]
    share: Float64[np.ndarray, " m"]
    inside: Float64[np.ndarray, " m"]
    correlation: Float64[np.ndarray, " m"]
    covered: Float64[np.ndarray, " m"]


def find_fans(found: Found, side: Side, *, level: float) -> Fans:
    """Concepts of a side that are split, with their parts.

    With n_i tokens where concept i fires, n_j where j of the other side does, n_ij where both do (all images): i and j
    are twins when ``n_ij / (n_i + n_j - n_ij) >= 1/2``. A concept i without a twin is split into concepts j without
    twins when there are at least two with ``n_ij / n_i >= 1/10`` (share), ``n_ij / n_j >= 1/2`` (inside) and a
    correlation at or above ``level`` of the null, and ``sum_j n_ij / n_i >= 3/4``. The sum is what the parts cover
    at most, as if they never fired together.
    """
    both = found.tally.both if side is Side.A else found.tally.both.T
    n_whole, n_part = found.firing(side), found.firing(side.other)
    is_twin, is_twin_part = _twins(both, n_whole, n_part)
    wholes, parts = [], []
    for start in range(0, len(n_whole), _BLOCK_CONCEPTS):
        block = both[start : start + _BLOCK_CONCEPTS].astype(np.float64)
        n = n_whole[start : start + _BLOCK_CONCEPTS, None]
        enough = (block > 0) & (block >= LEAST_SHARE * n) & (block >= LEAST_INSIDE * n_part[None])
        enough &= ~is_twin[start : start + _BLOCK_CONCEPTS, None] & ~is_twin_part[None]
        i, j = np.nonzero(enough)
        wholes.append(i + start)
        parts.append(j)
    return _kept(found, side, np.concatenate(wholes), np.concatenate(parts), level=level)


def _twins(
    both: Int32[np.ndarray, "K J"], n_whole: Int64[np.ndarray, " K"], n_part: Int64[np.ndarray, " J"]
) -> tuple[Bool[np.ndarray, " K"], Bool[np.ndarray, " J"]]:
    """Which concepts of either side have a twin."""
    whole, part = np.zeros(len(n_whole), dtype=bool), np.zeros(len(n_part), dtype=bool)
    for start in range(0, len(n_whole), _BLOCK_CONCEPTS):
        block = both[start : start + _BLOCK_CONCEPTS].astype(np.float64)
        either = n_whole[start : start + _BLOCK_CONCEPTS, None] + n_part[None] - block
        alike = (block > 0) & (block >= TWIN * either)
        whole[start : start + _BLOCK_CONCEPTS] = alike.any(axis=1)
        part |= alike.any(axis=0)
    return whole, part


def _kept(
    found: Found, side: Side, whole: Int64[np.ndarray, " c"], part: Int64[np.ndarray, " c"], *, level: float
) -> Fans:
    """Those of the candidates that correlate, and whose wholes have enough of them."""
    a, b = (whole, part) if side is Side.A else (part, whole)
    correlation = found.correlations.of_pairs(a, b)
    above = found.null.lower_percentile(correlation) >= level
    whole, part, a, b, correlation = whole[above], part[above], a[above], b[above], correlation[above]
    both = found.tally.both[a, b].astype(np.float64)
    share, inside = both / found.firing(side)[whole], both / found.firing(side.other)[part]
    n_concepts = len(found.firing(side))
    covered = np.minimum(np.bincount(whole, share, minlength=n_concepts), 1.0)
    is_split = (covered >= LEAST_COVERED) & (np.bincount(whole, minlength=n_concepts) >= FEWEST_PARTS)
    kept = np.flatnonzero(is_split[whole])
    return Fans(whole[kept], part[kept], share[kept], inside[kept], correlation[kept], covered[whole[kept]])
