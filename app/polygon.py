"""Shares of several as places in a polygon: the simplex plot, for any number of corners from two on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.views.plots import Area, Corner, PolygonChart, PolygonPoint

AREA = Area(width=440, height=330, left=70, top=34, right=370, bottom=294)
_SMALL, _LARGE = 2.5, 7.0


@dataclass(frozen=True)
class Shared:
    """A thing to place: its shares sum to 1; ``weight`` in [0, 1] is how large it is drawn."""

    key: str
    label: str
    shares: tuple[float, ...]
    weight: float
    url: str


def polygon(things: Sequence[Shared], *, corners: Sequence[str], title: str, area: Area = AREA) -> PolygonChart:
    """``(x, y) = sum_i p_i v_i`` with v the corners of a regular polygon, the first on top; largest things first."""
    places = _places(len(corners), area)
    points = tuple(
        PolygonPoint(
            key=one.key,
            label=one.label,
            x=round(sum(p * x for p, (x, _) in zip(one.shares, places, strict=True)), 2),
            y=round(sum(p * y for p, (_, y) in zip(one.shares, places, strict=True)), 2),
            radius=round(_SMALL + (_LARGE - _SMALL) * math.sqrt(max(one.weight, 0.0)), 2),
            shares=one.shares,
            url=one.url,
        )
        for one in sorted(things, key=lambda one: (-one.weight, one.key))
    )
    return PolygonChart(
        title=title,
        description=_describe(things, corners),
        area=area,
        corners=tuple(_corner(name, at, area) for name, at in zip(corners, places, strict=True)),
        outline=" ".join(f"{x:g},{y:g}" for x, y in places),
        points=points,
    )


def _places(n: int, area: Area) -> list[tuple[float, float]]:
    """Corners of a regular polygon that fills the inner rectangle; of two, its left and right end."""
    if n == 2:
        middle = (area.top + area.bottom) / 2
        return [(area.left, middle), (area.right, middle)]
    angles = [2 * math.pi * corner / n for corner in range(n)]
    raw = [(math.sin(angle), -math.cos(angle)) for angle in angles]
    low_x, high_x = min(x for x, _ in raw), max(x for x, _ in raw)
    low_y, high_y = min(y for _, y in raw), max(y for _, y in raw)
    scale = min((area.right - area.left) / (high_x - low_x), (area.bottom - area.top) / (high_y - low_y))
    centre = (area.left + area.right) / 2
    return [(round(centre + x * scale, 2), round(area.top + (y - low_y) * scale, 2)) for x, y in raw]


def _corner(label: str, at: tuple[float, float], area: Area) -> Corner:
    x, y = at
    centre = (area.left + area.right) / 2
    down = -12.0 if y <= (area.top + area.bottom) / 2 else 22.0
    return Corner(label=label, x=x, y=y, text_x=_inside(x, label, centre), text_y=y + down)


def _inside(x: float, label: str, centre: float) -> float:
    """Moved towards the middle as far as the name would leave the drawing."""
    half = len(label) * 6.1 / 2 + 2
    return min(max(x, half), 2 * centre - half)


def _describe(things: Sequence[Shared], corners: Sequence[str]) -> str:
    if not things:
        return "Nothing to show."
    even = sum(min(one.shares) >= 0.5 / len(corners) for one in things)
    alone = sum(max(one.shares) >= 0.9 for one in things)
    return f"{len(things):,} between {', '.join(corners)}; {even:,} near the middle, {alone:,} in a corner."
