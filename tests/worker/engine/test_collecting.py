"""gc works beside workers and commands: what was left long ago goes, what they use and make stays."""

import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from store.artifacts import Artifacts
from store.catalog.session import Catalog
from store.settings import Settings
from store.vocabulary import JobState, Kind
from tests.worker.chains import make_chain
from tests.working import Inputs, drafts, look, published, submit, wait_end, wait_for, working
from worker.collector import Collector


def collect(settings: Settings, catalog: Catalog, *, grace: timedelta = timedelta(0)) -> list[str]:
    """Digests or keys of what was removed."""
    collector = Collector(Artifacts(settings.store), catalog)
    removed = collector.remove(collector.look(grace=grace))
    return [getattr(one.thing, "digest", "") or one.thing.address for one in removed]  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_running_extraction_and_training_lose_nothing(settings: Settings, catalog: Catalog, inputs: Inputs) -> None:
    old = make_chain(Artifacts(settings.store), listing="left long ago", days=30)
    job, removed, n_looks = submit(catalog, inputs.pipeline(epochs=30)), list[str](), 0
    with working(settings):
        deadline = time.monotonic() + 120
        while not JobState(look(catalog, job).state).is_final and time.monotonic() < deadline:
            removed += collect(settings, catalog)
            n_looks += 1
            time.sleep(0.2)
        row = wait_end(catalog, job)
    assert (row.state, row.failure) == (JobState.SUCCEEDED, None)
    assert n_looks > 5
    assert set(removed) == old.digests
    whole = published(settings.store)
    made = {Kind.COLLECTION, Kind.ACTIVATIONS, Kind.DICTIONARY, Kind.ATLAS}
    assert {kind: len(found) for kind, found in whole.items()} == {kind.value: kind in made for kind in Kind}
    assert drafts(settings.store) == []
    assert collect(settings, catalog) == []
    assert published(settings.store) == whole


@pytest.mark.slow
def test_a_killed_worker_goes_on_from_what_gc_left(settings: Settings, catalog: Catalog, inputs: Inputs) -> None:
    ingest = submit(catalog, inputs.ingest())
    with working(settings):
        wait_end(catalog, ingest)
    job = submit(catalog, inputs.train())
    with working(settings):
        wait_for(catalog, job, lambda _: bool(list(settings.store.glob("activations/.drafts/*/shard-*"))))
    before = drafts(settings.store)
    assert before
    assert collect(settings, catalog) == []
    assert drafts(settings.store) == before
    assert look(catalog, job).state == JobState.RUNNING
    with working(settings):
        assert wait_end(catalog, job).state == JobState.SUCCEEDED


@pytest.mark.slow
def test_a_command_beside_gc_finishes(settings: Settings, catalog: Catalog, inputs: Inputs) -> None:
    old = make_chain(Artifacts(settings.store), listing="left long ago", days=30)
    ingest = submit(catalog, inputs.ingest())
    with working(settings):
        wait_end(catalog, ingest)
    reads = ["--model", "timm/test_resnet", "--weights", str(inputs.weights), "--layer", "layer4", "--size", "96x128"]
    small = ["--n-concepts", "24", "--n-active", "4", "--epochs", "3", "--slug", "small", "--device", "cpu"]
    command = [sys.executable, "-m", "worker.cli", "train", "drawn", *reads, *small, "--store", str(settings.store)]
    environment, removed = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}, list[str]()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while process.poll() is None:
            removed += collect(settings, catalog, grace=timedelta(hours=1))
            time.sleep(0.2)
        assert process.stderr is not None
        assert process.returncode == 0, process.stderr.read()
    assert set(removed) == old.digests
    kept = {kind for kind, found in published(settings.store).items() if found}
    assert kept == {Kind.COLLECTION, Kind.ACTIVATIONS, Kind.DICTIONARY}
