"""A real worker process takes real jobs: from asking to the end, failure, cancelling, trying again."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.catalog.alignments import find_alignment
from store.catalog.dictionaries import get_dictionary
from store.catalog.jobs import cancel_job, list_log, list_members, list_steps, retry_job
from store.catalog.session import Catalog
from store.jobs import AlignJob, IndexJob, Member, PipelineJob
from store.settings import Settings
from store.vocabulary import JobState
from tests.working import Inputs, drafts, look, published, submit, wait_end, wait_for, working


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(store=tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def catalog(settings: Settings, inputs: Inputs) -> Iterator[Catalog]:
    catalog = Catalog(settings.catalog_url)
    with working(settings):
        assert wait_end(catalog, submit(catalog, inputs.ingest())).state == JobState.SUCCEEDED
        yield catalog
    catalog.close()


@pytest.mark.slow
def test_a_pipeline_runs_to_its_atlas(settings: Settings, catalog: Catalog, inputs: Inputs) -> None:
    job = submit(catalog, inputs.pipeline())
    row = wait_end(catalog, job)
    assert (row.state, row.failure) == (JobState.SUCCEEDED, None)
    assert row.result is not None
    assert [made["kind"] for made in row.result["made"]] == ["collection", "activations", "dictionary", "atlas"]
    assert {made["digest"] for made in row.result["made"]} == {
        d for found in published(settings.store).values() for d in found
    }
    assert drafts(settings.store) == []
    with catalog.session() as session:
        members = list_members(session, job)
        steps = [step.name for step in list_steps(session, members[1].id)]
        shown = get_dictionary(session, "small")
        told = [line.text for line in list_log(session, members[1].id)]
    assert [member.state for member in members] == [JobState.SUCCEEDED] * 3
    assert steps == ["activations", "dictionaries"]
    assert shown.atlas is not None
    assert any("train small: done" in text for text in told)
    assert members[1].worker == "w"
    assert (members[1].peak_bytes or 0) > 10e6


@pytest.mark.slow
def test_two_seeds_are_aligned_by_a_worker(settings: Settings, catalog: Catalog, inputs: Inputs) -> None:
    for seed in (11, 12):
        assert wait_end(catalog, submit(catalog, inputs.train(f"seed-{seed}", seed=seed))).state == JobState.SUCCEEDED
    row = wait_end(catalog, submit(catalog, AlignJob(first="seed-11", second="seed-12")))
    assert (row.state, row.failure) == (JobState.SUCCEEDED, None)
    assert row.result is not None
    (made,) = row.result["made"]
    assert made["kind"] == "alignment"
    with catalog.session() as session:
        one, other = (get_dictionary(session, f"seed-{seed}").digest for seed in (11, 12))
        found = find_alignment(session, one, other)
        assert [step.name for step in list_steps(session, row.id)] == ["alignment"]
    assert found is not None
    assert found.digest == made["digest"]
    assert made["digest"] in published(settings.store)["alignment"]
    failed = wait_end(catalog, submit(catalog, AlignJob(first="seed-11", second="nothing")))
    assert failed.state == JobState.FAILED
    assert "nothing" in (failed.failure or {})["message"]


def test_equal_jobs_all_succeed_and_make_one_artifact(settings: Settings, catalog: Catalog, inputs: Inputs) -> None:
    before = published(settings.store)["collection"]
    jobs = [submit(catalog, inputs.ingest("twice")) for _ in range(3)]
    made = [wait_end(catalog, job).result for job in jobs]
    found = [one["made"][0] for one in made if one is not None]
    assert len({one["digest"] for one in found}) == 1
    assert sorted(one["reused"] for one in found) == [False, True, True]
    assert made[0] is not None
    assert len(published(settings.store)["collection"]) == len(before) + 1


def test_a_job_that_names_what_is_not_there_fails_with_words(catalog: Catalog) -> None:
    row = wait_end(catalog, submit(catalog, IndexJob(dictionary="smal")))
    assert row.state == JobState.FAILED
    assert row.failure is not None
    assert row.failure["message"].startswith("No dictionary named 'smal'.")
    assert "Traceback" in row.failure["traceback"]
    assert "Traceback" not in row.failure["message"]


def test_a_pipeline_fails_with_its_member(catalog: Catalog, inputs: Inputs) -> None:
    lost = inputs.ingest("lost").model_copy(update={"folder": Path("nowhere")})
    after = Member(job=IndexJob(dictionary="small"), after=(0,))
    job = submit(catalog, PipelineJob(title="Doomed", members=(Member(job=lost), after)))
    row = wait_end(catalog, job)
    assert row.state == JobState.FAILED
    assert row.failure is not None
    assert "Ingest lost" in row.failure["message"]
    assert "nowhere" in row.failure["message"]
    with catalog.session() as session:
        assert len(list_members(session, job)) == 1  # the second was never started


@pytest.mark.slow
def test_a_running_job_is_cancelled_within_seconds_and_goes_on_later(
    settings: Settings, catalog: Catalog, inputs: Inputs
) -> None:
    job = submit(catalog, inputs.train("long", epochs=3000, seed=7))
    running = wait_for(catalog, job, lambda row: row.done > 5000 and "epoch" in row.note)
    asked = time.monotonic()
    with catalog.session() as session:
        cancel_job(session, job)
    assert wait_end(catalog, job).state == JobState.CANCELLED
    assert time.monotonic() - asked < 5
    assert len(drafts(settings.store)) == 1  # with the checkpoint to go on from
    with catalog.session() as session:
        retry_job(session, job)
    again = wait_for(catalog, job, lambda row: "epoch" in row.note)
    assert (again.state, again.attempt) == (JobState.RUNNING, 2)
    assert again.done >= running.done
    with catalog.session() as session:
        cancel_job(session, job)
    wait_end(catalog, job)


def test_a_waiting_job_is_cancelled_at_once(catalog: Catalog, inputs: Inputs) -> None:
    first = submit(catalog, inputs.train("busy", epochs=3000, seed=8))
    wait_for(catalog, first, lambda row: row.state == JobState.RUNNING)
    second = submit(catalog, inputs.train("never", seed=9))
    with catalog.session() as session:
        assert cancel_job(session, second).state == JobState.CANCELLED
        cancel_job(session, first)
    wait_end(catalog, first)
    time.sleep(0.5)
    assert look(catalog, second).started_at is None
