"""Telling a person how a job goes: bars on a terminal, lines elsewhere, never silent for long."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from worker.progress import Pace, in_words

Tell = Callable[[int, int, str], None]
LINE_EVERY_S = 2.0


class Reporter:
    """Reports jobs one after the other on standard error."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def job(self, title: str) -> Iterator[Tell]:
        """Report one job; the yielded function takes done, total and a note whose first word is the unit."""
        started = time.monotonic()
        shown = _bar(self.console, title) if self.console.is_terminal else _lines(self, title)
        with shown as tell:
            yield tell
        self.say(f"{title}: done in {time.monotonic() - started:.1f} s")


def bar_columns() -> tuple[ProgressColumn, ...]:
    """What a bar shows; its tasks need the fields ``rate`` and ``note``."""
    return (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )


@contextmanager
def _bar(console: Console, title: str) -> Iterator[Tell]:
    with Progress(*bar_columns(), console=console, transient=True) as progress:
        task: TaskID = progress.add_task(title, total=None, note="", rate="")

        def tell(done: int, total: int, note: str) -> None:
            speed = progress.tasks[task].speed
            progress.update(task, completed=done, total=total, note=note, rate=f"{speed:,.0f}/s" if speed else "")

        yield tell


@contextmanager
def _lines(reporter: Reporter, title: str) -> Iterator[Tell]:
    """A line when something changed, at most one in two seconds; and a sign of life when nothing did."""
    state = _LineState(reporter, title)
    watcher = threading.Thread(target=state.watch, daemon=True)
    watcher.start()
    try:
        yield state.tell
    finally:
        state.ended.set()
        watcher.join()


class _LineState:
    """The latest progress of one job, told every two seconds."""

    def __init__(self, reporter: Reporter, title: str) -> None:
        self.ended = threading.Event()
        self._reporter, self._title = reporter, title
        self._pace, self._note = Pace(), "starting"

    def tell(self, done: int, total: int, note: str) -> None:
        """Take note; the watcher prints it."""
        self._pace.take(done, total)
        self._note = note

    def watch(self) -> None:
        """Print the latest state every two seconds until the job ends."""
        while not self.ended.wait(LINE_EVERY_S):
            self._reporter.say(f"{self._title}: {in_words(self._pace, self._note)}")
