"""How a run tells the catalog what it does, and how it learns that it should stop."""

import contextvars
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from store.catalog.runs import Progress, Run, add_log, save_progress
from store.catalog.session import Catalog
from store.errors import Outlived, Stopped, Unavailable
from worker.progress import Pace, in_words
from worker.reporting import Reporter, Tell

TELL_EVERY_S: Final = 0.5
LOG_PROGRESS_EVERY_S: Final = 10.0
LOG_LINES_KEPT: Final = 5000
_PAGE_BYTES: Final = 4096

log = logging.getLogger(__name__)
_current: contextvars.ContextVar["Teller | None"] = contextvars.ContextVar("teller", default=None)


class Cancelled(Stopped):
    """A person has asked the job to stop."""


class LeftPending(BaseException):
    """The run ends here without an outcome: the engine gives the job to a worker again.

    No ``Exception``, so that nothing on the way takes it for a failure.
    """


class Teller(Reporter):
    """Reports one run into its job's row: progress twice a second, a log, and whether to go on.

    The thread that works calls ``tell`` and ``check``; a thread beside it writes. A catalog that cannot be reached is
    tried again at the next turn: work goes on meanwhile.
    """

    def __init__(self, catalog: Catalog, run: Run, *, leaving: threading.Event, computes: bool = True) -> None:
        super().__init__()
        self.run, self.computes = run, computes
        self._catalog, self._leaving = catalog, leaving
        self._pace, self._note = Pace(), "starting"
        self._lines: list[tuple[datetime, str, str]] = []
        self._lock = threading.Lock()
        self._ended, self._cancelled, self._outlived = threading.Event(), threading.Event(), threading.Event()
        self._peak_bytes = 0
        self._logged_at = time.monotonic()

    def say(self, text: str) -> None:
        """One line of the log."""
        self.add("info", text)

    def add(self, level: str, text: str) -> None:
        """One line of the log at a level."""
        with self._lock:
            self._lines.append((datetime.now(UTC), level, text))

    @contextmanager
    def job(self, title: str) -> Iterator[Tell]:
        """Report a part of the work; the yielded function raises what should end it."""
        self.say(f"{title}: started")
        started = time.monotonic()
        yield self.tell
        self.say(f"{title}: done in {time.monotonic() - started:.1f} s")

    def tell(self, done: int, total: int, note: str) -> None:
        """Take note of progress; raises ``Cancelled`` or ``LeftPending``."""
        self._pace.take(done, total)
        self._note = note
        self.check()

    def check(self) -> None:
        """Raise what should end the run, if anything should."""
        if self._outlived.is_set() or self._leaving.is_set():
            raise LeftPending
        if self._cancelled.is_set():
            raise Cancelled(f"Job {self.run.job_id} was cancelled.")

    def lose(self) -> None:
        """The worker has been declared lost: the run must end without an outcome."""
        self._outlived.set()

    @contextmanager
    def telling(self) -> Iterator[None]:
        """While the block runs, progress is written and log records of this thread go into the job's log."""
        writer = threading.Thread(target=self._write_on, name=f"tell-{self.run.job_id}", daemon=True)
        token = _current.set(self)
        writer.start()
        try:
            yield
        finally:
            _current.reset(token)
            self._ended.set()
            writer.join()

    def flush(self) -> None:
        """Write what is new; raises ``Outlived`` or ``Unavailable``."""
        self._peak_bytes = max(self._peak_bytes, _resident_bytes())
        pace, note = self._pace, self._note
        progress = Progress(pace.done, pace.total, note, rate=pace.rate, eta_s=pace.left_s)
        if time.monotonic() - self._logged_at > LOG_PROGRESS_EVERY_S:
            self._logged_at = time.monotonic()
            self.say(in_words(pace, note))
        with self._lock:
            lines = list(self._lines)
        with self._catalog.session() as session:
            asked_to_stop = save_progress(session, self.run, progress, peak_bytes=self._peak_bytes)
            if lines:
                add_log(session, self.run, lines, keep=LOG_LINES_KEPT)
        with self._lock:
            del self._lines[: len(lines)]
        if asked_to_stop:
            self._cancelled.set()

    def _write_on(self) -> None:
        while not self._ended.wait(TELL_EVERY_S):
            try:
                self.flush()
            except Outlived:
                self._outlived.set()
                return
            except Unavailable as fault:
                log.warning("job %d cannot tell its progress: %s", self.run.job_id, fault)


class JobLogHandler(logging.Handler):
    """Sends log records of a run's thread into that job's log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Add the record to the log of the job that this thread runs, if it runs one."""
        teller = _current.get()
        if teller is not None and record.name != __name__:
            teller.add(record.levelname.lower(), self.format(record))


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):  # not Linux
        return 0
