"""The command line of a job, read back by the real command line, asks for that very job."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from store.artifacts import sha256_of
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
    UniversalJob,
    load_job,
)
from store.presets import DEMO_COLLECTION, DEMO_DICTIONARIES, DEMO_STREAMS, DEMO_UNIVERSAL, PRESETS
from store.settings import Settings
from store.specs import AlignmentSpec, AtlasSpec, ClassRule, CollectionSpec, ExtractionSpec
from store.universal import UniversalSpec
from store.vocabulary import Fit
from worker.cli.main import app

PHOTOS = Path("/photos of/all kinds")
FOODS = CollectionSpec(slug="foods", title="Foods, and 'more'")
READ = ExtractionSpec(model="efficientnet-lite0", layer="blocks.6")


def learn(spec: Any, extraction: ExtractionSpec = READ) -> TrainJob:
    named = NamedDictionary(slug="a-b", title='A "b"', spec=spec)
    return TrainJob(collection="foods", extraction=extraction, dictionaries=(named,))


JOINED = UniversalJob(
    collection="foods", streams=DEMO_STREAMS, slug="all-three", title="All 'three'", spec=DEMO_UNIVERSAL
)
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
    "universal": JOINED,
    "universal changed": JOINED.model_copy(
        update={"spec": UniversalSpec(n_concepts=64, n_active=4, choice="batchtopk", references=False, grid_rows=3)}
    ),
    "universal of other windows": JOINED.model_copy(
        update={"streams": tuple(s.model_copy(update={"fit": Fit.CROP, "stored": False}) for s in JOINED.streams)}
    ),
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
    "streams that differ in their windows": JOINED.model_copy(update={"streams": (READ, *DEMO_STREAMS[1:])}),
    "weights without their digest": JOINED.model_copy(update={"weights": {"mobilenet-v2": Path("/w.pth")}}),
    "a finer alignment": AlignJob(first="a", second="b", alignment=AlignmentSpec(n_shared=8)),
    "neighbours": IndexJob(dictionary="a", atlas=AtlasSpec(n_neighbors=3)),
}


@pytest.mark.parametrize("job", [pytest.param(job, id=name) for name, job in UNSAYABLE.items()])
def test_what_options_cannot_say_has_no_command(job: AnyJob) -> None:
    assert command_of(job) is None


def test_every_method_has_a_preset_to_start_from() -> None:
    for preset in PRESETS:
        assert nearest_preset(preset.spec) == preset


def test_weights_of_a_universal_dictionary_are_named_by_model(tmp_path: Path) -> None:
    file = tmp_path / "my weights=1.pth"
    file.write_bytes(b"weights")
    digest = sha256_of(file)
    streams = tuple(
        stream.model_copy(update={"weights_sha256": digest if stream.model == "mobilenet-v2" else None})
        for stream in DEMO_STREAMS
    )
    job = JOINED.model_copy(update={"streams": streams, "weights": {"mobilenet-v2": file}})
    test_the_command_line_asks_for_that_very_job(tmp_path / "store", job)
