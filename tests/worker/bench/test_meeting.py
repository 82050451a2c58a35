"""A search for a wanted L0, and R2 interpolated to it."""

import math
from dataclasses import dataclass

import pytest

from worker.bench.meeting import nearest, r2_at, search


@dataclass(frozen=True)
class Fake:
    l0: float
    r2: float


@pytest.mark.parametrize(("start", "rising"), [(1e-3, False), (40.0, False), (0.5, True), (300.0, True)])
def test_a_search_comes_near_whatever_it_starts_from(start: float, rising: bool) -> None:
    def attempt(setting: float) -> Fake:
        return Fake(8 * setting**0.8 if rising else 8 / setting**0.8, 0.0)

    runs = search(attempt, wanted=12.0, start=start, rising=rising, tries=12)
    assert nearest(runs, 12.0).l0 == pytest.approx(12.0, rel=0.03)
    assert len(runs) < 12


def test_a_search_that_cannot_meet_ends() -> None:
    runs = search(lambda _: Fake(50.0, 0.5), wanted=12.0, start=1.0, rising=False, tries=4)
    assert len(runs) == 4
    assert r2_at(runs, 12.0) == 0.5


def test_r2_is_linear_in_log_l0_between_the_two_nearest() -> None:
    runs = [Fake(2.0, 0.1), Fake(8.0, 0.4), Fake(32.0, 0.6), Fake(64.0, 0.9)]
    share = math.log(16 / 8) / math.log(32 / 8)
    assert r2_at(runs, 16.0) == pytest.approx(0.4 + share * 0.2)
    assert r2_at(runs, 8.0) == pytest.approx(0.4)
    assert r2_at(runs, 1.0) == 0.1
    assert r2_at(runs, 100.0) == 0.9
