"""Asking what may never answer, and waiting only so long."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from store.errors import Unavailable

PATIENCE_S = 2.0

T = TypeVar("T")


class Bounded(Generic[T]):
    """One question, asked in a thread of its own; raises ``Unavailable`` when there is no answer in time.

    A thread that hangs cannot be ended. Whoever asks meanwhile waits for the same answer, so at most one hangs, and the
    threads that answer requests stay free.
    """

    def __init__(self, ask: Callable[[], T], *, what: str, patience_s: float = PATIENCE_S) -> None:
        self._ask, self._what, self._patience_s = ask, what, patience_s
        self._lock = threading.Lock()
        self._pending: Future[T] | None = None

    def wait(self) -> T:
        """The answer, for a thread."""
        try:
            return self._asked().result(self._patience_s)
        except TimeoutError as fault:
            raise self._no_answer() from fault

    async def answer(self) -> T:
        """The answer, for the event loop."""
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self._asked()), self._patience_s)
        except TimeoutError as fault:
            raise self._no_answer() from fault

    def _asked(self) -> Future[T]:
        with self._lock:
            if self._pending is None or self._pending.done():
                self._pending = Future()
                self._pending.set_running_or_notify_cancel()  # nobody who stops waiting can cancel it for the others
                threading.Thread(target=self._run, args=(self._pending,), name=self._what, daemon=True).start()
            return self._pending

    def _run(self, pending: Future[T]) -> None:
        try:
            pending.set_result(self._ask())
        except BaseException as fault:  # told to whoever waits
            pending.set_exception(fault)

    def _no_answer(self) -> Unavailable:
        return Unavailable(
            f"The {self._what} gave no answer in {self._patience_s:g} s. "
            "Look whether what it stands on is there and not overloaded: database, disk, network."
        )
