"""Figures of jobs and workers, against a walk over all rows."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from store.catalog.figures import RECENT_S, Starts, read_figures
from store.catalog.jobs import list_jobs
from store.catalog.session import Catalog
from store.catalog.workers import list_workers
from store.jobs import QUEUE_OF
from store.vocabulary import JobKind, JobState, Queue, WorkerState
from tests.store.catalog.filling import fill
from tests.store.catalog.queries import asked


def test_figures_are_what_a_walk_over_the_rows_finds(catalog: Catalog) -> None:
    fill(catalog)
    now = datetime.now(UTC)
    with catalog.session() as session:
        figures = read_figures(session, now=now)
        rows, workers = list_jobs(session, limit=10_000), list_workers(session)
    assert {key: n for key, n in figures.jobs.items() if n} == Counter((row.kind, row.state) for row in rows)
    assert len(figures.jobs) == len(JobKind) * len(JobState)
    for queue in Queue:
        mine = [row for row in rows if QUEUE_OF[JobKind(row.kind)] == queue]
        ages = [(now - row.queued_at).total_seconds() for row in mine if row.state == JobState.QUEUED]
        assert figures.oldest_wait_s[queue] == pytest.approx(max(ages, default=0))
        waits = [
            (row.started_at - row.queued_at).total_seconds()
            for row in mine
            if row.started_at and row.started_at >= now - timedelta(seconds=RECENT_S)
        ]
        assert figures.starts[queue].n == len(waits)
        assert figures.starts[queue].mean_wait_s == pytest.approx(sum(waits) / max(len(waits), 1))
    for kind in JobKind:
        rates = [row.rate or 0 for row in rows if (row.kind, row.state) == (kind, JobState.RUNNING)]
        assert figures.rates[kind] == pytest.approx(sum(rates))
    assert figures.workers == dict.fromkeys(WorkerState, 1)
    (alive,) = (worker for worker in workers if worker.state == WorkerState.ALIVE)
    assert figures.longest_silence_s == pytest.approx((now - alive.seen_at).total_seconds())


def test_an_empty_catalog_has_zeros_and_costs_three_questions(catalog: Catalog) -> None:
    with catalog.session() as session, asked(catalog.engine) as statements:
        figures = read_figures(session, now=datetime.now(UTC))
    assert len(statements) == 3
    assert set(figures.jobs.values()) == set(figures.workers.values()) == {0}
    assert figures.oldest_wait_s == dict.fromkeys(Queue, 0)
    assert figures.starts == dict.fromkeys(Queue, Starts())
    assert figures.longest_silence_s == 0


def test_a_clock_that_is_ahead_gives_no_negative_ages(catalog: Catalog) -> None:
    fill(catalog)
    with catalog.session() as session:
        figures = read_figures(session, now=datetime.now(UTC) - timedelta(days=1))
    assert figures.longest_silence_s == 0
    assert min(figures.oldest_wait_s.values()) == 0
