"""What earlier jobs took, for estimates of new ones."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.catalog.tables import Job, JobStep
from store.vocabulary import JobState

_MOST = 400


@dataclass(frozen=True)
class DoneStep:
    """A step of a job that succeeded."""

    spec: dict[str, Any]
    made: list[dict[str, Any]]
    name: str
    seconds: float
    peak_bytes: int | None


def list_done_steps(session: Session) -> list[DoneStep]:
    """The newest steps of jobs that succeeded at their first attempt, newest first."""
    query = (
        select(Job.spec, Job.result, JobStep.name, JobStep.started_at, JobStep.finished_at, Job.peak_bytes)
        .join(JobStep, (JobStep.job_id == Job.id) & (JobStep.attempt == Job.attempt))
        .where(Job.state == JobState.SUCCEEDED, Job.attempt == 1, JobStep.finished_at.is_not(None))
        .order_by(JobStep.id.desc())
        .limit(_MOST)
    )
    return [
        DoneStep(spec, (result or {}).get("made", []), name, (ended - began).total_seconds(), peak)
        for spec, result, name, began, ended, peak in session.execute(query)
    ]
