"""Jobs in the catalog, as workers see them: hand over, start, tell, finish. Only a run's owner may write of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import CursorResult, case, delete, or_, select, update
from sqlalchemy.orm import Session

from store.catalog.tables import Job, JobLog, JobStep
from store.errors import Outlived
from store.vocabulary import JobState


@dataclass(frozen=True)
class Progress:
    """How far a run is; ``rate`` in units per second."""

    done: int = 0
    total: int = 0
    note: str = ""
    rate: float | None = None
    eta_s: float | None = None


@dataclass(frozen=True)
class Run:
    """One execution of a job by a worker: ``owner`` is the worker's session."""

    job_id: int
    attempt: int
    owner: str
    worker: str


def list_waiting(session: Session, *, limit: int = 200) -> list[Job]:
    """Jobs whose present attempt no worker has put into the engine's queue, longest waiting first."""
    query = select(Job).where(Job.state == JobState.QUEUED, Job.handed_attempt < Job.attempt)
    return list(session.scalars(query.order_by(Job.queued_at, Job.id).limit(limit)))


def list_handed(session: Session) -> list[Job]:
    """Jobs that the engine should know: they run, or wait in its queue."""
    waits = (Job.state == JobState.QUEUED) & (Job.handed_attempt >= Job.attempt)
    return list(session.scalars(select(Job).where((Job.state == JobState.RUNNING) | waits).order_by(Job.id)))


def note_handed(session: Session, attempts: Sequence[tuple[int, int]]) -> None:
    """These attempts (job, attempt) are in the engine's queue."""
    for job_id, attempt in attempts:
        later = Job.id == job_id, Job.handed_attempt < attempt
        session.execute(update(Job).where(*later).values(handed_attempt=attempt))


def start_run(session: Session, run: Run) -> bool:
    """Become the owner of a job's attempt. False when it was cancelled meanwhile or is another attempt's turn."""
    now = datetime.now(UTC)
    fresh = n_changed(
        session.execute(
            update(Job)
            .where(Job.id == run.job_id, Job.attempt == run.attempt, Job.state == JobState.QUEUED)
            .values(state=JobState.RUNNING, owner=run.owner, worker=run.worker, started_at=now, progress_at=now)
        )
    )
    taken = fresh or n_changed(
        session.execute(
            update(Job)
            .where(Job.id == run.job_id, Job.attempt == run.attempt, Job.state == JobState.RUNNING)
            .values(owner=run.owner, worker=run.worker, progress_at=now)
        )
    )
    return bool(taken)


def hold(session: Session, run: Run) -> None:
    """Make sure, to the end of this transaction, that the run is still ours; raises ``Outlived``."""
    held = session.execute(
        update(Job)
        .where(Job.id == run.job_id, Job.attempt == run.attempt, Job.owner == run.owner, Job.state == JobState.RUNNING)
        .values(owner=run.owner)
    )
    if not n_changed(held):
        raise Outlived(
            f"Job {run.job_id} is no longer run by {run.worker}: another worker has taken it over, or it has ended."
        )


def save_progress(session: Session, run: Run, progress: Progress, *, peak_bytes: int | None = None) -> bool:
    """Tell how far the run is; True when a person has asked it to stop. Raises ``Outlived``.

    ``progress_at`` is when something was last done, not when it was last told.
    """
    hold(session, run)
    values = {"done": progress.done, "total": progress.total, "note": progress.note[:300]}
    more = {"rate": progress.rate, "eta_s": progress.eta_s, "peak_bytes": peak_bytes}
    is_new = or_(*(getattr(Job, name) != value for name, value in values.items()))
    progress_at = case((is_new, datetime.now(UTC)), else_=Job.progress_at)
    session.execute(update(Job).where(Job.id == run.job_id).values(**values, **more, progress_at=progress_at))
    return session.scalar(select(Job.cancel_requested_at).where(Job.id == run.job_id)) is not None


def begin_step(session: Session, run: Run, name: str) -> None:
    """A part of the run begins; the same part of a run that was taken over keeps its beginning."""
    hold(session, run)
    known = select(JobStep).where(JobStep.job_id == run.job_id, JobStep.attempt == run.attempt, JobStep.name == name)
    if session.scalar(known) is None:
        session.add(JobStep(job_id=run.job_id, attempt=run.attempt, name=name, started_at=datetime.now(UTC)))


def end_step(session: Session, run: Run, name: str) -> None:
    """A part of the run is done."""
    hold(session, run)
    session.execute(
        update(JobStep)
        .where(JobStep.job_id == run.job_id, JobStep.attempt == run.attempt, JobStep.name == name)
        .values(finished_at=datetime.now(UTC))
    )


def finish_run(
    session: Session,
    run: Run,
    state: JobState,
    *,
    result: dict[str, Any] | None = None,
    failure: dict[str, Any] | None = None,
) -> None:
    """The run has ended; raises ``Outlived`` when it is not ours any more."""
    hold(session, run)
    session.execute(
        update(Job)
        .where(Job.id == run.job_id)
        .values(state=state, finished_at=datetime.now(UTC), result=result, failure=failure, owner=None, eta_s=None)
    )


def abandon_job(session: Session, job_id: int, *, attempt: int, failure: dict[str, Any]) -> bool:
    """Give up an attempt that the engine does not know any more; True when there was one."""
    given_up = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.attempt == attempt, Job.state.in_([JobState.QUEUED, JobState.RUNNING]))
        .values(state=JobState.FAILED, finished_at=datetime.now(UTC), failure=failure, owner=None)
    )
    return bool(n_changed(given_up))


def add_log(session: Session, run: Run, lines: Sequence[tuple[datetime, str, str]], *, keep: int) -> None:
    """Append lines (moment, level, text) to a job's log, of which the newest ``keep`` stay."""
    session.add_all(
        JobLog(job_id=run.job_id, attempt=run.attempt, at=at, level=level, worker=run.worker, text=text)
        for at, level, text in lines
    )
    session.flush()
    newest = select(JobLog.id).where(JobLog.job_id == run.job_id).order_by(JobLog.id.desc())
    oldest_kept = session.scalar(newest.offset(keep).limit(1))
    if oldest_kept is not None:
        session.execute(delete(JobLog).where(JobLog.job_id == run.job_id, JobLog.id <= oldest_kept))


def n_changed(result: Any) -> int:
    """Number of rows that a statement changed."""
    assert isinstance(result, CursorResult)
    return result.rowcount
