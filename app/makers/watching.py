"""What streams of events look at: all unfinished jobs and the newest others, or one job with its log."""

from collections.abc import Callable
from typing import Final

from app.live import Sight
from app.makers.jobs import make_job_brief, make_log_line
from app.site import Site
from store.catalog.jobs import JobFilter, get_job, list_jobs, list_log, list_members
from store.vocabulary import JobState

_NEWEST: Final = 50
_LINES: Final = 500
_UNFINISHED: Final = JobFilter(states=[JobState.QUEUED, JobState.RUNNING])


def watch_jobs(site: Site) -> Callable[[int], Sight]:
    """A look at jobs that wait or run, and at the newest."""

    def look(_after_line: int) -> Sight:
        with site.catalog.session() as session:
            rows = [*list_jobs(session, _UNFINISHED, limit=200), *list_jobs(session, limit=_NEWEST)]
        return Sight({row.id: make_job_brief(row) for row in sorted(rows, key=lambda row: row.id)})

    return look


def watch_job(site: Site, job_id: int) -> Callable[[int], Sight]:
    """A look at one job, its members, and its log; raises ``NotFound`` at once for an unknown one."""
    with site.catalog.session() as session:
        get_job(session, job_id)

    def look(after_line: int) -> Sight:
        with site.catalog.session() as session:
            row, members = get_job(session, job_id), list_members(session, job_id)
            lines = tuple(map(make_log_line, list_log(session, job_id, after_id=after_line, limit=_LINES)))
        jobs = {one.id: make_job_brief(one) for one in (*members, row)}
        return Sight(jobs, lines, is_last=JobState(row.state).is_final and len(lines) < _LINES)

    return look
