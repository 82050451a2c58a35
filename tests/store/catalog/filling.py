"""A catalog with jobs of every kind in every state."""

from datetime import UTC, datetime, timedelta
from itertools import count

from store.catalog.jobs import submit_job
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.catalog.workers import WorkerFacts, declare_lost, register_worker, stop_worker
from store.jobs import IndexJob
from store.vocabulary import JobKind, JobState


def fill(catalog: Catalog) -> None:
    """Jobs of every kind in every state, another number of each, with other times and rates; three workers."""
    now, numbers = datetime.now(UTC), count(1)
    with catalog.session() as session:
        for kind in JobKind:
            for state in JobState:
                for _ in range(next(numbers) % 4):
                    _shape(submit_job(session, IndexJob(dictionary="a")), kind, state, now=now, number=next(numbers))
        for name in ("one", "two", "three"):
            facts = WorkerFacts(name=name, session=f"life of {name}", host="h", pid=1, device="cpu", queues="cpu")
            register_worker(session, facts)
            if name == "two":
                stop_worker(session, facts)
            if name == "three":
                assert declare_lost(session, name, worker_session=facts.session, beat_seen=0)


def _shape(job: Job, kind: JobKind, state: JobState, *, now: datetime, number: int) -> None:
    job.kind, job.state, job.queued_at = kind, state, now - timedelta(seconds=97 * number)
    if state != JobState.QUEUED:
        job.started_at = job.queued_at + timedelta(seconds=11 * number)
        job.rate = 0.5 * number if number % 3 else None
