"""Workers that end without warning: what they left goes on, to the same bits, and nothing half made is ever seen."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from store.catalog.jobs import list_members
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.catalog.workers import list_workers
from store.settings import Settings
from store.vocabulary import JobKind, JobState, WorkerState
from tests.working import (
    PATIENCE_S,
    Inputs,
    drafts,
    kill,
    look,
    published,
    start_worker,
    submit,
    wait_end,
    wait_for,
    working,
)

Moment = tuple[JobKind, Callable[[Path, Job], bool]]

EPOCHS = 600
MOMENTS: dict[str, Moment] = {
    "ingest begins": (JobKind.INGEST, lambda _, row: row.state == JobState.RUNNING),
    "some shards are there": (JobKind.TRAIN, lambda store, _: any(store.glob("activations/.drafts/*/shard-*"))),
    "training is under way": (JobKind.TRAIN, lambda _, row: "epoch" in row.note),
    "the atlas is made": (JobKind.INDEX, lambda _, row: row.state == JobState.RUNNING),
}


def whole_run(folder: Path, inputs: Inputs) -> dict[str, list[str]]:
    """What an unkilled worker makes of the pipeline."""
    settings = Settings(store=folder)
    catalog = Catalog(settings.catalog_url)
    job = submit(catalog, inputs.pipeline(epochs=EPOCHS))
    with working(settings):
        assert wait_end(catalog, job).state == JobState.SUCCEEDED
    catalog.close()
    return published(folder)


def wait_for_member(store: Path, catalog: Catalog, parent: int, moment: Moment) -> Job:
    kind, wanted = moment
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with catalog.session() as session:
            found = [row for row in list_members(session, parent) if row.kind == kind]
        if found and (wanted(store, found[0]) or JobState(found[0].state).is_final):
            return found[0]
        time.sleep(0.01)
    raise AssertionError(f"no {kind} job came to its moment")


@pytest.mark.slow
def test_a_worker_killed_at_each_part_of_the_pipeline_ends_with_the_same_bits(
    tmp_path: Path, settings: Settings, catalog: Catalog, inputs: Inputs
) -> None:
    job = submit(catalog, inputs.pipeline(epochs=EPOCHS))
    killed_in = []
    for moment in MOMENTS.values():
        with working(settings):
            killed_in.append(wait_for_member(settings.store, catalog, job, moment).state)
    with working(settings):
        row = wait_end(catalog, job)
    assert (row.state, row.failure) == (JobState.SUCCEEDED, None)
    assert killed_in == [JobState.RUNNING] * len(MOMENTS)  # none came too late
    assert published(settings.store) == whole_run(tmp_path / "whole", inputs)
    assert drafts(settings.store) == []


@pytest.mark.slow
def test_a_surviving_worker_takes_over_and_the_outlived_one_cannot_publish(
    settings: Settings, catalog: Catalog, inputs: Inputs
) -> None:
    """The first worker is stopped, not ended: it keeps its locks, and comes back when its job is done."""
    ingest = submit(catalog, inputs.ingest())
    with working(settings, name="one", lost_after_s=2) as one:
        wait_end(catalog, ingest)
        job = submit(catalog, inputs.train("small", epochs=3000))
        assert wait_for(catalog, job, lambda row: "epoch" in row.note).state == JobState.RUNNING
        one.send_signal(signal.SIGSTOP)
        with working(settings, name="two", lost_after_s=2):
            taken = wait_for(catalog, job, lambda row: row.worker == "two", seconds=30)
            assert taken.state == JobState.RUNNING
            done = wait_end(catalog, job)
            one.send_signal(signal.SIGCONT)
            time.sleep(3)
            with catalog.session() as session:
                states = {row.name: row.state for row in list_workers(session)}
            after = look(catalog, job)
    assert done.state == JobState.SUCCEEDED
    assert states == {"one": WorkerState.ALIVE, "two": WorkerState.ALIVE}  # the first has begun a new life
    assert (after.worker, after.result, after.finished_at) == ("two", done.result, done.finished_at)


@pytest.mark.slow
def test_a_job_of_a_living_worker_is_never_taken(settings: Settings, catalog: Catalog, inputs: Inputs) -> None:
    ingest = submit(catalog, inputs.ingest())
    with working(settings, name="one", lost_after_s=2), working(settings, name="two", lost_after_s=2):
        wait_end(catalog, ingest)
        job = submit(catalog, inputs.train("small", epochs=3000))
        running = wait_for(catalog, job, lambda row: row.state == JobState.RUNNING)
        watched = time.monotonic() + 6  # three times as long as silence may last
        while time.monotonic() < watched and not JobState(look(catalog, job).state).is_final:
            assert look(catalog, job).worker == running.worker
            time.sleep(0.05)


@pytest.mark.slow
def test_a_worker_told_to_end_leaves_its_job_to_the_next(settings: Settings, catalog: Catalog, inputs: Inputs) -> None:
    wait = submit(catalog, inputs.ingest())
    first = start_worker(settings, name="one")
    try:
        wait_end(catalog, wait)
        job = submit(catalog, inputs.train("small", epochs=EPOCHS))
        running = wait_for(catalog, job, lambda row: "epoch" in row.note)
        first.terminate()
        assert first.wait(timeout=20) == 0
        assert look(catalog, job).state == JobState.RUNNING  # waits for a worker, did not fail
        with working(settings, name="two"):
            row = wait_end(catalog, job)
    finally:
        kill(first)
    assert (row.state, row.worker) == (JobState.SUCCEEDED, "two")
    assert running.worker == "one"


@pytest.mark.slow
def test_jobs_outlive_the_tables_of_the_engine(settings: Settings, catalog: Catalog, inputs: Inputs) -> None:
    """One job runs, one waits in the engine's queue; both are known to the catalog, and to nobody else any more."""
    with working(settings):
        wait_end(catalog, submit(catalog, inputs.ingest()))
        jobs = [submit(catalog, inputs.train(f"small-{seed}", epochs=EPOCHS, seed=seed)) for seed in range(2)]
        assert wait_for(catalog, jobs[0], lambda row: "epoch" in row.note).state == JobState.RUNNING
        assert wait_for(catalog, jobs[1], lambda row: row.handed_attempt == 1).state == JobState.QUEUED
    for path in settings.store.glob("jobs.sqlite*"):
        path.unlink()
    with working(settings):
        rows = [wait_end(catalog, job) for job in jobs]
    assert [(row.state, row.attempt) for row in rows] == [(JobState.SUCCEEDED, 1)] * 2
