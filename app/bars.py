"""Bars beside names: values with their errors from zero, and parts that add up, on one scale for all rows."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from app.charts import Scale
from app.views.base import PixelBox
from app.views.plots import Whisker

WIDTH: Final = 200.0
HEIGHT: Final = 16.0
PART_WIDTH: Final = 100.0
PART_HEIGHT: Final = 8.0
_MARGIN: Final = 2.0


def whiskers(values: Sequence[float], errors: Sequence[float | None]) -> tuple[Whisker, ...]:
    """A bar for each value with one standard error to both sides; zero is always on the scale."""
    known = [(value, error or 0.0) for value, error in zip(values, errors, strict=True)]
    low = min([0.0, *(value - error for value, error in known)])
    high = max([0.0, *(value + error for value, error in known)])
    x = Scale(low, high if high > low else low + 1.0, _MARGIN, WIDTH - _MARGIN)
    return tuple(_whisker(x, value, error) for value, error in zip(values, errors, strict=True))


def _whisker(x: Scale, value: float, error: float | None) -> Whisker:
    zero, end = x(0.0), x(value)
    return Whisker(
        width=WIDTH,
        height=HEIGHT,
        zero=zero,
        left=min(zero, end),
        length=round(abs(end - zero), 2),
        low=None if error is None else x(value - error),
        high=None if error is None else x(value + error),
    )


def parts(values: Sequence[float]) -> tuple[float, tuple[float, ...], tuple[PixelBox, ...]]:
    """Where zero is, where each part starts, and its bar: each from where the one before ended."""
    ends = list(accumulate(values, initial=0.0))
    low, high = min(ends), max(ends)
    x = Scale(low, high if high > low else low + 1.0, 0.0, PART_WIDTH)
    boxes = tuple(_part(x, start, start + value) for start, value in zip(ends, values, strict=False))
    return x(0.0), tuple(ends[:-1]), boxes


def _part(x: Scale, start: float, end: float) -> PixelBox:
    left, right = sorted((x(start), x(end)))
    return PixelBox(x=left, y=1.0, width=round(max(right - left, 0.3), 2), height=PART_HEIGHT - 2)
