"""A real worker joins two streams: to the catalog and the atlas, killed on the way, and what is refused with words."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.artifacts import Artifacts
from store.atlas.reader import Atlas
from store.catalog.dictionaries import get_dictionary
from store.catalog.jobs import list_steps
from store.catalog.session import Catalog
from store.jobs import AlignJob, AnyJob, IndexJob
from store.settings import Settings
from store.specs import AtlasSpec
from store.vocabulary import JobState, Kind
from tests.working import MODEL, Inputs, drafts, published, submit, wait_end, wait_for, working

EPOCHS = 600
SHARDS = "activations/.drafts/*/shard-*"


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory, inputs: Inputs) -> Iterator[Settings]:
    """A store with the photos, and a worker over it."""
    settings = Settings(store=tmp_path_factory.mktemp("joined"))
    catalog = Catalog(settings.catalog_url)
    with working(settings):
        assert wait_end(catalog, submit(catalog, inputs.ingest())).state == JobState.SUCCEEDED
        yield settings
    catalog.close()


@pytest.mark.slow
def test_streams_become_a_dictionary_with_an_atlas(worked: Settings, inputs: Inputs) -> None:
    catalog = Catalog(worked.catalog_url)
    row = wait_end(catalog, submit(catalog, inputs.universal(references=True)))
    assert (row.state, row.failure) == (JobState.SUCCEEDED, None)
    made = (row.result or {})["made"]
    assert [one["kind"] for one in made] == ["activations", "activations", "universal"]
    atlas = wait_end(catalog, submit(catalog, IndexJob(dictionary="joint", atlas=AtlasSpec(n_examples=9))))
    assert (atlas.state, atlas.failure) == (JobState.SUCCEEDED, None)
    with catalog.session() as session:
        steps = [step.name for step in list_steps(session, row.id)]
        shown = get_dictionary(session, "joint")
        model = shown.model
    catalog.close()
    assert steps == ["activations 1", "activations 2", "universal"]
    assert (shown.digest, shown.method, shown.layer) == (made[2]["digest"], "universal", "layer4 + layer3")
    assert (model.slug, model.title) == ("timm-test-resnet-timm-test-resnet", "test_resnet + test_resnet")
    assert [(one["model"], one["layer"]) for one in model.facts["streams"]] == [(MODEL, "layer4"), (MODEL, "layer3")]
    assert shown.atlas is not None
    assert shown.atlas.headline.keys() == {"r2", "l0", "dead_share_held_out", "dense_share"}
    assert shown.metrics["r2"] == shown.metrics["own_r2"]
    opened = Atlas(Artifacts(worked.store).get(Kind.ATLAS, shown.atlas.digest))
    assert opened.meta["metrics"] == shown.metrics
    opened.close()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"collection": "drawm"}, "No collection named 'drawm'. Known: drawn."),
        ({"spec": {"grid_rows": 5}}, "has a grid of 3x4 and cannot be resampled to the finer 5x4"),
    ],
)
def test_what_cannot_be_joined_fails_with_words(
    worked: Settings, inputs: Inputs, wrong: dict[str, object], told: str
) -> None:
    job = inputs.universal("wrong", **wrong.pop("spec", {}))  # type: ignore[arg-type]
    assert told in message(worked, job.model_copy(update=wrong))


def test_alignment_is_for_dictionaries_of_one_model(worked: Settings, inputs: Inputs) -> None:
    catalog = Catalog(worked.catalog_url)
    for job in (inputs.universal(), inputs.train("single")):
        assert wait_end(catalog, submit(catalog, job)).state == JobState.SUCCEEDED
    catalog.close()
    told = message(worked, AlignJob(first="single", second="joint"))
    assert told.startswith("'joint' is a universal dictionary")
    assert "dictionaries of one model" in told


def message(settings: Settings, job: AnyJob) -> str:
    catalog = Catalog(settings.catalog_url)
    row = wait_end(catalog, submit(catalog, job))
    catalog.close()
    assert row.state == JobState.FAILED
    return str((row.failure or {})["message"])


@pytest.mark.slow
def test_a_worker_killed_while_it_reads_and_while_it_learns_ends_with_the_same_bits(
    tmp_path: Path, inputs: Inputs
) -> None:
    found = []
    for killed in (True, False):
        settings = Settings(store=tmp_path / f"store-{killed}")
        catalog = Catalog(settings.catalog_url)
        with working(settings):
            wait_end(catalog, submit(catalog, inputs.ingest()))
        job = submit(catalog, inputs.universal(epochs=EPOCHS))
        if killed:
            with working(settings):
                reading = wait_for(catalog, job, lambda _, store=settings.store: any(store.glob(SHARDS)))
            with working(settings):
                learning = wait_for(catalog, job, lambda row: "epoch" in row.note and row.done > 0)
            assert (reading.state, learning.state) == (JobState.RUNNING, JobState.RUNNING)
        with working(settings):
            row = wait_end(catalog, job)
        catalog.close()
        assert (row.state, row.failure, row.attempt) == (JobState.SUCCEEDED, None, 1)
        assert drafts(settings.store) == []
        found.append(published(settings.store))
    assert found[0] == found[1]
