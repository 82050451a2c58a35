"""A catalog with jobs of every kind in every state, and reading what Prometheus would read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.main import make_app
from store.catalog.jobs import submit_job
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.catalog.workers import WorkerFacts, declare_lost, register_worker, stop_worker
from store.jobs import IndexJob
from store.settings import Settings
from store.vocabulary import JobKind, JobState

SLACK_S = 1.5  # a busy machine is no hanging one
Labels = frozenset[tuple[str, str]]
Samples = Mapping[str, Mapping[Labels, float]]


def scrape(client: TestClient) -> Samples:
    """Every sample of ``/metrics``: name, labels, value; no sample comes twice."""
    response = client.get("/metrics")
    assert response.status_code == 200
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            series, labels = found.setdefault(sample.name, {}), frozenset(sample.labels.items())
            assert labels not in series, (sample.name, labels)
            series[labels] = sample.value
    return found


def labels(**named: str) -> Labels:
    """Labels of a sample."""
    return frozenset(named.items())


@contextmanager
def served(settings: Settings) -> Iterator[TestClient]:
    """A client of the program over a store."""
    with TestClient(make_app(settings), raise_server_exceptions=False) as client:
        yield client


def state_of(client: TestClient) -> Any:
    """What the program of a client holds."""
    return client.app.state  # type: ignore[attr-defined]


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
