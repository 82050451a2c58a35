"""The command line of a job, read back by the real command line, asks for that very job."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from store.catalog.jobs import get_job
from store.catalog.session import Catalog
from store.commands import command_of, nearest_preset
from store.jobs import (
    AlignJob,
    AnyJob,
    ExtractJob,
    IndexJob,
    IngestJob,
    Member,
    NamedDictionary,
    PipelineJob,
    TrainJob,
    load_job,
)
from store.presets import DEMO_COLLECTION, DEMO_DICTIONARIES, PRESETS
from store.settings import Settings
from store.specs import AlignmentSpec, AtlasSpec, ClassRule, CollectionSpec, ExtractionSpec
from store.vocabulary import Fit
from worker.cli.main import app

PHOTOS = Path("/photos of/all kinds")
FOODS = CollectionSpec(slug="foods", title="Foods, and 'more'")
READ = ExtractionSpec(model="efficientnet-lite0", layer="blocks.6")


def learn(spec: Any, extraction: ExtractionSpec = READ) -> TrainJob:
    named = NamedDictionary(slug="a-b", title='A "b"', spec=spec)
    return TrainJob(collection="foods", extraction=extraction, dictionaries=(named,))


JOBS: dict[str, AnyJob] = {
    "ingest": IngestJob(folder=PHOTOS, collection=FOODS),
    "ingest by prefix": IngestJob(
        folder=PHOTOS,
        collection=FOODS.model_copy(update={"classes": ClassRule(by="prefix", prefix=2), "held_out": 0.3}),
    ),
    "ingest by csv": IngestJob(
        folder=PHOTOS,
        collection=FOODS.model_copy(update={"classes": ClassRule(by="csv", csv="/a b.csv")}),
        rebuild=True,
    ),
    "extract": ExtractJob(collection="foods", extraction=READ),
    "extract live": ExtractJob(
        collection="foods",
        extraction=READ.model_copy(update={"height_px": 320, "width_px": 576, "fit": Fit.COVER, "stored": False}),
    ),
    **{f"train {preset.name}": learn(preset.spec) for preset in PRESETS},
    **{f"train {one.slug}": learn(one.spec, one.extraction) for one in DEMO_DICTIONARIES},
    "train changed": learn(PRESETS[0].spec.model_copy(update={"whiten": True, "lr": 1e-4, "seed": 7, "epochs": 3})),
    "index": IndexJob(dictionary="a-b"),
    "index more": IndexJob(dictionary="a-b", atlas=AtlasSpec(n_examples=25), rebuild=True),
    "align": AlignJob(first="a-b", second="c"),
    "align live": AlignJob(first="a-b", second="c", weights=(Path("/my weights.safetensors"),), rebuild=True),
}


@pytest.mark.parametrize("job", [pytest.param(job, id=name) for name, job in JOBS.items()])
def test_the_command_line_asks_for_that_very_job(tmp_path: Path, job: AnyJob) -> None:
    command = command_of(job)
    assert command is not None
    program, *words = shlex.split(command)
    assert program == "conceptoscope"
    done = CliRunner().invoke(app, [*words, "--store", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    number = json.loads(done.stdout)["id"]
    with Catalog(Settings(store=tmp_path).catalog_url).session() as session:
        assert load_job(get_job(session, number).spec) == job


UNSAYABLE: dict[str, AnyJob] = {
    "a pipeline": PipelineJob(title="p", members=(Member(job=IndexJob(dictionary="a")),)),
    "names of classes": IngestJob(folder=PHOTOS, collection=DEMO_COLLECTION),
    "thumbnails": IngestJob(folder=PHOTOS, collection=FOODS.model_copy(update={"thumbnail_px": 100})),
    "shards": ExtractJob(collection="foods", extraction=READ.model_copy(update={"images_per_shard": 8})),
    "half a size": ExtractJob(collection="foods", extraction=READ.model_copy(update={"height_px": 320})),
    "a digest without its file": ExtractJob(
        collection="foods", extraction=READ.model_copy(update={"weights_sha256": "0" * 64})
    ),
    "two dictionaries": learn(PRESETS[0].spec).model_copy(
        update={"dictionaries": (*learn(PRESETS[0].spec).dictionaries, *learn(PRESETS[1].spec).dictionaries)}
    ),
    "a finer alignment": AlignJob(first="a", second="b", alignment=AlignmentSpec(n_shared=8)),
    "neighbours": IndexJob(dictionary="a", atlas=AtlasSpec(n_neighbors=3)),
}


@pytest.mark.parametrize("job", [pytest.param(job, id=name) for name, job in UNSAYABLE.items()])
def test_what_options_cannot_say_has_no_command(job: AnyJob) -> None:
    assert command_of(job) is None


def test_every_method_has_a_preset_to_start_from() -> None:
    for preset in PRESETS:
        assert nearest_preset(preset.spec) == preset
