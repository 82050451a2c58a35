"""Which sheet of crops a concept is on: a pyramid over the map, the most important concepts on its top."""

from typing import Any, Final

import numpy as np
from jaxtyping import Int64, UInt8

from app.mapping.channels import ABSENT

PER_SHEET: Final = 64
DEEPEST: Final = 12
_BITS: Final = 16
Integers = Int64[np.ndarray, " K"]
Array = np.ndarray[Any, Any]


def by_importance(importance: UInt8[np.ndarray, " K"]) -> Integers:
    """Concepts from the most important on, by the codes that browsers have; equal and absent ones by index, last."""
    return np.argsort(np.where(importance == ABSENT, 256, 254 - importance.astype(np.int64)), kind="stable")


def make_levels(x: Array, y: Array, *, order: Integers) -> Integers:
    """Sheet of each concept ``[K 4]``: level, column, row, slot; -1 for those that ``order`` leaves out.

    Level L cuts the map into 2^L x 2^L squares. In ``order``, a concept goes to the first level whose square has a free
    one of 64 slots; what finds none down to level 12 is on no sheet.
    """
    found = np.full((len(x), 4), -1, dtype=np.int64)
    waiting = np.asarray(order, dtype=np.int64)
    for level in range(DEEPEST + 1):
        cols, rows = x[waiting].astype(np.int64) >> (_BITS - level), y[waiting].astype(np.int64) >> (_BITS - level)
        slots = _places_within(cols << _BITS | rows)
        fits = slots < PER_SHEET
        found[waiting[fits]] = np.stack([np.full(len(cols), level), cols, rows, slots], axis=1)[fits]
        waiting = waiting[~fits]
    return found


def _places_within(groups: Integers) -> Integers:
    """How many before each have the same group."""
    order = np.argsort(groups, kind="stable")
    starts = np.r_[True, np.diff(groups[order]) != 0] if len(groups) else np.zeros(0, dtype=np.bool_)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(groups)), 0))
    places = np.empty(len(groups), dtype=np.int64)
    places[order] = np.arange(len(groups)) - first
    return places
