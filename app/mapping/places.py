"""Where concepts lie: the map's own units, the picture they are drawn on, and the part of it that is looked at.

Map units are those of ``map_x`` and ``map_y``, 0 to 65535 on both axes. The picture is 1000 x 700; a margin keeps what
lies at the edge whole::

    X = 1000 (m + (1 - 2 m) map_x / 65535),   Y = 700 (m + (1 - 2 m) map_y / 65535),   m = 0.035
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float64

LARGEST: Final = 65535
WIDTH: Final = 1000
HEIGHT: Final = 700
MARGIN: Final = 0.035
ZOOM_MAX: Final = 64.0
Floats = Float64[np.ndarray, " K"]


def to_x(map_x: Any) -> Any:
    """Picture x of a place."""
    return WIDTH * (MARGIN + (1 - 2 * MARGIN) * map_x / LARGEST)


def to_y(map_y: Any) -> Any:
    """Picture y of a place."""
    return HEIGHT * (MARGIN + (1 - 2 * MARGIN) * map_y / LARGEST)


@dataclass(frozen=True)
class Window:
    """What is looked at: a centre in map units and how many times nearer than the whole."""

    x: float = LARGEST / 2
    y: float = LARGEST / 2
    zoom: float = 1.0

    @property
    def is_whole(self) -> bool:
        """Whether all of the map is in view."""
        return self == Window()

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """As it stands in an address; nothing of the whole."""
        if self.is_whole:
            return ()
        return (("x", f"{self.x:.6g}"), ("y", f"{self.y:.6g}"), ("zoom", f"{self.zoom:.4g}"))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width, height on the picture."""
        width, height = WIDTH / self.zoom, HEIGHT / self.zoom
        return float(to_x(self.x)) - width / 2, float(to_y(self.y)) - height / 2, width, height

    def holds(self, x: Floats, y: Floats) -> Bool[np.ndarray, " K"]:
        """Which of some places, in map units, are in view."""
        left, top, width, height = self.box
        at_x, at_y = to_x(x), to_y(y)
        return np.asarray((at_x >= left) & (at_x <= left + width) & (at_y >= top) & (at_y <= top + height))


@dataclass(frozen=True)
class Polygon:
    """A part of the map with straight sides: corners in map units, in order."""

    corners: tuple[tuple[float, float], ...]

    @property
    def text(self) -> str:
        """As it stands in an address: ``x.y`` of each corner, in whole units."""
        return ",".join(f"{x:.0f}.{y:.0f}" for x, y in self.corners)

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """Left, right, top and bottom when it is an upright rectangle."""
        xs, ys = {x for x, _ in self.corners}, {y for _, y in self.corners}
        is_upright = len(self.corners) == 4 and len(xs) == 2 and len(ys) == 2
        return (min(xs), max(xs), min(ys), max(ys)) if is_upright else None

    def holds(self, x: Floats, y: Floats) -> Bool[np.ndarray, " K"]:
        """Which of some places lie inside, by the parity of the sides to their right; of a rectangle, edges too."""
        if self.bounds is not None:
            left, right, top, bottom = self.bounds
            return (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        inside = np.zeros(len(x), dtype=np.bool_)
        for (ax, ay), (bx, by) in zip(self.corners, (*self.corners[1:], self.corners[0]), strict=True):
            if ay == by:
                continue
            crosses = (ay > y) != (by > y)
            inside ^= crosses & (x < ax + (y - ay) * (bx - ax) / (by - ay))
        return inside
