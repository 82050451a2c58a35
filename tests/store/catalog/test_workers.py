"""Workers in the catalog: lives and losses."""

from store.catalog.session import Catalog
from store.catalog.workers import (
    WorkerFacts,
    beat,
    declare_lost,
    is_alive,
    list_workers,
    register_worker,
    stop_worker,
)
from store.vocabulary import WorkerState


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
