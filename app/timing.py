"""How long the parts of an answer took, for the Server-Timing header."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_spans: ContextVar[dict[str, float] | None] = ContextVar("spans", default=None)


def start_timing() -> dict[str, float]:
    """Begin to collect durations in ms for this request."""
    spans: dict[str, float] = {}
    _spans.set(spans)
    return spans


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Add the duration of the block to a named span."""
    begin = time.perf_counter()
    try:
        yield
    finally:
        spans = _spans.get()
        if spans is not None:
            spans[name] = spans.get(name, 0.0) + 1000 * (time.perf_counter() - begin)


def header_of(spans: dict[str, float], total_ms: float) -> str:
    """The header's text."""
    return ", ".join(f"{name};dur={ms:.1f}" for name, ms in [*spans.items(), ("total", total_ms)])
