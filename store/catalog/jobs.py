"""Jobs in the catalog, as those see them who ask for work: submit, list, look, cancel, retry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from store.catalog.tables import Job, JobLog, JobStep
from store.errors import Conflict, NotFound
from store.jobs import AnyJob
from store.vocabulary import JobKind, JobState

LOG_LINES_MAX = 5000
_NUMBER_MAX: Final = 2**31 - 1  # what databases take as the number of a row


def submit_job(
    session: Session,
    spec: AnyJob,
    *,
    idempotency_key: str | None = None,
    created_by: str | None = None,
    parent: Job | None = None,
    place: int | None = None,
) -> Job:
    """Write a job down; a worker starts it after the transaction has been committed.

    A request with an ``idempotency_key`` that was used before, or with a parent and place that have a job, gives that
    job. Raises ``Conflict`` when the key was used for another request.
    """
    found = _find_same(session, idempotency_key, parent=parent, place=place)
    if found is None:
        row = Job(
            kind=spec.kind,
            title=spec.title[:300],
            spec=spec.as_json(),
            digest=spec.digest,
            parent_id=parent.id if parent else None,
            place=place,
            idempotency_key=idempotency_key,
            created_by=created_by,
        )
        try:
            with session.begin_nested():
                session.add(row)
                session.flush()
        except IntegrityError:  # somebody else wrote it in this moment
            found = _find_same(session, idempotency_key, parent=parent, place=place)
            if found is None:
                raise
        else:
            return row
    if found.digest != spec.digest:
        raise Conflict(
            f"The idempotency key '{idempotency_key}' was used for another request (job {found.id}, "
            f"'{found.title}'): use a new key for a new request."
        )
    return found


def _find_same(session: Session, key: str | None, *, parent: Job | None, place: int | None) -> Job | None:
    if key is not None:
        return find_keyed_job(session, key)
    if parent is not None:
        return session.scalar(select(Job).where(Job.parent_id == parent.id, Job.place == place))
    return None


def find_keyed_job(session: Session, key: str) -> Job | None:
    """The job that was asked for with an idempotency key, or None."""
    return session.scalar(select(Job).where(Job.idempotency_key == key))


def find_job(session: Session, job_id: int) -> Job | None:
    """The job of that number, or None."""
    return session.get(Job, job_id, populate_existing=True) if 0 < job_id <= _NUMBER_MAX else None


def get_job(session: Session, job_id: int) -> Job:
    """The job of that number; raises ``NotFound``."""
    found = find_job(session, job_id)
    if found is None:
        newest = session.scalar(select(func.max(Job.id)))
        told = f"Jobs have numbers up to {newest}." if newest else "There is no job yet."
        raise NotFound("job", str(job_id), remedy=told)
    return found


@dataclass(frozen=True)
class JobFilter:
    """Which jobs are meant; ``top_only`` leaves out the members of pipelines."""

    states: Sequence[JobState] = ()
    kinds: Sequence[JobKind] = ()
    top_only: bool = False

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """What a row must meet."""
        found: list[ColumnElement[bool]] = [Job.parent_id.is_(None)] if self.top_only else []
        found += [Job.state.in_(list(self.states))] if self.states else []
        return found + ([Job.kind.in_(list(self.kinds))] if self.kinds else [])


ALL_JOBS: Final = JobFilter()


def list_jobs(
    session: Session,
    which: JobFilter = ALL_JOBS,
    *,
    before_id: int | None = None,
    after_id: int | None = None,
    limit: int = 50,
) -> list[Job]:
    """Jobs, newest first: those next after or before a known one, or the newest of all."""
    query = select(Job).where(*which.conditions).limit(limit)
    if after_id is not None:
        return list(session.scalars(query.where(Job.id > after_id).order_by(Job.id)))[::-1]
    if before_id is not None:
        query = query.where(Job.id < before_id)
    return list(session.scalars(query.order_by(Job.id.desc())))


def list_members(session: Session, parent_id: int) -> list[Job]:
    """The jobs of a pipeline, by their place."""
    return list(session.scalars(select(Job).where(Job.parent_id == parent_id).order_by(Job.place)))


def count_jobs(session: Session, which: JobFilter = ALL_JOBS) -> dict[JobState, int]:
    """Number of jobs in each state, zeros included."""
    query = select(Job.state, func.count()).where(*which.conditions).group_by(Job.state)
    found = {JobState(state): number for state, number in session.execute(query)}
    return {state: found.get(state, 0) for state in JobState}


def count_until(session: Session, which: JobFilter, *, job_id: int) -> int:
    """How many of these jobs are as new as that one, or newer."""
    return session.scalar(select(func.count(Job.id)).where(*which.conditions, Job.id >= job_id)) or 0


def find_unfinished(session: Session, spec: AnyJob) -> Job | None:
    """The newest job with an equal spec that is waiting or running, if there is one."""
    query = select(Job).where(
        Job.digest == spec.digest, Job.state.in_([JobState.QUEUED, JobState.RUNNING]), Job.cancel_requested_at.is_(None)
    )
    return session.scalar(query.order_by(Job.id.desc()).limit(1))


def list_unfinished(session: Session, *, failed_since: datetime) -> list[Job]:
    """Jobs that wait or run, and those that failed or were cancelled since a moment, which may be tried again."""
    waits = Job.state.in_([JobState.QUEUED, JobState.RUNNING])
    failed = Job.state.in_([JobState.FAILED, JobState.CANCELLED]) & (Job.finished_at >= failed_since)
    return list(session.scalars(select(Job).where(waits | failed).order_by(Job.id)))


def cancel_job(session: Session, job_id: int) -> Job:
    """Ask a job to stop: at once when it still waits, otherwise its worker stops it within seconds.

    The unfinished members of a pipeline are stopped, too. Raises ``Conflict`` when the job has ended.
    """
    row = get_job(session, job_id)
    if JobState(row.state).is_final:
        raise Conflict(f"Job {row.id} has already ended: it is {row.state}.")
    now = datetime.now(UTC)
    family = [row, *(member for member in list_members(session, row.id) if not JobState(member.state).is_final)]
    for one in family:
        one.cancel_requested_at = one.cancel_requested_at or now
        if one.state == JobState.QUEUED:
            one.state, one.finished_at, one.note = JobState.CANCELLED, now, "cancelled before it started"
    session.flush()
    return row


def retry_job(session: Session, job_id: int) -> Job:
    """Queue a failed or cancelled job again; it goes on from its last checkpoint.

    The members of a pipeline that did not succeed are queued again, too. Raises ``Conflict`` for any other state.
    """
    row = get_job(session, job_id)
    if row.state not in (JobState.FAILED, JobState.CANCELLED):
        remedy = "a job that succeeded is started again as a new one" if row.state == JobState.SUCCEEDED else "wait"
        raise Conflict(f"Job {row.id} is {row.state}; only failed and cancelled jobs can be tried again: {remedy}.")
    for one in [row, *list_members(session, row.id)]:
        if one.state in (JobState.FAILED, JobState.CANCELLED):
            one.state, one.attempt, one.queued_at = JobState.QUEUED, one.attempt + 1, datetime.now(UTC)
            one.started_at = one.finished_at = one.cancel_requested_at = None
            one.owner = one.worker = one.failure = one.result = one.rate = one.eta_s = None
            one.done, one.total, one.note = 0, 0, ""
    session.flush()
    return row


def list_steps(session: Session, job_id: int) -> list[JobStep]:
    """The steps of a job's runs in the order in which they began."""
    return list(session.scalars(select(JobStep).where(JobStep.job_id == job_id).order_by(JobStep.id)))


def list_log(session: Session, job_id: int, *, after_id: int = 0, limit: int = LOG_LINES_MAX) -> list[JobLog]:
    """Lines of a job's log after a known one, oldest first."""
    query = select(JobLog).where(JobLog.job_id == job_id, JobLog.id > after_id).order_by(JobLog.id).limit(limit)
    return list(session.scalars(query))


def tail_log(session: Session, job_id: int, *, n_lines: int) -> list[JobLog]:
    """The last lines of a job's log, oldest first."""
    query = select(JobLog).where(JobLog.job_id == job_id).order_by(JobLog.id.desc()).limit(n_lines)
    return list(session.scalars(query))[::-1]
