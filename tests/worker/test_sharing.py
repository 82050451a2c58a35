"""Shards of one extraction made by several workers: the same artifact as from one, whoever makes what."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from store.artifacts import Artifact, Artifacts
from store.catalog.jobs import submit_job
from store.catalog.runs import Run, start_run
from store.catalog.session import Catalog
from store.catalog.workers import WorkerFacts, declare_lost, register_worker
from store.collection import Collection
from store.jobs import IndexJob
from store.specs import CollectionSpec, ExtractionSpec
from store.vocabulary import Kind
from tests.worker.images.photos import save_photos
from tests.worker.jobs.small_model import SmallModel
from worker.engine.parts import JobParts
from worker.extraction import Extraction
from worker.jobs.extract import extract
from worker.jobs.ingest import ingest
from worker.jobs.requests import activations_inputs
from worker.sharing import AllMine, help_out

SPEC = ExtractionSpec(model="small", layer="conv", images_per_shard=2)


@pytest.fixture
def task(tmp_path: Path) -> Extraction:
    photos = tmp_path / "photos"
    save_photos(photos, 13)
    made = ingest(photos, CollectionSpec(slug="p", title="P", held_out=0.3), Artifacts(tmp_path / "collections"))
    return Extraction(SPEC, SmallModel(), Collection(made), photos, torch.device("cpu"))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    yield catalog
    catalog.close()


@pytest.fixture
def parts_of(catalog: Catalog) -> Callable[[str], JobParts]:
    """The parts of one running job, as a worker's session sees them."""
    with catalog.session() as session:
        for life in ("a", "b"):
            register_worker(session, WorkerFacts(life, life, host="here", pid=1, device="cpu", queues="gpu"))
        job = submit_job(session, IndexJob(dictionary="x")).id
        assert start_run(session, Run(job, 1, owner="a", worker="a"))
    return lambda life: JobParts(catalog, job, worker_session=life)


def alone(task: Extraction, folder: Path) -> Artifact:
    return extract(task, Artifacts(folder))


class HelpedAfter(AllMine):
    """The parts of the one who runs the job; when it takes its first, somebody else makes some."""

    def __init__(self, parts: JobParts, help_now: Callable[[], Any]) -> None:
        super().__init__()
        self._parts, self._help = parts, help_now
        self.open, self.finish, self.reopen, self.left = parts.open, parts.finish, parts.reopen, parts.left  # type: ignore[method-assign]

    def take(self) -> int | None:
        help_now, self._help = self._help, lambda: None
        help_now()
        return self._parts.take()


def test_a_helper_makes_shards_of_the_same_artifact(
    task: Extraction, tmp_path: Path, parts_of: Callable[[str], JobParts]
) -> None:
    artifacts = Artifacts(tmp_path / "shared")
    shared = artifacts.shared_draft(Kind.ACTIVATIONS, SPEC, inputs=activations_inputs(task.collection.artifact))
    made: list[int] = []

    def help_now() -> None:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        few = parts_of("b")
        take, left = few.take, [3]

        def take_some() -> int | None:
            left[0] -= 1
            return take() if left[0] >= 0 else None

        few.take = take_some  # type: ignore[method-assign]
        made.append(help_out(task, few, shared, scratch))

    built = extract(task, artifacts, parts=HelpedAfter(parts_of("a"), help_now))
    built.verify()
    assert made == [3]
    assert built.digest == alone(task, tmp_path / "alone").digest
    assert shared.names() == set()
    assert sorted(path.name for path in (tmp_path / "scratch").iterdir()) == []


def test_shards_of_a_helper_that_is_lost_are_made_again(
    task: Extraction, tmp_path: Path, catalog: Catalog, parts_of: Callable[[str], JobParts]
) -> None:
    """It has taken some and goes silent; its job's worker waits, and takes them when it has been declared lost."""

    def take_and_die() -> None:
        assert parts_of("b").take() == 0
        assert parts_of("b").take() == 1

        def lose() -> None:
            with catalog.session() as session:
                assert declare_lost(session, "b", worker_session="b", beat_seen=0)

        threading.Timer(0.6, lose).start()

    waited: list[str] = []
    parts = HelpedAfter(parts_of("a"), take_and_die)
    built = extract(
        task, Artifacts(tmp_path / "shared"), parts=parts, on_progress=lambda _done, _total, note: waited.append(note)
    )
    assert "images: other workers make 2 shards" in waited
    assert built.digest == alone(task, tmp_path / "alone").digest


def test_nobody_helps_with_another_program(
    task: Extraction, tmp_path: Path, parts_of: Callable[[str], JobParts], monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = Artifacts(tmp_path / "shared")
    shared = artifacts.shared_draft(Kind.ACTIVATIONS, SPEC, inputs=activations_inputs(task.collection.artifact))
    made: list[int] = []

    def help_now() -> None:
        with monkeypatch.context() as changed:
            changed.setattr(torch, "__version__", "1.0")
            made.append(help_out(task, parts_of("b"), shared, tmp_path))

    extract(task, artifacts, parts=HelpedAfter(parts_of("a"), help_now))
    assert made == [0]


def test_what_helpers_had_made_before_the_job_was_cut_off_is_used(
    task: Extraction, tmp_path: Path, parts_of: Callable[[str], JobParts]
) -> None:
    artifacts = Artifacts(tmp_path / "shared")
    shared = artifacts.shared_draft(Kind.ACTIVATIONS, SPEC, inputs=activations_inputs(task.collection.artifact))

    def help_and_cut_off() -> None:
        assert help_out(task, parts_of("b"), shared, tmp_path) == task.n_shards
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(task, artifacts, parts=HelpedAfter(parts_of("a"), help_and_cut_off))
    told: list[str] = []
    built = extract(task, artifacts, on_progress=lambda _done, _total, note: told.append(note))
    assert told == ["images: publishing"]
    assert built.digest == alone(task, tmp_path / "alone").digest
