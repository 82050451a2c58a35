"""How far a job is: a line on standard error, or a bar of ``rich`` where it is installed."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO

from conceptoscope.optional import has, need
from conceptoscope.views import JobView

Show = Callable[[JobView], None]
"""Takes the job each time it was looked at."""
_WIDTH: Final = 24


def line_of(job: JobView) -> str:
    """``index 'fish' [######------] 50 % 60 of 120 images, 9 s left``."""
    share = 1.0 if job.state == "succeeded" else job.share or 0.0
    full = round(share * _WIDTH)
    parts = [f"job {job.id} {job.kind} [{'#' * full}{'-' * (_WIDTH - full)}] {share:4.0%} {job.state}"]
    if job.state == "running" and job.total > 1:
        parts.append(f"{job.done} of {job.total} {job.note}".rstrip())
    if job.state == "running" and job.eta_s is not None:
        parts.append(f"{job.eta_s:.0f} s left")
    return ", ".join(parts)


@contextmanager
def showing(progress: bool | Show) -> Iterator[Show]:
    """What shows a job's progress while the context lasts: nothing, a bar, or what the program itself brings."""
    if callable(progress):
        yield progress
    elif not progress:
        yield lambda _job: None
    elif has("rich") and sys.stderr.isatty():
        with _rich_bar() as show:
            yield show
    else:
        with _plain_bar(sys.stderr) as show:
            yield show


@contextmanager
def _plain_bar(out: TextIO) -> Iterator[Show]:
    """One line that is drawn anew on a terminal; elsewhere a line each time something has changed."""
    drawn, lead, end = [""], *(("\r", "") if out.isatty() else ("", "\n"))

    def show(job: JobView) -> None:
        line = line_of(job)
        if line != drawn[0]:
            out.write(f"{lead}{line.ljust(len(drawn[0])) if lead else line}{end}")
            out.flush()
            drawn[0] = line

    try:
        yield show
    finally:
        if drawn[0] and lead:
            out.write("\n")


@contextmanager
def _rich_bar() -> Iterator[Show]:
    rich: Any = need("rich.progress", purpose="Progress bars")
    console = need("rich.console", purpose="Progress bars").Console(stderr=True)
    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), rich.TaskProgressColumn())
    with rich.Progress(*columns, rich.TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("job", total=1.0)

        def show(job: JobView) -> None:
            share = 1.0 if job.state == "succeeded" else job.share or 0.0
            told = f"job {job.id} {job.kind} {job.state} {job.note}".rstrip()
            bar.update(task, completed=share, description=told)

        yield show
