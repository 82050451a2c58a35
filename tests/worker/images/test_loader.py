import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.images.loader import in_order


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(), max_size=40), st.integers(1, 5), st.integers(1, 9))
def test_results_come_in_order(items: list[int], n_threads: int, ahead: int) -> None:
    def work(item: int) -> int:
        time.sleep((item % 3) / 3000)
        return item * 2

    assert list(in_order(work, items, n_threads=n_threads, ahead=ahead)) == [item * 2 for item in items]


def test_work_runs_ahead_but_no_further_than_told() -> None:
    begun: list[int] = []
    results = in_order(lambda item: begun.append(item) or item, range(100), n_threads=2, ahead=6)
    assert next(results) == 0
    time.sleep(0.05)
    assert 2 <= len(begun) <= 7
    results.close()


def test_work_overlaps_with_whoever_takes_the_results() -> None:
    may_go, seen = threading.Event(), []

    def work(item: int) -> int:
        seen.append(item)
        if item == 1:
            may_go.set()
        return item

    results = in_order(work, range(3), n_threads=1, ahead=2)
    next(results)
    assert may_go.wait(5), "the second item is begun while the first is being used"
    assert list(results) == [1, 2]


def test_a_fault_is_raised_in_its_turn_and_nothing_is_left_running() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("item 3")
        return item

    taken: list[int] = []
    with pytest.raises(ValueError, match="item 3"):
        taken.extend(in_order(work, range(50), n_threads=3, ahead=8))
    assert taken == [0, 1, 2]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("images")]
