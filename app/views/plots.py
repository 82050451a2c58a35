"""Geometry of plots: what SVG macros draw without any arithmetic. Made by ``app/charts.py``.

All coordinates are user units of ``viewBox="0 0 {area.width} {area.height}"``; y grows downwards.
"""

from pydantic import Field

from app.views.base import PixelBox, View


class Area(View):
    """Size of the whole drawing and the inner rectangle that holds the data."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float


class Tick(View):
    """A tick: its place along the axis in user units, and its text."""

    at: float
    label: str


class Axis(View):
    """An axis; ``x`` ticks are x coordinates, ``y`` ticks y coordinates."""

    label: str = Field(description="title with its unit")
    ticks: tuple[Tick, ...]
    log: bool = False


class Bar(View):
    """A bar with the interval and count that it stands for."""

    x: float
    y: float
    width: float
    height: float
    low: float
    high: float
    count: int
    url: str = Field("", description="grid filtered to this interval, when that makes sense")


class Whisker(View):
    """A bar from zero to a value and the line of its standard error, in a field of ``width`` and ``height``."""

    width: float
    height: float
    zero: float = Field(description="x of the value 0")
    left: float
    length: float
    low: float | None = Field(description="x of the value less one standard error; None where that is unknown")
    high: float | None


class Span(View):
    """A shaded interval along x, over the whole height of the data rectangle (a band of a concept)."""

    key: str
    label: str
    x: float
    width: float
    low: float
    high: float


class BarChart(View):
    """A histogram. ``bars`` is its table twin, too."""

    title: str
    description: str = Field(description="one sentence with the main finding, for <desc>")
    area: Area
    x: Axis
    y: Axis
    bars: tuple[Bar, ...]
    spans: tuple[Span, ...] = ()


class Overlay(View):
    """Two histograms over the same bins, each as shares of its own total: what was found, and what chance gives."""

    title: str
    description: str
    area: Area
    x: Axis
    y: Axis
    bars: tuple[Bar, ...]
    null: tuple[Bar, ...]
    label: str
    null_label: str


class Line(View):
    """A polyline; ``points`` is ready for <polyline points>, ``rows`` its values (x, y) for the table twin."""

    key: str
    label: str
    points: str
    rows: tuple[tuple[float, float], ...]
    last_x: float = Field(description="where the line ends: a place for its label")
    last_y: float


class LineChart(View):
    """One or several curves over one x axis."""

    title: str
    description: str
    area: Area
    x: Axis
    y: Axis
    lines: tuple[Line, ...]

    @property
    def is_shared(self) -> bool:
        """Whether all lines have the same x, so that one row of a table holds a value of each."""
        return len({tuple(x for x, _ in line.rows) for line in self.lines}) == 1


class Cell(View):
    """A cell of a two-dimensional histogram; ``level`` in (0, 1] is for opacity."""

    x: float
    y: float
    width: float
    height: float
    level: float
    count: int
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    url: str = ""


class CellChart(View):
    """A two-dimensional histogram; empty cells are left out."""

    title: str
    description: str
    area: Area
    x: Axis
    y: Axis
    cells: tuple[Cell, ...]
    x_range: tuple[float, float] | None = Field(None, description="numbers at ``area.left`` and ``area.right``")
    y_range: tuple[float, float] | None = Field(None, description="numbers at ``area.bottom`` and ``area.top``")
    chosen: PixelBox | None = Field(None, description="what is picked out of it")


class Gauge(View):
    """One value on its range. ``value``, ``nulls`` and ``peers`` are x coordinates on the line y = ``middle``."""

    width: float
    height: float
    middle: float
    left: float
    right: float
    low: float = Field(description="number at ``left``")
    high: float = Field(description="number at ``right``")
    open_low: bool = Field(description="the range goes on to the left of what is drawn")
    open_high: bool = Field(description="the range goes on to the right of what is drawn")
    value: float
    nulls: tuple[float, ...] = Field(description="the first is the one to compare with")
    peers: tuple[float, ...]


class Point(View):
    """A labelled point with its values; ``text`` is empty where there is no room for a label."""

    key: str
    label: str = Field(description="what the point stands for, in full")
    x: float
    y: float
    x_value: float
    y_value: float
    best: bool = Field(description="no other point is at least as good in both and better in one")
    url: str = ""
    text: str = ""
    text_x: float = 0.0
    text_y: float = 0.0
    anchor: str = "start"


class ScatterChart(View):
    """Points over two axes; ``front`` is ready for <polyline points> and joins the best ones."""

    title: str
    description: str
    area: Area
    x: Axis
    y: Axis
    points: tuple[Point, ...]
    front: str


class PolygonPoint(View):
    """A thing between the corners of a polygon, by its shares."""

    key: str
    label: str
    x: float
    y: float
    radius: float
    shares: tuple[float, ...]
    url: str


class Corner(View):
    """A corner and where its name goes."""

    label: str
    x: float
    y: float
    text_x: float
    text_y: float


class PolygonChart(View):
    """Things placed by their shares of three or more: a share of 1 is a corner, equal shares the middle."""

    title: str
    description: str
    area: Area
    corners: tuple[Corner, ...]
    outline: str = Field(description="points of the polygon")
    points: tuple[PolygonPoint, ...]
