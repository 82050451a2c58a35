"""Workers in the catalog: lives, losses, and parts of a job that several share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.catalog.jobs import submit_job
from store.catalog.session import Catalog
from store.catalog.workers import (
    WorkerFacts,
    beat,
    claim_part,
    declare_lost,
    drop_claims,
    finish_part,
    is_alive,
    list_workers,
    register_worker,
    stop_worker,
)
from store.jobs import IndexJob
from store.vocabulary import WorkerState


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    yield catalog
    catalog.close()


def facts(name: str = "one", life: str = "life-1") -> WorkerFacts:
    return WorkerFacts(name=name, session=life, host="here", pid=1, device="cpu", queues="cpu")


def born(catalog: Catalog, *lives: WorkerFacts) -> None:
    with catalog.session() as session:
        for one in lives:
            register_worker(session, one)


def test_a_worker_is_lost_only_while_it_is_silent(catalog: Catalog) -> None:
    born(catalog, facts())
    with catalog.session() as session:
        assert beat(session, facts())
        assert not declare_lost(session, "one", worker_session="life-1", beat_seen=0)  # it has beaten since
        assert declare_lost(session, "one", worker_session="life-1", beat_seen=1)
        assert not declare_lost(session, "one", worker_session="life-1", beat_seen=1)  # once
        assert not beat(session, facts())
        assert not is_alive(session, "life-1")
    born(catalog, facts(life="life-2"))
    with catalog.session() as session:
        assert beat(session, facts(life="life-2"))
        assert not beat(session, facts())
        [row] = list_workers(session)
    assert (row.session, row.state) == ("life-2", WorkerState.ALIVE)


def test_a_worker_that_stops_says_so(catalog: Catalog) -> None:
    born(catalog, facts())
    with catalog.session() as session:
        stop_worker(session, facts())
    with catalog.session() as session:
        assert [row.state for row in list_workers(session)] == [WorkerState.STOPPED]
        assert not beat(session, facts())


def test_a_part_is_taken_once_and_again_when_its_worker_is_gone(catalog: Catalog) -> None:
    born(catalog, facts("one", "a"), facts("two", "b"))
    with catalog.session() as session:
        job = submit_job(session, IndexJob(dictionary="x")).id
    with catalog.session() as session:
        assert claim_part(session, job, 0, worker_session="a")
        assert claim_part(session, job, 0, worker_session="a")  # its own
        assert not claim_part(session, job, 0, worker_session="b")
        assert declare_lost(session, "one", worker_session="a", beat_seen=0)
        assert claim_part(session, job, 0, worker_session="b")
        assert not finish_part(session, job, 0, worker_session="a")
        assert finish_part(session, job, 0, worker_session="b")
        assert not claim_part(session, job, 0, worker_session="b")  # done
        drop_claims(session, job, parts=[0])
        assert claim_part(session, job, 0, worker_session="b")
