"""How fast work goes, told from what is done and a clock."""

import pytest

from worker.progress import Pace, in_words


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def paced(*states: tuple[float, int, int]) -> Pace:
    """A pace that was told (seconds since the last, done, total)."""
    clock = Clock()
    pace = Pace(clock)
    for seconds, done, total in states:
        clock.now += seconds
        pace.take(done, total)
    return pace


@pytest.mark.parametrize(
    ("states", "note", "line"),
    [
        ([(0, 0, 400), (2, 50, 400)], "images", "50/400 images, 25.0/s, 0:14 left"),
        ([(0, 500, 100_000), (1, 1_000, 100_000)], "tokens", "1,000/100,000 tokens, 500.0/s, 3:18 left"),
        ([(0, 50, 400), (2, 50, 400)], "images", "50/400 images"),
        ([(0, 0, 1), (2, 0, 1)], "loading the model", "loading the model"),
    ],
)
def test_a_line_tells_rate_and_time_left(states: list[tuple[float, int, int]], note: str, line: str) -> None:
    assert in_words(paced(*states), note) == line


def test_the_rate_starts_anew_with_another_total_and_when_less_is_done() -> None:
    assert paced((0, 5, 10), (1, 9, 10), (1, 100, 4000), (2, 500, 4000)).rate == pytest.approx(200)
    assert paced((0, 5, 10), (1, 9, 10), (1, 0, 10), (4, 8, 10)).rate == pytest.approx(2)
