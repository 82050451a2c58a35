"""Jobs and workers, as the pages and the API show them."""

import json
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from app import urls
from app.makers.times import between, moment
from app.origin import why_no_jobs
from app.site import Site
from app.views.jobs import (
    FailureView,
    JobBrief,
    JobLinks,
    JobView,
    LogLine,
    MadeView,
    StepView,
    WorkerView,
)
from store.catalog.jobs import JobFilter, get_job, list_jobs, list_log, list_members, list_steps, tail_log
from store.catalog.session import Session
from store.catalog.tables import Job, JobLog, JobStep, Worker
from store.catalog.workers import list_workers
from store.commands import command_of
from store.jobs import QUEUE_OF, load_job
from store.vocabulary import JobKind, JobState, Kind, Queue, WorkerState

N_TAIL: Final = 200
_SILENT_AFTER_S: Final = 10.0


def make_job_brief(row: Job, *, current: Sequence[Job] = ()) -> JobBrief:
    """A job as a row; ``current`` are running members of a pipeline."""
    return JobBrief.model_validate(_brief_fields(row) | {"current": tuple(make_job_brief(one) for one in current)})


def _brief_fields(row: Job) -> dict[str, Any]:
    state = JobState(row.state)
    counted = row.total > 1 and state is JobState.RUNNING
    return {
        "id": row.id,
        "kind": row.kind,
        "title": row.title,
        "state": state.value,
        "stopping": state is JobState.RUNNING and row.cancel_requested_at is not None,
        "attempt": row.attempt,
        "parent": row.parent_id,
        "done": row.done,
        "total": row.total,
        "share": min(row.done / row.total, 1.0) if counted else None,
        "note": row.note,
        "rate": row.rate if counted else None,
        "eta_s": row.eta_s if counted else None,
        "worker": row.worker,
        "created_by": row.created_by,
        "created_at": moment(row.created_at),
        "started_at": moment(row.started_at),
        "finished_at": moment(row.finished_at),
        "ran_s": between(row.started_at, row.finished_at or datetime.now(UTC)),
        "failure": (row.failure or {}).get("message"),
        "links": _links(row.id, state),
    }


def _links(job_id: int, state: JobState) -> JobLinks:
    return JobLinks(
        html=urls.job(job_id),
        api=urls.api_jobs(job_id),
        events=urls.api_jobs(job_id, "events"),
        log=urls.api_jobs(job_id, "log"),
        cancel=None if state.is_final else urls.api_jobs(job_id, "cancel"),
        retry=urls.api_jobs(job_id, "retry") if state in (JobState.FAILED, JobState.CANCELLED) else None,
    )


def make_job(site: Site, job_id: int, *, base: str = "") -> JobView:
    """One job with its steps, members, outcome; raises ``NotFound``."""
    with site.catalog.session() as session:
        row, steps = get_job(session, job_id), list_steps(session, job_id)
        members, tail = list_members(session, job_id), tail_log(session, job_id, n_lines=N_TAIL)
        waiting_for = _waiting_for(session, row)
    made = (row.result or {}).get("made", [])
    fields = {
        "queued_at": moment(row.queued_at),
        "waited_s": between(row.queued_at, row.started_at),
        "peak_bytes": row.peak_bytes or None,
        "digest": row.digest,
        "spec": row.spec,
        "steps": tuple(_step(step) for step in steps),
        "made": tuple(_made(site, one) for one in made),
        "members": tuple(make_job_brief(member) for member in members),
        "error": FailureView.model_validate(row.failure) if row.failure else None,
        "command": _command(row.spec),
        "waiting_for": waiting_for,
        "log": tuple(make_log_line(line) for line in tail),
        "curl": post_line(base, row.spec),
        "clone_url": urls.new_job(query={"from": str(row.id)}),
        "spec_text": json.dumps(row.spec, indent=2),
        "may_change": not why_no_jobs(site),
    }
    return JobView.model_validate(_brief_fields(row) | fields)


def post_line(base: str, spec: dict[str, Any]) -> str:
    """A command line that posts a job."""
    url = f"{base.rstrip('/')}{urls.api_jobs()}"
    return f"curl {shlex.quote(url)} -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(spec))}"


def _command(spec: dict[str, Any]) -> str | None:
    try:
        return command_of(load_job(spec))
    except ValidationError:  # of another version
        return None


def _step(step: JobStep) -> StepView:
    return StepView(
        attempt=step.attempt,
        name=step.name,
        started_at=moment(step.started_at) or "",
        finished_at=moment(step.finished_at),
        seconds=between(step.started_at, step.finished_at),
    )


def _made(site: Site, made: dict[str, Any]) -> MadeView:
    slug, kind = made.get("slug"), made["kind"]
    shown = {entry.slug for entry in site.roster.entries()}
    url = urls.dictionary(slug) if slug in shown and kind in (Kind.ATLAS, Kind.DICTIONARY, Kind.UNIVERSAL) else None
    return MadeView(kind=kind, slug=slug, digest=made["digest"], reused=made.get("reused", False), url=url)


def make_log_line(line: JobLog) -> LogLine:
    """A line of a log."""
    return LogLine(
        id=line.id,
        at=line.at.isoformat(timespec="milliseconds"),
        attempt=line.attempt,
        level=line.level,
        worker=line.worker,
        text=line.text,
    )


def make_log(site: Site, job_id: int, *, after_id: int, limit: int) -> tuple[LogLine, ...]:
    """Lines after a known one, oldest first; raises ``NotFound``."""
    with site.catalog.session() as session:
        get_job(session, job_id)
        return tuple(make_log_line(line) for line in list_log(session, job_id, after_id=after_id, limit=limit))


def make_workers(site: Site) -> tuple[WorkerView, ...]:
    """All workers ever seen, the living first."""
    with site.catalog.session() as session:
        rows, running = list_workers(session), list_jobs(session, JobFilter(states=[JobState.RUNNING]), limit=1000)
    views = [_worker(row, [job.id for job in running if job.owner == row.session]) for row in rows]
    order = ("alive", "silent", "stopped", "lost")
    return tuple(sorted(views, key=lambda view: (order.index(view.state), view.name)))


def _worker(row: Worker, jobs: list[int]) -> WorkerView:
    return WorkerView(
        name=row.name,
        state="silent" if row.state == WorkerState.ALIVE and _is_silent(row) else row.state,
        host=row.host,
        pid=row.pid,
        device=row.device,
        queues=tuple(row.queues.split(",")),
        started_at=moment(row.started_at) or "",
        seen_at=moment(row.seen_at) or "",
        jobs=tuple(jobs),
    )


def _is_silent(row: Worker) -> bool:
    """By the clocks of both machines, so only fit to be told to people."""
    return datetime.now(UTC) - row.seen_at > timedelta(seconds=_SILENT_AFTER_S)


def _waiting_for(session: Session, row: Job) -> str | None:
    if row.state != JobState.QUEUED:
        return None
    return nobody_takes(list_workers(session), QUEUE_OF[JobKind(row.kind)])


def nobody_takes(workers: Sequence[Worker], queue: Queue) -> str | None:
    """What to do when no living worker takes a queue; None when one does."""
    for one in workers:
        if one.state == WorkerState.ALIVE and not _is_silent(one) and queue.value in one.queues.split(","):
            return None
    return f"No worker that takes {queue.value} jobs is running: start one with `conceptoscope worker`."
