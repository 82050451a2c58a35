"""Telling a person in a terminal how a job and its members go, until they have ended."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import Progress, TaskID

from store.catalog.jobs import get_job, list_members
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.errors import ConceptoscopeError
from store.vocabulary import JobKind, JobState
from worker.reporting import LINE_EVERY_S, bar_columns

_LOOK_EVERY_S: Final = 0.1
_SHOW_EVERY_S: Final = 0.5


class JobEndedBadly(ConceptoscopeError):
    """A job that a person waits for failed or was cancelled."""


class _View(Protocol):
    """Shows jobs that run or have just ended."""

    def show(self, rows: Sequence[Job]) -> None:
        """All members, or the job itself."""


def follow(catalog: Catalog, job_id: int, *, console: Console | None = None) -> Job:
    """Show a job until it has succeeded; raises ``JobEndedBadly`` with what it failed of."""
    told = console or Console(stderr=True)
    with _bars(told) if told.is_terminal else _lines(told) as view:
        shown_at = float("-inf")
        while True:
            with catalog.session() as session:
                row = get_job(session, job_id)
                ended = JobState(row.state).is_final
                if ended or time.monotonic() - shown_at > _SHOW_EVERY_S:
                    shown_at = time.monotonic()
                    view.show(_family(catalog, row))
            if ended:
                break
            time.sleep(_LOOK_EVERY_S)
    if row.state != JobState.SUCCEEDED:
        raise JobEndedBadly((row.failure or {}).get("message", f"Job {row.id} ({row.title}) was cancelled."))
    return row


def _family(catalog: Catalog, row: Job) -> list[Job]:
    if row.kind != JobKind.PIPELINE:
        return [row]
    with catalog.session() as session:
        return list_members(session, row.id)


class _Lines:
    """A line for each running job every two seconds, and one for each that has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said_at = time.monotonic()
        self._ended: set[int] = set()

    def show(self, rows: Sequence[Job]) -> None:
        """Say what is new."""
        for row in rows:
            if JobState(row.state).is_final and row.id not in self._ended:
                self._ended.add(row.id)
                self._say(f"{row.title}: {_ending(row)}")
        if time.monotonic() - self._said_at >= LINE_EVERY_S:
            self._said_at = time.monotonic()
            for row in rows:
                if row.state == JobState.RUNNING:
                    self._say(f"{row.title}: {_standing(row)}")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


class _Bars:
    """A bar for each running job."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console, self._progress = console, progress
        self._tasks: dict[int, TaskID] = {}
        self._ended: set[int] = set()

    def show(self, rows: Sequence[Job]) -> None:
        """Move the bars."""
        for row in rows:
            if row.state == JobState.RUNNING:
                if row.id not in self._tasks:
                    self._tasks[row.id] = self._progress.add_task(row.title, total=None, note="", rate="")
                rate = f"{row.rate:,.0f}/s" if row.rate else ""
                task = self._tasks[row.id]
                self._progress.update(task, completed=row.done, total=row.total or None, note=row.note, rate=rate)
            elif JobState(row.state).is_final and row.id not in self._ended:
                self._ended.add(row.id)
                if row.id in self._tasks:
                    self._progress.remove_task(self._tasks.pop(row.id))
                self._console.print(f"{row.title}: {_ending(row)}", highlight=False, markup=False)


@contextmanager
def _lines(console: Console) -> Iterator[_View]:
    yield _Lines(console)


@contextmanager
def _bars(console: Console) -> Iterator[_View]:
    with Progress(*bar_columns(), console=console, transient=True) as progress:
        yield _Bars(console, progress)


def _standing(row: Job) -> str:
    if row.total <= 1:
        return row.note
    left = f", {int(row.eta_s) // 60}:{int(row.eta_s) % 60:02} left" if row.eta_s is not None else ""
    return f"{row.done:,}/{row.total:,} {row.note}" + (f", {row.rate:,.1f}/s" if row.rate else "") + left


def _ending(row: Job) -> str:
    if row.state != JobState.SUCCEEDED:
        return row.state
    if row.started_at is None or row.finished_at is None:
        return "done"
    return f"done in {(row.finished_at - row.started_at).total_seconds():.1f} s"
