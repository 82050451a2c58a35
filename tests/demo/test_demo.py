"""The whole demo on the real photos with the real models, then its pages."""

import json
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from store.artifacts import Artifacts
from store.atlas.reader import Atlas
from store.catalog.alignments import find_alignment
from store.catalog.dictionaries import get_dictionary, list_dictionaries
from store.catalog.session import Catalog
from store.presets import DEMO_DICTIONARIES, DEMO_JOINT_SLUG
from store.settings import Settings
from store.vocabulary import Band, Kind
from tests.serving import serve

pytestmark = pytest.mark.demo
SLUGS = [dictionary.slug for dictionary in DEMO_DICTIONARIES]
ALL_SLUGS = [*SLUGS, DEMO_JOINT_SLUG]


def run_demo(store: Path) -> Any:
    command = [sys.executable, "-m", "worker.cli", "demo", "--no-serve", "--json", "--store", str(store)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "store"
    assert run_demo(folder)["dictionaries"] == ALL_SLUGS
    return folder


def atlas_of(store: Path, slug: str) -> Atlas:
    catalog = Catalog(Settings(store=store).catalog_url)
    with catalog.session() as session:
        row = get_dictionary(session, slug)
    catalog.close()
    assert row.atlas is not None
    return Atlas(Artifacts(store).get(Kind.ATLAS, row.atlas.digest))


def test_the_second_run_builds_nothing(store: Path) -> None:
    before = {kind: [a.digest for a in Artifacts(store).list(kind)] for kind in Kind}
    run_demo(store)
    assert {kind: [a.digest for a in Artifacts(store).list(kind)] for kind in Kind} == before
    counts = {Kind.COLLECTION: 1, Kind.ACTIVATIONS: 4, Kind.DICTIONARY: 5, Kind.UNIVERSAL: 1, Kind.ATLAS: 6}
    counts |= {Kind.ALIGNMENT: 10}
    assert {kind: len(found) for kind, found in before.items() if found} == counts


@pytest.mark.parametrize("slug", SLUGS)
def test_dictionaries_beat_their_nulls_and_are_alive(store: Path, slug: str) -> None:
    atlas = atlas_of(store, slug)
    metrics = atlas.meta["metrics"]
    assert 1 - metrics["r2"] < 0.75 * (1 - metrics["r2_data_atoms"])
    assert 1 - metrics["r2"] < 0.75 * (1 - metrics["r2_random_atoms"])
    assert metrics["r2_permuted_codes"] < 0
    assert metrics["dead_share_all"] <= 0.05
    assert atlas.meta["collection"]["n_images"] == 463
    atlas.close()


def test_models_share_concepts_above_chance(store: Path) -> None:
    atlas = atlas_of(store, DEMO_JOINT_SLUG)
    metrics = atlas.meta["metrics"]
    assert len(atlas.meta["extractions"]) == 3
    assert metrics["cross_r2"] > metrics["cross_r2_permuted"] + 0.3
    assert metrics["co_fire"] > 2 * metrics["co_fire_permuted"]
    assert metrics["own_r2"] > metrics["own_r2_independent"] - 0.05
    assert metrics["dead_share_all"] <= 0.05
    assert metrics["in_all_share"] > 0.1
    assert metrics["one_stream_share"] > 0.01
    atlas.close()


@pytest.mark.parametrize("slug", SLUGS)
def test_many_concepts_belong_to_few_food_groups(store: Path, slug: str) -> None:
    """Concepts of the classifying models tell food groups apart better than chance does.

    The null is the share of images of the largest group: a concept that fires anywhere alike has about that purity.
    """
    atlas = atlas_of(store, slug)
    purity = atlas.columns["purity"].astype(float)
    largest = max(row["n_images"] for row in atlas.classes) / sum(row["n_images"] for row in atlas.classes)
    assert np.nanmedian(purity) > largest
    atlas.close()


@pytest.mark.parametrize("slug", ALL_SLUGS)
def test_evidence_agrees_with_itself(store: Path, slug: str) -> None:
    atlas = atlas_of(store, slug)
    alive = np.flatnonzero(atlas.columns["density"] > 0)
    for concept in alive[:: max(len(alive) // 12, 1)]:
        examples = atlas.examples(int(concept), Band.TOP)
        values = [row["value"] for row in examples]
        assert values == sorted(values, reverse=True)
        assert values[0] == pytest.approx(atlas.columns["max"][concept])
        heat, _ = atlas.heat(int(concept), Band.TOP, rank=0)
        assert heat[examples[0]["row"], examples[0]["col"]] == 255
    atlas.close()


def test_pages_answer(store: Path) -> None:
    with serve(store) as base, httpx.Client(base_url=base, timeout=30) as client:
        addresses = ["/", "/glossary", *(f"/d/{slug}{tail}" for slug in ALL_SLUGS for tail in ("", "/c", "/c/7", "/i"))]
        for address in addresses:
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert "<h1" in answer.text
        listed = client.get("/api/v1/dictionaries").json()["data"]
        assert {row["slug"] for row in listed} == set(ALL_SLUGS)


def test_a_copied_store_works_elsewhere(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path / "copy")
    catalog = Catalog(Settings(store=tmp_path / "copy").catalog_url)
    with catalog.session() as session:
        assert {row.slug for row in list_dictionaries(session)} == set(ALL_SLUGS)
    catalog.close()
    atlas_of(tmp_path / "copy", SLUGS[0]).close()


@pytest.mark.parametrize(("a", "b"), list(combinations(SLUGS, 2)))
def test_dictionaries_share_concepts_well_above_chance(store: Path, a: str, b: str) -> None:
    catalog = Catalog(Settings(store=store).catalog_url)
    with catalog.session() as session:
        row = find_alignment(session, get_dictionary(session, a).digest, get_dictionary(session, b).digest)
    catalog.close()
    assert row is not None
    summary = row.headline
    assert summary["n_matched"] >= 60
    assert summary["correlation"] > 2 * summary["null"]
    assert summary["held_out"] > 0.15  # pairs that were found on other photos; without a relation it would be 0
