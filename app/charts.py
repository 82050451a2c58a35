"""Arrays into geometry: histograms, curves and two-dimensional histograms, with ticks at nice numbers.

Pure functions; the result is drawn by SVG macros without arithmetic (``app/views/plots.py``).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.views.base import PixelBox
from app.views.plots import Area, Axis, Bar, BarChart, Cell, CellChart, Gauge, Line, LineChart, Overlay, Span, Tick

LARGE = Area(width=480, height=220, left=56, top=12, right=468, bottom=176)
MATRIX = Area(width=280, height=112, left=6, top=6, right=274, bottom=90)
THIRD = Area(width=340, height=196, left=46, top=10, right=334, bottom=152)
THIRD_LOG = Area(width=340, height=196, left=60, top=10, right=334, bottom=152)
Interval = tuple[float | None, float | None]
GAUGE_WIDTH, GAUGE_HEIGHT, GAUGE_LEFT = 176.0, 20.0, 6.0
_HALF_A_COUNT = 0.5  # where a logarithmic count axis starts, so that a single count has a height

_DIGITS, _MOST_DIGITS = 3, 8  # significant ones of a tick


@dataclass(frozen=True)
class Scale:
    """Maps values in [low, high] to user units in [start, end], evenly or by their logarithm; clamps outside."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The coordinate of a value."""
        low, high, at = (_log(v) if self.log else v for v in (self.low, self.high, value))
        share = 0.5 if high == low else min(max((at - low) / (high - low), 0.0), 1.0)
        return round(self.start + share * (self.end - self.start), 2)

    def axis(self, label: str, *, n_ticks: int = 5) -> Axis:
        """Its axis with ticks at nice numbers."""
        values = log_ticks(self.low, self.high, n=n_ticks) if self.log else nice_ticks(self.low, self.high, n=n_ticks)
        ticks = tuple(Tick(at=self(v), label=text) for v, text in zip(values, tick_labels(values), strict=True))
        return Axis(label=label, ticks=ticks, log=self.log)


def nice_ticks(low: float, high: float, *, n: int = 5) -> list[float]:
    """At most about ``n`` multiples of 1, 2 or 5 times a power of ten inside [low, high]."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    raw = (high - low) / max(n, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def log_ticks(low: float, high: float, *, n: int = 5) -> list[float]:
    """Powers of ten inside [low, high], thinned to at most about ``n``; nice numbers when there are fewer than two."""
    first, last = math.ceil(_log(low) - 1e-9), math.floor(_log(high) + 1e-9)
    if last - first < 1:
        few = nice_ticks(low, high, n=min(n, 3))
        return few if len(few) > 1 else nice_ticks(low, high, n=n)
    step = math.ceil((last - first + 1) / max(n, 1))
    return [float(f"1e{power}") for power in range(first, last + 1, step)]


def tick_labels(values: Sequence[float]) -> list[str]:
    """Short numbers, with as many digits as it takes to tell them apart."""
    for digits in range(_DIGITS, _MOST_DIGITS):
        labels = [tick_label(value, digits=digits) for value in values]
        if len(set(labels)) == len(values):
            return labels
    return [f"{value:.12g}" for value in values]


def tick_label(value: float, *, digits: int = _DIGITS) -> str:
    """A short number: 0.001, 250, 10k, 2M, 1e-5."""
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-3:
        return f"{value:.{digits - _DIGITS}e}".replace("e-0", "e-")
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= unit:
            return f"{value / (1e3 if name == 'k' else unit):.{digits}g}{name}"
    return f"{value:.{max(digits, 4) if size >= 1e3 else digits}g}"


def histogram(  # noqa: PLR0913 a drawing has many words
    edges: Sequence[float],
    counts: Sequence[int],
    *,
    title: str,
    x_label: str,
    what: str,
    area: Area = LARGE,
    log_x: bool = True,
    log_y: bool = False,
    spans: Sequence[tuple[str, str, float, float]] = (),
    url_for: Callable[[float, float], str] | None = None,
) -> BarChart:
    """Bars of ``counts [n]`` between ``edges [n + 1]``; ``spans`` are (key, label, low, high) intervals to shade."""
    low, high = (edges[0], edges[-1]) if edges else (1.0, 10.0)
    x = Scale(low, high, area.left, area.right, log=log_x and low > 0)
    y = Scale(_HALF_A_COUNT if log_y else 0, max([*counts, 1]), area.bottom, area.top, log=log_y)
    bars = tuple(
        _bar(x, y, left, right, count=count, url_for=url_for)
        for left, right, count in zip(edges, edges[1:], counts, strict=False)
    )
    return BarChart(
        title=title,
        description=_describe(edges, counts, what),
        area=area,
        x=x.axis(x_label),
        y=y.axis(f"{what} (log)" if log_y else what, n_ticks=4),
        bars=bars,
        spans=tuple(_span(x, *span) for span in spans),
    )


def overlay(  # noqa: PLR0913 a drawing has many words
    edges: Sequence[float],
    counts: Sequence[int],
    *,
    null: Sequence[int],
    title: str,
    x_label: str,
    labels: tuple[str, str],
    area: Area = LARGE,
    bins: tuple[int, int] | None = None,
    url_for: Callable[[float, float], str] | None = None,
) -> Overlay:
    """Shares of ``counts [n]`` and ``null [n]`` between ``edges [n + 1]``, for ``bins`` or ``used_bins``."""
    first, last = bins or used_bins(counts, null)
    edges, counts, null = edges[first : last + 1], counts[first:last], null[first:last]
    x = Scale(edges[0], edges[-1], area.left, area.right)
    totals = max(sum(counts), 1), max(sum(null), 1)
    highest = max(
        [count / total for many, total in zip((counts, null), totals, strict=True) for count in many], default=0
    )
    y = Scale(0, highest or 1, area.bottom, area.top)
    found, chance = (
        tuple(
            _share_bar(x, y, low, high, count=count, total=total, url_for=url_for if many is counts else None)
            for low, high, count in zip(edges, edges[1:], many, strict=False)
        )
        for many, total in zip((counts, null), totals, strict=True)
    )
    return Overlay(
        title=title,
        description=_describe(edges, counts, labels[0]),
        area=area,
        x=x.axis(x_label),
        y=y.axis("share", n_ticks=4),
        bars=found,
        null=chance,
        label=labels[0],
        null_label=labels[1],
    )


def used_bins(*counts: Sequence[int]) -> tuple[int, int]:
    """The first bin in which anything is, and the one after the last: empty ends are cut off."""
    used = [place for place, many in enumerate(zip(*counts, strict=True)) if any(many)] or [0]
    return used[0], used[-1] + 1


def _share_bar(
    x: Scale,
    y: Scale,
    low: float,
    high: float,
    *,
    count: int,
    total: int,
    url_for: Callable[[float, float], str] | None,
) -> Bar:
    left, right, top = x(low), x(high), y(count / total)
    url = url_for(low, high) if url_for and count else ""
    height = round(y.start - top, 2)
    return Bar(x=left, y=top, width=round(right - left, 2), height=height, low=low, high=high, count=count, url=url)


def _bar(
    x: Scale, y: Scale, low: float, high: float, *, count: int, url_for: Callable[[float, float], str] | None
) -> Bar:
    left, right = x(low), x(high)
    top = y(count) if count else y.start
    url = url_for(low, high) if url_for and count else ""
    width = max(round(right - left, 2), 0.5)
    return Bar(x=left, y=top, width=width, height=round(y.start - top, 2), low=low, high=high, count=count, url=url)


def _span(x: Scale, key: str, label: str, low: float, high: float) -> Span:
    left, right = x(max(low, x.low)), x(min(high, x.high))
    return Span(key=key, label=label, x=left, width=round(max(right - left, 0), 2), low=low, high=high)


def _describe(edges: Sequence[float], counts: Sequence[int], what: str) -> str:
    total = sum(counts)
    if not total:
        return f"No {what} to show."
    most = max(range(len(counts)), key=lambda index: counts[index])
    between = f"{tick_label(edges[most])} and {tick_label(edges[most + 1])}"
    return f"{total:,} {what} from {tick_label(edges[0])} to {tick_label(edges[-1])}; most lie between {between}."


@dataclass(frozen=True)
class Series:
    """A named sequence of points (x, y)."""

    key: str
    label: str
    points: tuple[tuple[float, float], ...]


def curves(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_label: str,
    area: Area = LARGE,
    log_x: bool = False,
    from_zero: bool = True,
) -> LineChart:
    """Polylines over one pair of axes; y starts at 0 or below, unless told otherwise."""
    points = [point for one in series for point in one.points] or [(0.0, 0.0)]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    x = Scale(min(xs), max(xs), area.left, area.right, log=log_x and min(xs) > 0)
    bottom = min([*ys, 0.0] if from_zero else ys)
    y = Scale(bottom, max(ys) if max(ys) > bottom else bottom + 1, area.bottom, area.top)
    lines = tuple(_line(one, x, y) for one in series if one.points)
    ends = "; ".join(f"{one.label} ends at {one.points[-1][1]:.3g}" for one in series if one.points)
    return LineChart(
        title=title,
        description=f"{ends}." if ends else "Nothing to show.",
        area=area,
        x=x.axis(x_label),
        y=y.axis(y_label, n_ticks=4),
        lines=lines,
    )


def _line(series: Series, x: Scale, y: Scale) -> Line:
    placed = [(x(a), y(b)) for a, b in series.points]
    text = " ".join(f"{a:g},{b:g}" for a, b in placed)
    last_x, last_y = placed[-1]
    return Line(key=series.key, label=series.label, points=text, rows=series.points, last_x=last_x, last_y=last_y)


def thinned(n: int, *, most: int = 120) -> list[int]:
    """At most ``most`` indices of a sequence of ``n``, spread evenly by logarithm, first and last included."""
    if n <= most:
        return list(range(n))
    return sorted({round(n ** (step / (most - 1))) - 1 for step in range(most)})


def cell_counts(
    points: Sequence[tuple[float, float]], *, n_bins: int = 24
) -> tuple[list[float], list[float], dict[tuple[int, int], int]]:
    """Log-spaced edges of both axes and the count of each non-empty cell (column, row); points are positive."""
    edges = []
    for axis in (0, 1):
        low, high = min(p[axis] for p in points), max(p[axis] for p in points)
        if high < low * 1.001:  # edges between them could not be told apart
            low, high = low / 1.1, high * 1.1
        edges.append([math.exp(math.log(low) + (math.log(high / low)) * step / n_bins) for step in range(n_bins + 1)])
    counts: dict[tuple[int, int], int] = {}
    for point in points:
        place = _place(point[0], edges[0]), _place(point[1], edges[1])
        counts[place] = counts.get(place, 0) + 1
    return edges[0], edges[1], counts


def _place(value: float, edges: Sequence[float]) -> int:
    share = math.log(value / edges[0]) / math.log(edges[-1] / edges[0])
    return min(max(int(share * (len(edges) - 1)), 0), len(edges) - 2)


def cells(
    points: Sequence[tuple[float, float]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    area: Area = LARGE,
    url_for: Callable[[tuple[float, float], tuple[float, float]], str] | None = None,
    chosen: tuple[Interval, Interval] | None = None,
) -> CellChart:
    """A two-dimensional histogram of positive points on logarithmic axes; ``level`` grows with log(1 + count).

    ``chosen`` is what is picked out of it along x and y; a bound that is None lies at the edge.
    """
    if not points:
        empty = Axis(label="", ticks=())
        return CellChart(title=title, description="Nothing to show.", area=area, x=empty, y=empty, cells=())
    x_edges, y_edges, counts = cell_counts(points)
    x = Scale(x_edges[0], x_edges[-1], area.left, area.right, log=True)
    y = Scale(y_edges[0], y_edges[-1], area.bottom, area.top, log=True)
    most = max(counts.values())
    drawn = tuple(
        _cell(x, y, x_edges[column : column + 2], y_edges[row : row + 2], count=count, most=most, url_for=url_for)
        for (column, row), count in sorted(counts.items())
    )
    description = f"{len(points):,} concepts in {len(drawn)} cells; the fullest holds {most:,}."
    return CellChart(
        title=title,
        description=description,
        area=area,
        x=x.axis(x_label),
        y=y.axis(y_label),
        cells=drawn,
        x_range=(x.low, x.high),
        y_range=(y.low, y.high),
        chosen=_rectangle(x, y, chosen) if chosen else None,
    )


def _cell(
    x: Scale,
    y: Scale,
    x_edges: Sequence[float],
    y_edges: Sequence[float],
    *,
    count: int,
    most: int,
    url_for: Callable[[tuple[float, float], tuple[float, float]], str] | None,
) -> Cell:
    (x_low, x_high), (y_low, y_high) = x_edges, y_edges
    return Cell(
        x=x(x_low),
        y=y(y_high),
        width=round(x(x_high) - x(x_low), 2),
        height=round(y(y_low) - y(y_high), 2),
        level=round(math.log1p(count) / math.log1p(most), 3),
        count=count,
        x_low=x_low,
        x_high=x_high,
        y_low=y_low,
        y_high=y_high,
        url=url_for((x_low, x_high), (y_low, y_high)) if url_for else "",
    )


def _rectangle(x: Scale, y: Scale, chosen: tuple[Interval, Interval]) -> PixelBox:
    (left, right), (bottom, top) = (
        tuple(
            scale(edge if bound is None else bound) for bound, edge in zip(bounds, (scale.low, scale.high), strict=True)
        )
        for scale, bounds in zip((x, y), chosen, strict=True)
    )
    return PixelBox(x=left, y=top, width=round(max(right - left, 0), 2), height=round(max(bottom - top, 0), 2))


def gauge(
    value: float, *, nulls: Sequence[float], peers: Sequence[float], low: float | None, high: float | None
) -> Gauge:
    """A value on its range [low, high]; a side without bound (None) is drawn a little past the numbers it must show.

    It must show the value, its peers and the first null; other nulls only where they lie inside.
    """
    numbers = [value, *peers, *nulls[:1]]
    start = min(0.0, *numbers) if low is None else low
    end = max(start, *numbers) if high is None else high
    margin = 0.06 * (end - start) or 1.0
    start -= margin if low is None and start < 0 else 0.0
    end += margin if high is None or end == start else 0.0
    x = Scale(start, end, GAUGE_LEFT, GAUGE_WIDTH - GAUGE_LEFT)
    return Gauge(
        width=GAUGE_WIDTH,
        height=GAUGE_HEIGHT,
        middle=GAUGE_HEIGHT / 2,
        left=x.start,
        right=x.end,
        low=start,
        high=end,
        open_low=low is None,
        open_high=high is None,
        value=x(value),
        nulls=tuple(x(null) for null in nulls if start <= null <= end),
        peers=tuple(x(peer) for peer in peers),
    )


def _log(value: float) -> float:
    return math.log10(max(value, 1e-300))
