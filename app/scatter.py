"""Two numbers of several things against each other: which are not beaten in both, and where their labels go."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from app.charts import Scale
from app.views.plots import Area, Point, ScatterChart

Way = Literal["higher", "lower"]
AREA = Area(width=440, height=280, left=60, top=14, right=430, bottom=240)
_LETTER, _ASCENT, _DESCENT = 6.1, 9.0, 3.0  # of the 11 px labels, in user units
_STEP = 4.0  # distance of the points that stand for a line
_PLACES = (
    (9, 4, "start"),
    (-9, 4, "end"),
    (-7, -6, "end"),
    (7, 14, "start"),
    (7, -6, "start"),
    (-7, 14, "end"),
    (0, -9, "middle"),
    (0, 19, "middle"),
)
_MARK = 6.0  # half the side of the square that a mark keeps free
_PAD = 0.07  # margin of the axes as a share of the spread
_EQUAL = 1e-9  # a spread or a number that is none
_LOG_FROM = 8.0  # a ratio of largest to smallest from which an axis is logarithmic


@dataclass(frozen=True)
class Spot:
    """A thing to place: its full name, the texts that may label it (longest first) and its two values."""

    key: str
    label: str
    texts: tuple[str, ...]
    x: float
    y: float
    url: str = ""


@dataclass(frozen=True)
class Side:
    """An axis: its title and which way is better."""

    label: str
    better: Way


def front_of(points: Sequence[tuple[float, float]], *, better: tuple[Way, Way]) -> list[int]:
    """Indices of the points that no other beats: at least as good in both and better in one; by x.

    O(n log n): from the best x on, a point is kept when its y is better than every y before it. Equal points are all
    kept, as none of them beats another.
    """
    signs = [1.0 if way == "higher" else -1.0 for way in better]
    good = [(x * signs[0], y * signs[1]) for x, y in points]
    order = sorted(range(len(good)), key=lambda index: (-good[index][0], -good[index][1]))
    kept: list[int] = []
    for index in order:
        if not kept or good[index][1] > good[kept[-1]][1] or good[index] == good[kept[-1]]:
            kept.append(index)
    return sorted(kept, key=lambda index: (*points[index], index))


def scatter(spots: Sequence[Spot], *, title: str, x: Side, y: Side, area: Area = AREA) -> ScatterChart:
    """Marks with labels; the marks on the front are joined by a line."""
    scales = _scale([s.x for s in spots], area.left, area.right), _scale([s.y for s in spots], area.bottom, area.top)
    front = front_of([(spot.x, spot.y) for spot in spots], better=(x.better, y.better))
    places = [(scales[0](spot.x), scales[1](spot.y)) for spot in spots]
    line = sorted({places[index] for index in front})
    labels = _labels(spots, places, first=front, line=line, area=area)
    points = tuple(
        Point(
            key=spot.key,
            label=spot.label,
            x=at[0],
            y=at[1],
            x_value=spot.x,
            y_value=spot.y,
            best=index in front,
            url=spot.url,
            **labels.get(index, {}),
        )
        for index, (spot, at) in enumerate(zip(spots, places, strict=True))
    )
    return ScatterChart(
        title=title,
        description=_describe(spots, front),
        area=area,
        x=scales[0].axis(f"{x.label} (log)" if scales[0].log else x.label),
        y=scales[1].axis(y.label, n_ticks=5),
        points=points,
        front=" ".join(f"{a:g},{b:g}" for a, b in line),
    )


def _describe(spots: Sequence[Spot], front: Sequence[int]) -> str:
    if not spots:
        return "Nothing to show."
    names = "; ".join(spots[index].label for index in front)
    return f"{len(front)} of {len(spots)} are beaten by no other in both: {names}."


def _scale(values: Sequence[float], start: float, end: float) -> Scale:
    """An axis a little wider than its values; logarithmic when they span most of a power of ten."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low > _EQUAL and high / low >= _LOG_FROM:
        widen = (high / low) ** _PAD
        return Scale(low / widen, high * widen, start, end, log=True)
    spread = high - low
    pad = _PAD * (spread if spread > _EQUAL else abs(high)) or _PAD
    return Scale(low - pad, high + pad, start, end)


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "_Box") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def _around(places: Iterable[tuple[float, float]], reach: float) -> list[_Box]:
    return [_Box(a - reach, b - reach, a + reach, b + reach) for a, b in places]


def _labels(
    spots: Sequence[Spot],
    places: Sequence[tuple[float, float]],
    *,
    first: Sequence[int],
    line: Sequence[tuple[float, float]],
    area: Area,
) -> dict[int, dict[str, object]]:
    """Text and place of each label that fits beside its mark without touching a mark, the line or another label."""
    taken = [*_around(places, _MARK), *_around(_along(line), 1.0)]
    found: dict[int, dict[str, object]] = {}
    for index in (*first, *(other for other in range(len(spots)) if other not in first)):
        for label, box in _tries(spots[index].texts, places[index]):
            inside = box.left >= area.left and box.right <= area.width and box.top >= 0 and box.bottom <= area.bottom
            if inside and not any(box.meets(other) for other in taken):
                taken.append(box)
                found[index] = label
                break
    return found


def _along(line: Sequence[tuple[float, float]]) -> Iterable[tuple[float, float]]:
    """Points on a line, close enough for no label to lie between two of them."""
    for (x1, y1), (x2, y2) in pairwise(line):
        n = math.ceil(max(abs(x2 - x1), abs(y2 - y1)) / _STEP)
        yield from ((x1 + (x2 - x1) * step / n, y1 + (y2 - y1) * step / n) for step in range(n + 1))


def _tries(texts: Sequence[str], at: tuple[float, float]) -> Iterable[tuple[dict[str, object], _Box]]:
    """Eight places around the mark, with the longest text first."""
    for text in texts:
        width = len(text) * _LETTER
        for dx, dy, anchor in _PLACES:
            x, y = round(at[0] + dx, 2), round(at[1] + dy, 2)
            left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
            label: dict[str, object] = {"text": text, "text_x": x, "text_y": y, "anchor": anchor}
            yield label, _Box(left, y - _ASCENT, left + width, y + _DESCENT)
