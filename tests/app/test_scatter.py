from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import charts
from app.scatter import AREA, Side, Spot, Way, front_of, scatter
from app.views.plots import Point

WAYS: tuple[Way, ...] = ("higher", "lower")
small = st.integers(0, 6).map(float)  # few values, so that there are ties
points_of = st.lists(st.tuples(small, small), max_size=14)


def unbeaten(points: Sequence[tuple[float, float]], better: tuple[Way, Way]) -> set[int]:
    """By the definition: no other is at least as good in both and better in one."""
    signs = [1 if way == "higher" else -1 for way in better]
    good = [(signs[0] * x, signs[1] * y) for x, y in points]
    return {
        i
        for i, mine in enumerate(good)
        if not any(other[0] >= mine[0] and other[1] >= mine[1] and other != mine for other in good)
    }


@given(points_of, st.sampled_from(WAYS), st.sampled_from(WAYS))
def test_the_front_is_what_none_beats(points: list[tuple[float, float]], x: Way, y: Way) -> None:
    found = front_of(points, better=(x, y))
    assert set(found) == unbeaten(points, (x, y))
    assert len(found) == len(set(found))
    assert [points[index] for index in found] == sorted(points[index] for index in found)


def test_the_front_of_a_known_case() -> None:
    points = [(4.0, 0.45), (8.0, 0.54), (12.0, 0.58), (12.0, 0.63), (24.0, 0.60), (8.0, 0.54)]
    assert front_of(points, better=("lower", "higher")) == [0, 1, 5, 3]
    assert front_of([], better=("lower", "higher")) == []


def drawn(points: Sequence[tuple[float, float]]) -> tuple[Point, ...]:
    spots = [
        Spot(key=str(n), label=f"Thing {n}", texts=(f"{n} archetypal 512", f"{n} archetypal", str(n)), x=x, y=y)
        for n, (x, y) in enumerate(points, 1)
    ]
    return scatter(spots, title="t", x=Side("x", "lower"), y=Side("y", "higher")).points


def box(point: Point) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a label, with the narrowest that its letters can be."""
    width = 5.0 * len(point.text)
    left = point.text_x - {"start": 0.0, "middle": width / 2, "end": width}[point.anchor]
    return left, point.text_y - 8, left + width, point.text_y + 2


@given(st.lists(st.tuples(st.floats(1, 64), st.floats(0, 1)), min_size=1, max_size=12))
def test_marks_and_labels_lie_inside_and_labels_do_not_cross(points: list[tuple[float, float]]) -> None:
    marks = drawn(points)
    assert [(mark.x_value, mark.y_value) for mark in marks] == points
    for mark in marks:
        assert AREA.left <= mark.x <= AREA.right
        assert AREA.top <= mark.y <= AREA.bottom
    labels = [box(mark) for mark in marks if mark.text]
    for left, top, right, bottom in labels:
        assert left >= AREA.left
        assert right <= AREA.width
        assert 0 <= top < bottom <= AREA.height
    for n, one in enumerate(labels):
        for other in labels[n + 1 :]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_lone_marks_have_their_whole_label_and_hidden_ones_go_without() -> None:
    assert [mark.text for mark in drawn([(4.0, 0.2), (32.0, 0.9)])] == ["1 archetypal 512", "2 archetypal 512"]
    crowd = drawn([(8.0, 0.5)] * 40)
    assert 0 < sum(bool(mark.text) for mark in crowd) < 40


def test_the_line_joins_the_best_from_left_to_right() -> None:
    chart = scatter(
        [Spot(str(n), f"Thing {n}", (str(n),), x, y) for n, (x, y) in enumerate([(30, 0.9), (4, 0.4), (12, 0.3)])],
        title="t",
        x=Side("x", "lower"),
        y=Side("y", "higher"),
    )
    placed = {point.key: f"{point.x:g},{point.y:g}" for point in chart.points}
    assert chart.front == f"{placed['1']} {placed['0']}"
    assert [point.best for point in chart.points] == [True, True, False]
    assert chart.description == "2 of 3 are beaten by no other in both: Thing 1; Thing 0."
    assert scatter([], title="t", x=Side("x", "lower"), y=Side("y", "higher")).description == "Nothing to show."


@pytest.mark.parametrize(("values", "log"), [((4, 31), False), ((4, 32), True), ((0, 100), False), ((5, 5), False)])
def test_an_axis_is_logarithmic_when_its_values_span_much(values: tuple[float, float], log: bool) -> None:
    spots = [Spot(str(n), str(n), (), x, 0.5) for n, x in enumerate(values)]
    assert scatter(spots, title="t", x=Side("x", "lower"), y=Side("y", "higher")).x.log is log


@given(
    st.floats(-2, 2),
    st.lists(st.floats(-2, 2), max_size=3),
    st.lists(st.floats(-2, 2), max_size=5),
    st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (None, 1.0), (0.0, None), (None, None)]),
)
def test_a_gauge_shows_its_numbers_in_order_inside_its_range(
    value: float, nulls: list[float], peers: list[float], bounds: tuple[float | None, float | None]
) -> None:
    low, high = bounds
    found = charts.gauge(value, nulls=nulls, peers=peers, low=low, high=high)
    assert (found.open_low, found.open_high) == (low is None, high is None)
    assert found.low == low or low is None
    assert found.high == high or high is None
    places = [(value, found.value), *zip(peers, found.peers, strict=True), *zip(nulls[:1], found.nulls, strict=False)]
    assert all(found.left <= place <= found.right for _, place in places)
    inside = [(number, place) for number, place in places if found.low <= number <= found.high]
    assert sorted(inside) == sorted(inside, key=lambda pair: (pair[1], pair[0]))
    if low is None and high is None:
        assert len(inside) == len(places)


def test_a_gauge_without_bounds_reaches_a_little_past_its_numbers() -> None:
    found = charts.gauge(12.0, nulls=[], peers=[4.0, 24.0], low=0.0, high=None)
    assert (found.low, found.left < found.peers[0] < found.value < found.peers[1] < found.right) == (0.0, True)
    assert charts.gauge(0.6, nulls=[0.3, -0.7], peers=[], low=None, high=1.0).nulls == (
        charts.gauge(0.3, nulls=[], peers=[], low=0.0, high=1.0).value,
    )
