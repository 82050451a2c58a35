"""Jobs from the command line: written down with --detach, listed, shown, cancelled, tried again."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from store.catalog.jobs import get_job
from store.catalog.runs import Run, add_log, finish_run, start_run
from store.catalog.session import Catalog
from store.errors import Conflict, NotFound
from store.jobs import TrainJob, load_job
from store.settings import Settings
from store.vocabulary import JobState
from worker.cli import app


def run(*arguments: str, store: Path) -> str:
    done = CliRunner().invoke(app, [*arguments, "--store", str(store)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def answer(*arguments: str, store: Path) -> Any:
    return json.loads(run(*arguments, "--json", store=store))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


def fail(store: Path, job: int) -> None:
    catalog = Catalog(Settings(store=store).catalog_url)
    one = Run(job, 1, owner="life", worker="w")
    failure = {"message": "The disk is full. Free some space.", "type": "Unavailable", "traceback": "Traceback ..."}
    with catalog.session() as session:
        assert start_run(session, one)
        add_log(session, one, [(get_job(session, job).created_at, "error", "no space")], keep=10)
        finish_run(session, one, JobState.FAILED, failure=failure)
    catalog.close()


def test_detached_commands_write_jobs_down(store: Path, tmp_path: Path) -> None:
    told = run("ingest", str(tmp_path), "--slug", "mine", "--detach", store=store)
    assert told.startswith("job 1: queued (Ingest mine); conceptoscope jobs logs 1 --follow")
    train = ["train", "mine", "--layer", "blocks.6", "--preset", "topk-small", "--seed", "0", "--seed", "1", "--detach"]
    row = answer(*train, store=store)
    job = load_job(row["spec"])
    assert isinstance(job, TrainJob)
    assert [one.spec.seed for one in job.dictionaries] == [0, 1]
    assert (row["kind"], row["state"]) == ("train", "queued")
    run("extract", "mine", "--layer", "blocks.6", "--detach", store=store)
    run("atlas", "some", "--detach", store=store)
    listed = answer("jobs", "list", store=store)
    assert [one["kind"] for one in listed] == ["index", "extract", "train", "ingest"]
    assert [one["kind"] for one in answer("jobs", "list", "--kind", "train", store=store)] == ["train"]
    assert "Index some" in run("jobs", "list", store=store)


def test_a_failed_job_tells_why_and_is_tried_again(store: Path) -> None:
    run("atlas", "some", "--detach", store=store)
    fail(store, 1)
    shown = run("jobs", "show", "1", store=store)
    assert "failure: The disk is full. Free some space." in shown
    assert "Traceback ..." not in shown
    assert answer("jobs", "show", "1", store=store)["failure"]["traceback"] == "Traceback ..."
    assert "error   no space" in run("jobs", "logs", "1", "--follow", store=store)
    assert run("jobs", "retry", "1", store=store) == "job 1: queued, attempt 2\n"
    assert run("jobs", "cancel", "1", store=store) == "job 1: cancelled\n"


def test_mistakes_are_told(store: Path, tmp_path: Path) -> None:
    run("atlas", "some", "--detach", store=store)
    with pytest.raises(NotFound, match="No job named '9'"):
        run("jobs", "show", "9", store=store)
    with pytest.raises(Conflict, match="only failed and cancelled"):
        run("jobs", "retry", "1", store=store)
    with pytest.raises(NotFound, match="No store named"):
        run("jobs", "list", store=tmp_path / "elsewhere")
