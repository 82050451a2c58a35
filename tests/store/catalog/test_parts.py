"""Parts of a job that several workers share."""

import pytest

from store.catalog.jobs import submit_job
from store.catalog.parts import (
    close_parts,
    find_open_job,
    finish_part,
    list_left,
    open_parts,
    release_parts,
    reopen_part,
    take_part,
)
from store.catalog.runs import Run, start_run
from store.catalog.session import Catalog
from store.catalog.workers import WorkerFacts, declare_lost, register_worker
from store.jobs import IndexJob


@pytest.fixture(autouse=True)
def _two_workers(catalog: Catalog) -> None:
    with catalog.session() as session:
        for name, life in (("one", "a"), ("two", "b")):
            register_worker(session, WorkerFacts(name, life, host="here", pid=1, device="cpu", queues="gpu"))


def offered(catalog: Catalog, *, n: int = 3) -> int:
    """A job that worker one runs, with open parts."""
    with catalog.session() as session:
        job = submit_job(session, IndexJob(dictionary="x")).id
        assert start_run(session, Run(job, 1, owner="a", worker="one"))
        open_parts(session, job, range(n))
    return job


def take(catalog: Catalog, job: int, life: str) -> int | None:
    with catalog.session() as session:
        return take_part(session, job, worker_session=life)


def test_each_part_is_taken_once(catalog: Catalog) -> None:
    job = offered(catalog)
    assert [take(catalog, job, life) for life in "abab"] == [0, 1, 2, None]
    with catalog.session() as session:
        assert finish_part(session, job, 0, worker_session="a")
        assert not finish_part(session, job, 1, worker_session="a")
        assert list_left(session, job) == {1, 2}
        reopen_part(session, job, 0)
    assert take(catalog, job, "b") == 0


def test_what_a_lost_worker_had_is_free_again(catalog: Catalog) -> None:
    job = offered(catalog, n=2)
    assert [take(catalog, job, life) for life in "ba"] == [0, 1]
    with catalog.session() as session:
        assert declare_lost(session, "two", worker_session="b", beat_seen=0)
    assert take(catalog, job, "a") == 0
    with catalog.session() as session:
        assert not finish_part(session, job, 0, worker_session="b")


def test_open_jobs_of_others_are_found_and_begun_parts_released(catalog: Catalog) -> None:
    job = offered(catalog, n=1)
    with catalog.session() as session:
        found = find_open_job(session, worker_session="b")
        assert found is not None
        assert found.id == job
        assert find_open_job(session, worker_session="a") is None  # its own
    assert take(catalog, job, "b") == 0
    with catalog.session() as session:
        assert find_open_job(session, worker_session="b") is None
        release_parts(session, worker_session="a")  # not what others have begun
        assert take_part(session, job, worker_session="a") is None
        release_parts(session, worker_session="b")
        assert take_part(session, job, worker_session="a") == 0
        release_parts(session, worker_session="a")  # nor what it has begun for its own job
        assert take_part(session, job, worker_session="b") is None
        close_parts(session, job)
        assert list_left(session, job) == set()
