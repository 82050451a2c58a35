"""Server-sent events, read line by line."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Generic

from conceptoscope.asking import Ask
from conceptoscope.driving import Awaiting, Blocking
from conceptoscope.errors import Unreachable
from conceptoscope.record import Record
from conceptoscope.resource import D, check_awaits, check_waits
from conceptoscope.views import JobBrief, LogLine


@dataclass(frozen=True)
class Event:
    """``job`` with a ``JobBrief``, ``log`` with a ``LogLine``, or ``end``."""

    kind: str
    data: Record
    id: str = ""


@dataclass
class Parser:
    """Turns lines into events; ``last_id`` is that of the last one, ``is_ended`` says that nothing more will come."""

    last_id: str = ""
    is_ended: bool = False
    n_events: int = 0
    """Since it was last set to 0."""
    _fields: dict[str, list[str]] = field(default_factory=dict)

    def feed(self, line: str) -> Event | None:
        """The event that this line completes, if it does."""
        if line:
            name, _, value = line.partition(":")
            if name:  # a comment keeps the connection alive
                self._fields.setdefault(name, []).append(value.removeprefix(" "))
            return None
        found, self._fields = self._fields, {}
        return self._event(found) if found.get("event") else None

    def _event(self, found: dict[str, list[str]]) -> Event:
        kind, self.n_events = found["event"][-1], self.n_events + 1
        self.last_id = found["id"][-1] if "id" in found else self.last_id
        self.is_ended = self.is_ended or kind == "end"
        data = json.loads("\n".join(found.get("data", ["{}"])) or "{}")
        known = {"job": JobBrief, "log": LogLine}.get(kind, Record)
        return Event(kind, known(data if isinstance(data, dict) else {}), self.last_id)


class EventStream(Generic[D]):
    """Events until nothing more can come; goes on by itself where the server cut the stream."""

    def __init__(self, driver: D, ask: Ask) -> None:
        self._driver, self._ask = driver, ask

    def __iter__(self: "EventStream[Blocking]") -> Iterator[Event]:
        check_waits(self._driver)
        parser = Parser()
        while not parser.is_ended:
            parser.n_events = 0
            for line in self._driver.lines(self._from(parser)):
                if event := parser.feed(line):
                    yield event
            _check_progress(parser)

    async def __aiter__(self: "EventStream[Awaiting]") -> AsyncIterator[Event]:
        check_awaits(self._driver)
        parser = Parser()
        while not parser.is_ended:
            parser.n_events = 0
            async for line in self._driver.lines(self._from(parser)):
                if event := parser.feed(line):
                    yield event
            _check_progress(parser)

    def _from(self, parser: Parser) -> Ask:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": parser.last_id} if parser.last_id else {})
        return replace(self._ask, headers=headers)


def _check_progress(parser: Parser) -> None:
    """A stream that ends without having said anything would be asked for again and again."""
    if not parser.is_ended and not parser.n_events:
        raise Unreachable("The stream of events ended before the job did. Ask for the job itself, or wait for it.")
