"""What the doctor says of workers, queues and jobs, over a real store; and that it changes nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from store.catalog.jobs import get_job, submit_job
from store.catalog.runs import Progress, Run, save_progress, start_run
from store.catalog.session import Catalog
from store.catalog.workers import WorkerFacts, declare_lost, register_worker, stop_worker
from store.jobs import AnyJob, IndexJob
from store.settings import Settings
from tests.working import Inputs
from worker.doctor.finding import Finding, Later, in_words
from worker.doctor.work import look_at_work

ALL = "cpu,gpu,pipelines"


class Store:
    """A store with workers and jobs, and the doctor's words on them after some time."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(store=folder)
        self.catalog = Catalog(self.settings.catalog_url)

    def born(self, name: str = "w", queues: str = ALL) -> WorkerFacts:
        facts = WorkerFacts(name, session=f"life of {name}", host="here", pid=1, device="cpu", queues=queues)
        with self.catalog.session() as session:
            register_worker(session, facts)
        return facts

    def ask(self, job: AnyJob) -> int:
        with self.catalog.session() as session:
            return submit_job(session, job).id

    def run(self, job: int, facts: WorkerFacts, *, note: str = "images") -> None:
        run = Run(job, 1, owner=facts.session, worker=facts.name)
        with self.catalog.session() as session:
            assert start_run(session, run)
            save_progress(session, run, Progress(1, 9, note))

    def said(self, *, after_s: float = 0, workers_live: bool = True) -> dict[str, Finding]:
        """Findings by what they are about; workers go on beating meanwhile if they live."""
        patience = Settings(store=self.settings.store, lost_after_s=3600 if workers_live else 30)
        found = look_at_work(patience, now=datetime.now(UTC) + timedelta(seconds=after_s))
        assert all(bool(one.remedy) == (one.state != "good") for one in found)
        return {one.what: one for one in found}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "store")
    yield made
    made.catalog.close()


INDEX = IndexJob(dictionary="a")


def test_nobody_is_needed_where_nothing_waits(store: Store) -> None:
    assert store.said() == {"workers": Finding("workers", "good", "none lives, and no job waits")}


def test_a_living_worker_is_named_with_what_it_runs(store: Store) -> None:
    facts = store.born()
    job = store.ask(INDEX)
    store.run(job, facts)
    [found] = store.said().values()
    assert (found.what, found.state) == ("worker w", "good")
    assert found.found == f"lives on here (cpu), takes {ALL}; runs job {job}"


def test_jobs_that_wait_for_nobody(store: Store, tmp_path: Path) -> None:
    store.ask(INDEX)
    store.ask(INDEX)
    said = store.said(after_s=200)
    assert said["workers"].state == said["queue cpu"].state == "bad"
    assert said["queue cpu"].found == "2 jobs waiting, the first (1) for 3 min, and no worker takes them"
    assert "conceptoscope worker --queue cpu" in said["queue cpu"].remedy
    store.born(queues="gpu,pipelines")
    assert store.said()["queue cpu"].state == "bad"
    store.born("other", queues="cpu,pipelines")
    assert store.said()["queue cpu"].found.endswith("; taken by other")


def test_each_kind_of_job_waits_in_its_queue(store: Store, tmp_path: Path) -> None:
    inputs = Inputs.draw(tmp_path / "inputs", n=2)
    store.ask(inputs.train())
    store.ask(inputs.pipeline())
    assert {"queue gpu", "queue pipelines"} < set(store.said())


def test_a_worker_that_leaves_its_queue_alone_is_suspected(store: Store) -> None:
    facts = store.born()
    store.ask(INDEX)
    assert store.said(after_s=30)["queue cpu"].state == "good"
    assert "though nothing of it runs on w" in store.said(after_s=90)["queue cpu"].found
    store.run(store.ask(INDEX), facts)
    assert store.said(after_s=90)["queue cpu"].state == "good"


def test_a_silent_worker_is_lost_before_anybody_has_said_so(store: Store) -> None:
    facts = store.born()
    store.run(store.ask(INDEX), facts)
    said = store.said(after_s=300, workers_live=False)
    assert said["worker w"].state == "warn"
    assert said["worker w"].found == "lost: no sign of life for 5 min, was on here, has left 1 job"
    assert said["queue cpu"].state == "bad"


def test_a_loss_is_history_after_a_day_and_a_worker_that_stopped_is_none(store: Store) -> None:
    store.born()
    with store.catalog.session() as session:
        declare_lost(session, "w", worker_session="life of w", beat_seen=0)
    assert store.said(after_s=3600)["worker w"].state == "warn"
    assert set(store.said(after_s=100_000)) == {"workers"}
    other = store.born("other")
    with store.catalog.session() as session:
        stop_worker(session, other)
    assert "worker other" not in store.said()


def test_a_job_that_stands_still_is_named_while_its_worker_lives(store: Store) -> None:
    facts = store.born()
    job = store.ask(INDEX)
    store.run(job, facts, note="tokens: epoch 2/3")
    assert f"job {job}" not in store.said(after_s=500)
    found = store.said(after_s=1500)[f"job {job}"]
    assert (found.state, found.found) == ("warn", "Index a stands still for 25 min at 'tokens: epoch 2/3' on w")
    assert f"conceptoscope jobs logs {job}" in found.remedy


def test_telling_the_same_again_is_no_progress(store: Store) -> None:
    facts = store.born()
    job = store.ask(INDEX)
    store.run(job, facts)
    with store.catalog.session() as session:
        before = get_job(session, job).progress_at
        save_progress(session, Run(job, 1, owner=facts.session, worker="w"), Progress(1, 9, "images"))
    with store.catalog.session() as session:
        assert get_job(session, job).progress_at == before


def test_a_pipeline_may_stand_as_long_as_its_members_take(store: Store, tmp_path: Path) -> None:
    facts = store.born()
    store.run(store.ask(Inputs.draw(tmp_path / "inputs", n=2).pipeline()), facts)
    assert set(store.said(after_s=3000)) == {"worker w"}


def test_looking_changes_nothing(store: Store) -> None:
    store.run(store.ask(INDEX), store.born())
    store.catalog.close()
    file = store.settings.store / "catalog.sqlite"
    before = sha256(file.read_bytes()).digest()
    store.said(after_s=100, workers_live=False)
    assert sha256(file.read_bytes()).digest() == before


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1.0, "0 s"), (119.0, "119 s"), (120.0, "2 min"), (7200.0, "2 h"), (2e5, "2 days")]
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_our_own_mistakes_are_not_swallowed() -> None:
    def look() -> list[Finding]:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        Later("x", look, where="there", remedy="none").findings(deadline=1e7)
