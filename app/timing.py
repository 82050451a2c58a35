"""How long the parts of an answer took, for the Server-Timing header."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_spans: ContextVar[dict[str, float] | None] = ContextVar("spans", default=None)
_running: ContextVar[frozenset[str]] = ContextVar("running", default=frozenset())


def start_timing() -> dict[str, float]:
    """Begin to collect durations in ms for this request."""
    spans: dict[str, float] = {}
    _spans.set(spans)
    return spans


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Add the duration of the block to a named span; a block inside another of that name is part of it."""
    outer = _running.get()
    if name in outer:
        yield
        return
    running, begin = _running.set(outer | {name}), time.perf_counter()
    try:
        yield
    finally:
        _running.reset(running)
        spans = _spans.get()
        if spans is not None:
            spans[name] = spans.get(name, 0.0) + 1000 * (time.perf_counter() - begin)


def header_of(spans: dict[str, float], total_ms: float) -> str:
    """The header's text."""
    return ", ".join(f"{name};dur={ms:.1f}" for name, ms in [*spans.items(), ("total", total_ms)])
