import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app import charts
from app.charts import Scale, Series, log_ticks, nice_ticks, tick_label, tick_labels
from app.render import environment


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 7, [0, 2, 4, 6]), (-3, 12, [0, 5, 10]), (0.12, 0.17, None), (5, 5, [5])],
)
def test_ticks_are_nice_numbers(low: float, high: float, expected: list[float] | None) -> None:
    found = nice_ticks(low, high)
    assert expected is None or found == expected
    assert all(low <= tick <= high for tick in found)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_inside_and_are_evenly_spaced(low: float, width: float) -> None:
    ticks = nice_ticks(low, low + width)
    assert 1 <= len(ticks) <= 7
    assert all(low - 1e-6 * width <= tick <= low + width * (1 + 1e-6) for tick in ticks)
    assert np.allclose(np.diff(ticks, 2), 0, atol=1e-6 * width + 1e-9 * abs(low))


def test_logarithmic_ticks_are_powers_of_ten() -> None:
    assert log_ticks(0.5, 2000) == [1, 10, 100, 1000]
    assert log_ticks(1e-9, 1, n=5) == [1e-9, 1e-7, 1e-5, 1e-3, 1e-1]
    assert log_ticks(2, 7) == [2, 4, 6]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.001, "0.001"), (1e-5, "1e-5"), (250, "250"), (10_000, "10k"), (2.5e6, "2.5M"), (-0.2, "-0.2")],
)
def test_tick_labels_are_short(value: float, text: str) -> None:
    assert tick_label(value) == text


def test_a_scale_maps_its_ends_and_clamps() -> None:
    up = Scale(1, 100, 0, 200, log=True)
    assert [up(1), up(10), up(100), up(1e9), up(0)] == [0, 100, 200, 200, 0]
    down = Scale(0, 4, 100, 0)
    assert [down(0), down(1), down(4)] == [100, 75, 0]
    assert Scale(3, 3, 0, 10)(3) == 5


@given(st.lists(st.integers(0, 500), min_size=1, max_size=30), st.booleans())
def test_bars_stand_on_the_axis_side_by_side_and_grow_with_their_count(counts: list[int], log_y: bool) -> None:
    edges = np.geomspace(0.01, 10, len(counts) + 1).tolist()
    chart = charts.histogram(edges, counts, title="t", x_label="x", what="things", log_y=log_y)
    assert [bar.count for bar in chart.bars] == counts
    for bar, after in zip(chart.bars, chart.bars[1:], strict=False):
        assert bar.x + bar.width == pytest.approx(after.x, abs=0.02)
        assert (bar.height < after.height) == (bar.count < after.count) or bar.height == pytest.approx(after.height)
    for bar in chart.bars:
        assert bar.y + bar.height == pytest.approx(chart.area.bottom, abs=0.02)
        assert bar.height >= 0
        assert (bar.height > 0) == (bar.count > 0)
        assert chart.area.left <= bar.x <= chart.area.right


def test_histogram_speaks_and_links_only_where_something_is() -> None:
    chart = charts.histogram(
        [1, 10, 100], [0, 5], title="t", x_label="x", what="concepts", url_for=lambda low, high: f"/{low:g}-{high:g}"
    )
    assert [bar.url for bar in chart.bars] == ["", "/10-100"]
    assert chart.description == "5 concepts from 1 to 100; most lie between 10 and 100."
    empty = charts.histogram([], [], title="t", x_label="x", what="concepts")
    assert (empty.bars, empty.description) == ((), "No concepts to show.")


def test_spans_are_clipped_to_the_axis() -> None:
    chart = charts.histogram([1, 10], [5], title="t", x_label="x", what="w", spans=[("top", "Top", 5, 99)])
    (span,) = chart.spans
    assert span.x + span.width == pytest.approx(chart.area.right)
    assert (span.low, span.high) == (5, 99)


def test_curves_share_their_axes() -> None:
    chart = charts.curves(
        [Series("a", "A", ((1, 0.0), (2, 1.0))), Series("b", "B", ((1, 0.5), (3, 0.5))), Series("c", "C", ())],
        title="t",
        x_label="x",
        y_label="y",
    )
    area = chart.area
    assert [line.key for line in chart.lines] == ["a", "b"]
    assert chart.lines[0].points == f"{area.left:g},{area.bottom:g} {(area.left + area.right) / 2:g},{area.top:g}"
    assert chart.lines[1].last_x == area.right
    assert chart.lines[0].rows == ((1, 0.0), (2, 1.0))
    assert charts.curves([], title="t", x_label="x", y_label="y").lines == ()


@given(st.lists(st.tuples(st.floats(1e-6, 1), st.floats(1e-9, 10)), min_size=1, max_size=60))
@example([(1e-6, 1.0), (1.0000000000000002e-06, 1.0)])
def test_cells_count_every_point_once_inside_the_drawing(points: list[tuple[float, float]]) -> None:
    chart = charts.cells(points, title="t", x_label="x", y_label="y")
    assert sum(cell.count for cell in chart.cells) == len(points)
    for cell in chart.cells:
        assert 0 < cell.level <= 1
        inside = [
            p
            for p in points
            if cell.x_low * (1 - 1e-6) <= p[0] <= cell.x_high * (1 + 1e-6)
            and cell.y_low * (1 - 1e-6) <= p[1] <= cell.y_high * (1 + 1e-6)
        ]
        assert len(inside) >= cell.count
        assert chart.area.left <= cell.x <= chart.area.right
        assert chart.area.top <= cell.y <= chart.area.bottom


@given(st.integers(0, 5000))
def test_thinning_keeps_both_ends_and_the_order(n: int) -> None:
    kept = charts.thinned(n)
    assert kept == sorted(set(kept))
    assert len(kept) <= max(120, 0)
    if n:
        assert (kept[0], kept[-1]) == (0, n - 1)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([11.985, 11.99, 11.995], ["11.985", "11.99", "11.995"]),
        ([0.62, 0.63], ["0.62", "0.63"]),
        ([12_341, 12_342], ["12.341k", "12.342k"]),
        ([1.01e-5, 1.02e-5], ["1.01e-5", "1.02e-5"]),
        ([7.0], ["7"]),
    ],
)
def test_ticks_of_one_axis_tell_each_other_apart(values: list[float], labels: list[str]) -> None:
    assert tick_labels(values) == labels


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=30))
def test_an_overlay_draws_shares_of_either_total(pairs: list[tuple[int, int]]) -> None:
    counts, null = [a for a, _ in pairs], [b for _, b in pairs]
    edges = [float(k) for k in range(len(pairs) + 1)]
    chart = charts.overlay(edges, counts, null=null, title="t", x_label="x", labels=("found", "chance"))
    assert sum(bar.count for bar in chart.bars) == sum(counts)
    assert sum(bar.count for bar in chart.null) == sum(null)
    height = chart.area.bottom - chart.area.top
    highest = max(max(c / max(sum(counts), 1), n / max(sum(null), 1)) for c, n in pairs) or 1
    for bars, total in ((chart.bars, sum(counts)), (chart.null, sum(null))):
        for bar in bars:
            assert bar.height == pytest.approx(height * bar.count / max(total, 1) / highest, abs=0.02)
    assert [(bar.low, bar.high) for bar in chart.bars] == [(bar.low, bar.high) for bar in chart.null]


@pytest.mark.parametrize(
    ("other", "head", "rows"),
    [
        (((1, 0.5), (2, 1 / 3)), ["epoch", "A", "B"], [["1.00", "0", "0.500"], ["2.00", "1.00", "0.333"]]),
        (((1, 0.5),), ["Line", "epoch", "y"], [["A", "1.00", "0"], ["A", "2.00", "1.00"], ["B", "1.00", "0.500"]]),
    ],
)
def test_curves_have_one_table(other: tuple[tuple[float, float], ...], head: list[str], rows: list[list[str]]) -> None:
    series = [Series("a", "A", ((1, 0.0), (2, 1.0))), Series("b", "B", other)]
    plot = charts.curves(series, title="t", x_label="epoch", y_label="y")
    assert plot.is_shared == (head[0] == "epoch")
    text = str(environment().get_template("_partials/charts.html").module.curves(plot, "t"))  # type: ignore[attr-defined]
    assert re.findall(r"<th[^>]* scope=\"col\">(.*?)</th>", text) == head
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", text)[1:]]
    assert cells == rows
    assert ('data-n="0.333333333"' in text) == plot.is_shared
