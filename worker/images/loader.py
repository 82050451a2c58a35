"""Work on many images in parallel threads, in order, a bounded way ahead of whoever takes the results."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def default_threads() -> int:
    """One thread per usable core; Pillow and hashlib let go of the interpreter while they work."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def in_order(
    work: Callable[[T], R], items: Iterable[T], *, n_threads: int | None = None, ahead: int | None = None
) -> Generator[R, None, None]:
    """``map(work, items)`` by threads: at most ``ahead`` results are finished or under way before they are taken.

    An exception of ``work`` is raised when its turn comes. Leaving the iterator early drops what was not begun.
    """
    threads = n_threads or default_threads()
    source = iter(items)
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="images")
    try:
        waiting.extend(pool.submit(work, item) for item in islice(source, ahead or 4 * threads))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(work, item) for item in islice(source, 1))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
