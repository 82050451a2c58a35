"""The arithmetic of blind tests, against slow literal twins."""

from itertools import combinations, product
from math import sqrt

import pytest

from store.blind import CHANCE, N_ACTIVE, N_TILES, judge, p_by_chance, wilson


def hits_of_all_choices() -> list[int]:
    """The hits of each of the 70 choices of four photos, when the concept fires on the first four."""
    return [sum(photo < N_ACTIVE for photo in chosen) for chosen in combinations(range(N_TILES), N_ACTIVE)]


@pytest.mark.parametrize("n_tests", [1, 2, 3])
def test_p_is_the_share_of_all_ways_to_guess(n_tests: int) -> None:
    sums = [sum(ways) for ways in product(hits_of_all_choices(), repeat=n_tests)]
    for hits in range(n_tests * N_ACTIVE + 1):
        assert p_by_chance(n_tests, hits) == pytest.approx(sum(total >= hits for total in sums) / len(sums))


def test_guessing_hits_half() -> None:
    every = hits_of_all_choices()
    assert len(every) == 70
    assert sum(every) / len(every) == CHANCE * N_ACTIVE == 2


@pytest.mark.parametrize(("hits", "n"), [(0, 4), (1, 4), (2, 4), (4, 4), (7, 12), (39, 40)])
def test_wilson_holds_every_share_that_the_hits_do_not_refute(hits: int, n: int) -> None:
    def is_held(share: float) -> bool:
        return abs(hits / n - share) <= 1.959963984540054 * sqrt(share * (1 - share) / n)

    held = [step / 200_000 for step in range(200_001) if is_held(step / 200_000)]
    assert wilson(hits, n) == pytest.approx((held[0], held[-1]), abs=1e-5)


def test_a_verdict_adds_tests_up() -> None:
    assert judge([]) is None
    found = judge([4, 3])
    assert found is not None
    assert (found.n_tests, found.n_hits, found.accuracy) == (2, 7, 7 / 8)
    assert found.low < 7 / 8 < found.high
    assert found.p_value == pytest.approx((2 * 16 + 1) / 70**2)
