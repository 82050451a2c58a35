"""Figures of the catalog for those who watch it: jobs by kind and state, waits, rates, workers. Three short queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.catalog.tables import Job, Worker
from store.jobs import QUEUE_OF
from store.vocabulary import JobKind, JobState, Queue, WorkerState

RECENT_S = 3600.0


@dataclass(frozen=True)
class Starts:
    """Jobs of a queue that began to run within the last ``RECENT_S``, and how long they had waited on average."""

    n: int = 0
    mean_wait_s: float = 0.0


@dataclass(frozen=True)
class Figures:
    """How jobs and workers stand at one moment; every kind, state and queue is there."""

    jobs: Mapping[tuple[JobKind, JobState], int]
    oldest_wait_s: Mapping[Queue, float]
    """Age of the job that waits longest; 0 when none does."""
    starts: Mapping[Queue, Starts]
    rates: Mapping[JobKind, float]
    """Units per second of all running jobs of a kind together."""
    workers: Mapping[WorkerState, int]
    longest_silence_s: float
    """Since the last sign of life of the most silent worker that counts as alive; 0 when there is none."""


class _Group(NamedTuple):
    """All jobs of one kind in one state."""

    kind: JobKind
    state: JobState
    n: int
    queued_at: datetime
    rate: float


def read_figures(session: Session, *, now: datetime) -> Figures:
    """Figures of this moment."""
    groups = _groups(session)
    rows = session.execute(select(Worker.state, func.count(), func.min(Worker.seen_at)).group_by(Worker.state))
    workers = {WorkerState(state): (n, seen_at) for state, n, seen_at in rows}
    return Figures(
        jobs=_counts(groups),
        oldest_wait_s=_oldest(groups, now=now),
        starts=_starts(session, now=now),
        rates=_rates(groups),
        workers={state: workers[state][0] if state in workers else 0 for state in WorkerState},
        longest_silence_s=_age_s(workers[alive][1], now) if (alive := WorkerState.ALIVE) in workers else 0.0,
    )


def _groups(session: Session) -> list[_Group]:
    query = select(Job.kind, Job.state, func.count(), func.min(Job.queued_at), func.sum(Job.rate))
    rows = session.execute(query.group_by(Job.kind, Job.state))
    return [_Group(JobKind(kind), JobState(state), n, moment, rate or 0.0) for kind, state, n, moment, rate in rows]


def _counts(groups: list[_Group]) -> dict[tuple[JobKind, JobState], int]:
    found = {(group.kind, group.state): group.n for group in groups}
    return {(kind, state): found.get((kind, state), 0) for kind in JobKind for state in JobState}


def _oldest(groups: list[_Group], *, now: datetime) -> dict[Queue, float]:
    oldest = dict.fromkeys(Queue, 0.0)
    for group in groups:
        if group.state == JobState.QUEUED:
            queue = QUEUE_OF[group.kind]
            oldest[queue] = max(oldest[queue], _age_s(group.queued_at, now))
    return oldest


def _rates(groups: list[_Group]) -> dict[JobKind, float]:
    return {kind: sum(g.rate for g in groups if (g.kind, g.state) == (kind, JobState.RUNNING)) for kind in JobKind}


def _starts(session: Session, *, now: datetime) -> dict[Queue, Starts]:
    since = now - timedelta(seconds=RECENT_S)
    waits: dict[Queue, list[float]] = {queue: [] for queue in Queue}
    rows = session.execute(select(Job.kind, Job.queued_at, Job.started_at).where(Job.started_at >= since))
    for kind, queued_at, started_at in rows:
        if started_at is not None:
            waits[QUEUE_OF[JobKind(kind)]].append(_age_s(queued_at, started_at))
    return {queue: Starts(len(some), sum(some) / len(some)) if some else Starts() for queue, some in waits.items()}


def _age_s(moment: datetime, now: datetime) -> float:
    """Seconds from a moment to now; never less than 0, whatever the clocks of several machines say."""
    return max((now - moment).total_seconds(), 0.0)
