"""The align job on real files: every table as a slow literal twin has it; bad input is told."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from store.alignment.reader import Alignment
from store.alignment.schema import FILE, SCHEMA
from store.alignment.sides import Side
from store.artifacts import Artifact
from store.duck import DuckFile
from store.errors import InvalidInput
from store.specs import AlignmentSpec
from store.vocabulary import Tokens
from tests import alignment_tables as twin
from tests.worker.alignment.studio import N_IMAGES, Studio, dense_codes
from worker.aligning import check_alignable
from worker.alignment.gathering import unit_atoms
from worker.alignment.sides import Aligned
from worker.alignment.tally import permuted_images

SPEC = AlignmentSpec(seed=5, level=0.9)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    root: Path = tmp_path_factory.mktemp("aligned")
    return Studio.build(root)


@pytest.fixture(scope="module", params=["two models", "one model"])
def sides(studio: Studio, request: pytest.FixtureRequest) -> tuple[Aligned, Aligned]:
    other = studio.side(studio.fine if request.param == "two models" else studio.coarse, seed=1)
    a, b = sorted((studio.side(studio.coarse), other), key=lambda side: side.artifact.digest)
    return a, b


@pytest.fixture(scope="module")
def built(studio: Studio, sides: tuple[Aligned, Aligned]) -> Artifact:
    return studio.align(*sides, SPEC)


@pytest.fixture(scope="module")
def plan(studio: Studio, sides: tuple[Aligned, Aligned]) -> twin.AlignmentPlan:
    """What the slow twin makes of the same; images come in the order of the pass."""
    rows = studio.collection.images
    images = {
        "width": [row.width for row in rows],
        "height": [row.height for row in rows],
        "split": [row.split.value for row in rows],
    }
    a, b = (twin.Aligned(dense_codes(side), unit_atoms(side).astype(np.float64), side.facts) for side in sides)
    return twin.AlignmentPlan(a, b, images, SPEC, {}, permutation(sides, images["split"]))


def permutation(sides: tuple[Aligned, Aligned], splits: list[str]) -> np.ndarray:
    """The null's, for images in the collection's order instead of the order in which they are read."""
    per_shard = max(side.activations.stored.images_per_shard for side in sides)
    order = np.random.default_rng(SPEC.seed).permutation(-(-N_IMAGES // per_shard))
    read = [i for shard in order for i in range(shard * per_shard, min((shard + 1) * per_shard, N_IMAGES))]
    learned = [i for i in read if splits[i] == "train"]
    place = {image: at for at, image in enumerate(sorted(learned))}
    found = np.empty(len(learned), dtype=np.int64)
    for image, other in zip(learned, permuted_images(len(learned), seed=SPEC.seed, part=0), strict=True):
        found[place[image]] = place[learned[other]]
    return found


def rows_of(built: Artifact, table: str) -> list[twin.Row]:
    order = ", ".join(SCHEMA.table(table).order)
    return DuckFile(built.file(FILE), SCHEMA).rows(f"SELECT * FROM {table} ORDER BY {order}")


def assert_alike(found: list[twin.Row], wanted: list[twin.Row]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one == pytest.approx(other, abs=2e-5)


def test_concepts_are_the_twins(built: Artifact, plan: twin.AlignmentPlan) -> None:
    assert_alike(rows_of(built, "concept"), [row for side in Side for row in twin.concept_rows(plan, side)])


def test_pairs_are_the_twins(built: Artifact, plan: twin.AlignmentPlan) -> None:
    assert plan.pairs
    assert_alike(rows_of(built, "pair"), plan.pairs)


def test_candidates_are_the_twins(built: Artifact, plan: twin.AlignmentPlan) -> None:
    wanted = [row for side in Side for row in twin.candidate_rows(plan, side)]
    assert_alike(rows_of(built, "candidate"), wanted)


def test_fans_are_the_twins(built: Artifact, plan: twin.AlignmentPlan) -> None:
    assert_alike(rows_of(built, "fan"), plan.fans)


def test_histograms_are_the_twins(built: Artifact, plan: twin.AlignmentPlan) -> None:
    assert rows_of(built, "histogram") == sorted(twin.histogram_rows(plan), key=lambda row: row["of"])


def test_shared_examples_are_the_twins(built: Artifact, plan: twin.AlignmentPlan) -> None:
    wanted = sorted(twin.example_rows(plan), key=lambda row: (row["a"], row["b"], row["rank"]))
    found = rows_of(built, "shared_example")
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert {k: one[k] for k in ("a", "b", "rank", "image")} == {k: other[k] for k in ("a", "b", "rank", "image")}
        for side in Side:
            heats = [np.frombuffer(row[f"heat_{side}"], dtype=np.uint8).astype(int) for row in (one, other)]
            assert np.abs(heats[0] - heats[1]).max() <= 1
            assert one[f"value_{side}"] == pytest.approx(other[f"value_{side}"], rel=1e-5)


def test_facts_and_summary(built: Artifact, plan: twin.AlignmentPlan, sides: tuple[Aligned, Aligned]) -> None:
    alignment = Alignment(built)
    assert {side: facts.dictionary for side, facts in alignment.sides.items()} == {
        side: one.artifact.digest for side, one in zip(Side, sides, strict=True)
    }
    wanted = json.loads(json.dumps(twin.summary(plan)))
    found = alignment.summary
    assert found.pop("gap") == pytest.approx(0, abs=1e-9)
    numbers = ("correlation", "held_out", "null")
    assert [found.pop(name) for name in numbers] == pytest.approx([wanted.pop(name) for name in numbers], abs=2e-5)
    assert found == wanted
    assert alignment.grid == plan.grid
    assert alignment.meta["n_tokens"] == N_IMAGES * plan.grid.n_patches
    assert sum(alignment.meta["n_images"].values()) == N_IMAGES


def test_either_order_is_one_alignment(studio: Studio, built: Artifact, sides: tuple[Aligned, Aligned]) -> None:
    assert studio.align(sides[1], sides[0], SPEC).digest == built.digest


def test_the_same_bits_from_small_parts_of_the_same_null(studio: Studio, sides: tuple[Aligned, Aligned]) -> None:
    small = SPEC.model_copy(update={"codes_at_once": 1000})
    alignment = Alignment(studio.align(*sides, small))
    assert alignment.meta["null"]["n_parts"] > 1
    whole = Alignment(studio.align(*sides, SPEC))
    assert alignment.pairs["correlation"] == pytest.approx(whole.pairs["correlation"], abs=1e-5)


def test_a_class_token_meets_patches(studio: Studio) -> None:
    alignment = Alignment(studio.align(studio.side(studio.coarse, tokens=Tokens.CLASS), studio.side(studio.fine)))
    assert alignment.grid.n_patches == 1


def test_register_tokens_cannot_be_aligned(studio: Studio) -> None:
    registers = studio.side(studio.coarse, tokens=Tokens.REGISTERS)
    with pytest.raises(InvalidInput, match="register tokens"):
        studio.align(registers, studio.side(studio.fine))


def test_a_side_that_lacks_images_is_told(studio: Studio, tmp_path: Path) -> None:
    less = Studio.build(tmp_path, n_fine=N_IMAGES - 5)
    with pytest.raises(InvalidInput, match=f"fine at conv have only {N_IMAGES - 5} of the {N_IMAGES} images") as fault:
        studio.align(studio.side(studio.coarse), replace(studio.side(studio.fine), activations=less.fine))
    assert "conceptoscope extract" in str(fault.value)


def test_the_same_dictionary_twice_is_refused(studio: Studio, sides: tuple[Aligned, Aligned]) -> None:
    artifact = sides[0].artifact
    with pytest.raises(InvalidInput, match="same dictionary"):
        check_alignable([artifact, artifact], ["one", "again"])


def test_dictionaries_of_different_collections_are_refused(sides: tuple[Aligned, Aligned]) -> None:
    one = sides[0].artifact
    inputs = one.manifest.inputs | {"collection": "f" * 64}
    other = Artifact(Path("/nowhere/dictionary") / ("0" * 64))
    vars(other)["manifest"] = one.manifest.model_copy(update={"inputs": inputs})
    with pytest.raises(InvalidInput, match="different|same images") as fault:
        check_alignable([one, other], ["one", "other"])
    assert "conceptoscope train" in str(fault.value)
