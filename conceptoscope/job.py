"""Durable work of a server: look, wait, stop, go on."""

import time
from collections.abc import Iterator
from typing import Any, Final

from conceptoscope.asking import Ask, Pause, Plan, address, get
from conceptoscope.errors import JobFailed, TimedOut
from conceptoscope.events import EventStream
from conceptoscope.progress import Show, showing
from conceptoscope.resource import D, Resource, call
from conceptoscope.views import JobView, LogLine

ENDED: Final = frozenset({"succeeded", "failed", "cancelled"})
_LINES: Final = 1000


class Job(JobView, Resource[D]):
    """A job as it was when it was asked for. One out of a list has only its columns; ``refresh`` gives the rest."""

    def __init__(self, data: dict[str, Any], driver: D) -> None:
        super().__init__(data)
        self._set(_driver=driver)

    @property
    def is_ended(self) -> bool:
        """Whether it succeeded, failed or was cancelled."""
        return self.state in ENDED

    @call
    def refresh(self) -> Plan["Job[D]"]:
        """The job as it is now."""
        return (yield from self._now())

    @call
    def wait(self, *, timeout: float | None = None, progress: bool | Show = True, check: bool = True) -> Plan["Job[D]"]:
        """The job when it has ended. Raises ``TimedOut``, and with ``check`` ``JobFailed`` if it did not succeed.

        ``progress`` shows a bar on standard error; a function gets the job each time it was looked at.
        """
        job, ends_at = self, None if timeout is None else time.monotonic() + timeout
        with showing(progress) as show:
            for pause_s in looks():
                job = yield from job._now()
                show(job)
                if job.is_ended:
                    break
                if ends_at is not None and time.monotonic() + pause_s > ends_at:
                    raise TimedOut(f"Job {job.id} is {job.state} after {timeout:g} s. Wait again, or cancel it.")
                yield Pause(pause_s)
        if check and job.state != "succeeded":
            raise JobFailed(f"Job {job.id} {job.state}: {job.failure or 'somebody stopped it'}")
        return job

    @call
    def cancel(self) -> Plan["Job[D]"]:
        """Stop it; what it has done stays."""
        return (yield from self._change("cancel"))

    @call
    def retry(self) -> Plan["Job[D]"]:
        """Queue it again after it failed or was cancelled; it goes on from what is done."""
        return (yield from self._change("retry"))

    @call
    def log(self, *, after: int = 0) -> Plan[list[LogLine]]:
        """All lines of its log, or those after the one with this id."""
        lines: list[LogLine] = []
        while True:
            last = lines[-1].id if lines else after
            more = yield from self._records(get("jobs", self.id, "log", after=last, limit=_LINES), LogLine)
            lines += more
            if len(more) < _LINES:
                return lines

    def events(self, *, after: int = 0) -> EventStream[D]:
        """What happens, as it happens: changes of the job and lines of its log after one, until it ends."""
        return EventStream(self._driver, get("jobs", self.id, "events", after=after))

    def _now(self) -> Plan["Job[D]"]:
        return Job((yield from self._data(get("jobs", self.id))), self._driver)

    def _change(self, what: str) -> Plan["Job[D]"]:
        return Job((yield from self._data(Ask("POST", address("jobs", self.id, what)))), self._driver)


def looks() -> Iterator[float]:
    """Seconds between looks: often at first, every two seconds after a while."""
    pause_s = 0.1
    while True:
        yield pause_s
        pause_s = min(pause_s * 1.5, 2.0)
