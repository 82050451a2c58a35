"""Estimates: literal products, speeds from earlier jobs, honest blanks."""

from dataclasses import replace
from pathlib import Path

import pytest

from store.estimates import TYPICAL_SPEED, Past, Step, Surroundings, estimate, n_tokens, steps_of
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
)
from store.methods import TopKSpec
from store.presets import DEMO_STREAMS, DEMO_UNIVERSAL
from store.specs import CollectionSpec, ExtractionSpec

AROUND = Surroundings({"foods": 100}.get, lambda _: 100, {"d": 384}.get, {"d": "foods"}.get)
OTHER = ExtractionSpec(model="timm/resnet50", layer="layer4")
READ = ExtractionSpec(model="efficientnet-lite0", layer="blocks.6", height_px=320, width_px=576)
INGEST = IngestJob(folder=Path("/p"), collection=CollectionSpec(slug="new", title="New"))
TRAIN = TrainJob(
    collection="foods",
    extraction=READ,
    dictionaries=(NamedDictionary(slug="d", title="d", spec=TopKSpec(n_concepts=384, n_active=12, epochs=12)),),
)


def amounts(job: AnyJob) -> dict[str, float | None]:
    return {step.name: step.amount for step in steps_of(job, AROUND)}


def test_amounts_are_the_literal_products() -> None:
    assert amounts(INGEST) == {"collection": 100}
    tokens = 100 * 10 * 18
    assert n_tokens(READ, 100) == tokens
    assert amounts(TRAIN) == {"activations": 100 * 320 * 576 / 1e6, "dictionaries": 384 * 320 * tokens * 12}
    assert amounts(IndexJob(dictionary="d")) == {"atlas": 384 * (100 + 80)}


def test_an_alignment_takes_all_images_for_the_concepts_of_both_sides() -> None:
    around = Surroundings({"foods": 100}.get, lambda _: 100, {"d": 384, "e": 512}.get, {"d": "foods"}.get)
    job = AlignJob(first="d", second="e")
    assert [step.amount for step in steps_of(job, around)] == [100 * (384 + 512)]
    large = Surroundings({"foods": 100}.get, lambda _: 100, {"d": 8192, "e": 8192}.get, {"d": "foods"}.get)
    memory = estimate(job, large).memory_bytes
    assert memory is not None
    assert 3e9 < memory < 4.5e9


JOINED = UniversalJob(collection="foods", streams=DEMO_STREAMS, slug="u", title="U", spec=DEMO_UNIVERSAL)


def test_a_universal_dictionary_takes_the_widths_of_all_streams_on_the_coarsest_grid() -> None:
    width, tokens = 320 + 320 + 384, 100 * 10 * 18
    extracted = [100 * 320 * 576 / 1e6, 100 * 320 * 576 / 1e6, 100 * 168 * 294 / 1e6]
    amount = 384 * width * tokens * 12
    assert [step.amount for step in steps_of(JOINED, AROUND)] == [*extracted, 1.5 * amount]
    coarse = DEMO_UNIVERSAL.model_copy(update={"references": False, "grid_rows": 5, "grid_cols": 6})
    *_, learned = steps_of(JOINED.model_copy(update={"spec": coarse}), AROUND)
    assert learned.amount == 384 * width * 100 * 30 * 12
    *_, unknown = steps_of(JOINED.model_copy(update={"streams": (READ, OTHER)}), AROUND)
    assert unknown.amount is None


def test_its_atlas_shows_every_stream() -> None:
    around = replace(AROUND, n_streams={"d": 3}.get)
    (plain,), (joint,) = (list(steps_of(IndexJob(dictionary="d"), one)) for one in (AROUND, around))
    assert (plain.key, joint.key) == ("atlas", "atlas universal")
    assert joint.amount == 3 * (plain.amount or 0)
    members = (Member(job=JOINED), Member(job=IndexJob(dictionary="u"), after=(0,)))
    *_, later = steps_of(PipelineJob(title="p", members=members), AROUND)
    assert later.amount == 3 * 384 * (100 + 80)


def test_disk_of_activations_is_two_bytes_a_number() -> None:
    found = estimate(ExtractJob(collection="foods", extraction=READ), AROUND)
    assert found.disk_bytes == 2 * 100 * 180 * 320
    live = estimate(ExtractJob(collection="foods", extraction=READ.model_copy(update={"stored": False})), AROUND)
    assert live.disk_bytes == 0
    assert live.seconds == found.seconds


def test_the_models_own_size_is_meant_when_none_is_given() -> None:
    own = ExtractionSpec(model="saliency-vit-s14", layer="blocks.11")
    assert n_tokens(own, 10) == 10 * (16 * 16 + 1)
    assert amounts(ExtractJob(collection="foods", extraction=own)) == {"activations": 100 * 224 * 224 / 1e6}


def test_earlier_jobs_here_decide_over_the_typical_machine() -> None:
    job = ExtractJob(collection="foods", extraction=READ)
    typical = estimate(job, AROUND)
    amount = 100 * 320 * 576 / 1e6
    assert typical.seconds == pytest.approx(amount / TYPICAL_SPEED["activations efficientnet-lite0"])
    assert typical.steps[0].basis == "typical"
    past = [Past(Step("activations", "activations efficientnet-lite0", 10.0, None, 0), s, None) for s in (1, 5, 100)]
    mine = estimate(job, AROUND, past=past)
    assert mine.seconds == pytest.approx(amount / (10 / 5))
    assert (mine.steps[0].basis, mine.steps[0].n_earlier) == ("earlier", 3)
    other = [Past(Step("activations", "activations mobilenet-v2", 10.0, None, 0), 1, None)]
    assert estimate(job, AROUND, past=other) == typical


def test_memory_is_at_least_what_a_smaller_job_really_took() -> None:
    job = IndexJob(dictionary="d")
    plain = estimate(job, AROUND).memory_bytes
    assert plain is not None

    def took(amount: float, peak: int) -> float | None:
        return estimate(job, AROUND, past=[Past(Step("atlas", "atlas", amount, None, 0), 1, peak)]).memory_bytes

    assert took(10, 90 * 10**9) == 90e9
    assert took(10, 5) == plain
    assert took(1e12, 90 * 10**9) == plain  # a larger job says nothing about a smaller one


@pytest.mark.parametrize(
    "job",
    [
        ExtractJob(collection="unknown", extraction=READ),
        ExtractJob(collection="foods", extraction=OTHER),
        IndexJob(dictionary="unknown"),
        AlignJob(first="d", second="unknown"),
    ],
)
def test_what_is_not_known_is_left_open(job: AnyJob) -> None:
    found = estimate(job, AROUND)
    assert found.seconds is None
    assert found.disk_bytes is None
    assert found.steps[0].basis == "unknown"


def test_a_pipeline_knows_what_its_earlier_jobs_will_have_made() -> None:
    train = TRAIN.model_copy(update={"collection": "new"})
    around = Surroundings({}.get, lambda _: 100, {}.get, {}.get)
    members = (
        Member(job=INGEST),
        Member(job=train, after=(0,)),
        Member(job=IndexJob(dictionary="d"), after=(1,)),
    )
    whole = estimate(PipelineJob(title="p", members=members), around)
    parts = [estimate(job, AROUND).seconds for job in (INGEST, TRAIN, IndexJob(dictionary="d"))]
    assert whole.seconds == pytest.approx(sum(part for part in parts if part is not None))
