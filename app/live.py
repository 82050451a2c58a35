"""Server-sent events about jobs: what is new since the last look, until nothing can come any more."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import anyio
from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.access.who import may_still
from app.views.jobs import JobBrief, LogLine
from store.errors import Unavailable

LOOK_EVERY_S: Final = 1.0
LONGEST_S: Final = 600.0
"""Then the stream ends; browsers connect again by themselves."""
STREAMS_MAX: Final = 64


@dataclass(frozen=True)
class Sight:
    """What one look saw: jobs by number, fresh lines of a log, and whether nothing more will come."""

    jobs: Mapping[int, JobBrief]
    lines: tuple[LogLine, ...] = ()
    is_last: bool = False


@dataclass
class Streams:
    """The streams that are open; no more than so many, each looks into the catalog once a second."""

    most: int = STREAMS_MAX
    ending: threading.Event = field(default_factory=threading.Event)
    """Set when the program ends: all streams end within a second."""
    n_open: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """A place for one stream; raises ``Unavailable`` when all are taken."""
        with self._lock:
            if self.n_open >= self.most:
                raise Unavailable(f"{self.most} streams are open already; ask again every few seconds instead.")
            self.n_open += 1
        try:
            yield
        finally:
            with self._lock:
                self.n_open -= 1


async def stream(
    streams: Streams, look: Callable[[int], Sight], *, after_line: int = 0, every_s: float = LOOK_EVERY_S
) -> AsyncIterator[ServerSentEvent]:
    """Events ``job`` and ``log`` as things change, at last ``end``; ``look`` gets the last line that was sent."""
    known: dict[int, str] = {}
    deadline = time.monotonic() + LONGEST_S
    while not streams.ending.is_set() and time.monotonic() < deadline and await may_still():
        try:
            seen = await run_in_threadpool(look, after_line)
        except Unavailable:
            yield ServerSentEvent(comment="the catalog does not answer; trying again")
            seen = Sight({})
        for line in seen.lines:
            after_line = line.id
            yield ServerSentEvent(event="log", id=str(line.id), raw_data=line.model_dump_json(by_alias=True))
        for number, job in seen.jobs.items():
            text = job.model_dump_json(by_alias=True, exclude={"ran_s"})
            if known.get(number) != text:
                known[number] = text
                yield ServerSentEvent(event="job", raw_data=job.model_dump_json(by_alias=True))
        if seen.is_last:
            yield ServerSentEvent(event="end", raw_data="{}")
            return
        await anyio.sleep(every_s)
