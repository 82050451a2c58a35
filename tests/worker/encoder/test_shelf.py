"""Models and dictionaries under a budget: what goes, what stays, who waits."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from store.errors import NotFound, Unavailable
from worker.encoder.shelf import Loaded, Shelf

SIZES = {"a": 40, "b": 40, "c": 40, "d": 20, "huge": 200}


@contextmanager
def shelf(budget: int = 100) -> Iterator[tuple[Shelf, list[str]]]:
    loads: list[str] = []

    def load(key: str) -> Loaded:
        if key not in SIZES:
            raise NotFound("thing", key)
        loads.append(key)
        return Loaded(key.upper(), SIZES[key])

    with ThreadPoolExecutor(1) as executor:
        yield Shelf(budget, load, executor), loads


def run(work: Callable[[Shelf], Coroutine[Any, Any, None]], *, budget: int = 100) -> list[str]:
    with shelf(budget) as (one, loads):

        async def bounded() -> None:
            async with asyncio.timeout(20):
                await work(one)

        asyncio.run(bounded())
    return loads


def test_the_least_recently_used_goes() -> None:
    async def work(one: Shelf) -> None:
        for keys in (["a"], ["b"], ["a"], ["c"]):
            async with one.using(keys) as held:
                assert held == {key: key.upper() for key in keys}
        assert one.names == ("a", "c")
        assert (one.n_bytes, one.n_dropped, one.n_loads) == (80, 1, 3)

    assert run(work) == ["a", "b", "c"]


def test_what_is_in_use_is_never_dropped_and_whoever_needs_room_waits() -> None:
    async def work(one: Shelf) -> None:
        order: list[str] = []
        released = asyncio.Event()

        async def user() -> None:
            async with one.using(["a", "b"]):
                order.append("a and b in use")
                await released.wait()
                order.append("released")

        async def waiter() -> None:
            async with one.using(["c"]):
                order.append("c in use")
                assert len(one.names) == 2

        first = asyncio.create_task(user())
        await asyncio.sleep(0.1)
        second = asyncio.create_task(waiter())
        await asyncio.sleep(0.1)
        assert {"a", "b"} <= set(one.names)
        released.set()
        await asyncio.gather(first, second)
        assert order == ["a and b in use", "released", "c in use"]

    run(work)


def test_what_is_there_is_given_while_something_else_is_loaded() -> None:
    go = threading.Event()

    def load(key: str) -> Loaded:
        if key == "slow":
            assert go.wait(10)
        return Loaded(key, 10)

    async def work(one: Shelf) -> None:
        async with one.using(["a"]):
            pass
        slow = asyncio.create_task(_use(one, "slow"))
        await asyncio.sleep(0.05)
        async with one.using(["a"]) as held:
            assert held == {"a": "a"}
        go.set()
        await slow

    with ThreadPoolExecutor(1) as executor:
        asyncio.run(work(Shelf(100, load, executor)))


async def _use(one: Shelf, *keys: str) -> None:
    async with one.using(keys):
        await asyncio.sleep(0)


def test_more_than_the_budget_is_refused_with_words() -> None:
    async def work(one: Shelf) -> None:
        for _ in range(2):
            with pytest.raises(Unavailable, match="huge takes .* CONCEPTOSCOPE_ENCODER_MEMORY_BYTES"):
                await _use(one, "huge")
        with pytest.raises(Unavailable, match="One request needs .*Ask for fewer dictionaries"):
            await _use(one, "a", "b", "c")
        await _use(one, "c")
        assert one.n_bytes <= 100

    assert run(work)[0] == "huge"


def test_a_load_that_fails_harms_nobody() -> None:
    async def work(one: Shelf) -> None:
        with pytest.raises(NotFound):
            await _use(one, "a", "unknown")
        await _use(one, "b", "c")
        assert one.names == ("b", "c")

    run(work)


def test_two_who_need_each_others_things_do_not_wait_for_each_other() -> None:
    async def work(one: Shelf) -> None:
        await asyncio.gather(*(_use(one, *keys) for keys in [("a", "b"), ("b", "a"), ("c", "a"), ("b", "c")] * 5))
        assert one.n_bytes <= 100

    run(work)


def test_whoever_gives_up_waiting_leaves_no_mark() -> None:
    async def work(one: Shelf) -> None:
        async with one.using(["a", "b"]):
            waiting = asyncio.create_task(_use(one, "c"))
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await _use(one, "c", "d")
        assert one.n_bytes <= 100

    run(work)


@effort(max_examples=20)
@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=2), min_size=1, max_size=12))
def test_the_budget_holds_whatever_is_asked(asked: list[list[str]]) -> None:
    async def work(one: Shelf) -> None:
        for keys in asked:
            async with one.using(keys) as held:
                assert set(held) == set(keys)
                assert one.n_bytes <= 100
        assert set(asked[-1]) <= set(one.names)

    run(work)
