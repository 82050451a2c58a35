"""A real model's weights and real photos: upload to edit, by the exact head."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.main import make_app
from store.methods import TopKSpec
from store.settings import Settings
from store.specs import AtlasSpec, CollectionSpec, ExtractionSpec
from store.vocabulary import Fit
from tests.app.explaining import made, seen, try_edits
from tests.encoding import encoding
from worker.demo import find_demo_photos
from worker.reporting import Reporter
from worker.workshop import Wanted, Workshop

pytestmark = pytest.mark.slow
N_IMAGES = 40


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """EfficientNet-Lite0 at its last layer, after which only pooling and the classifier follow."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "photos").mkdir()
    for path in sorted(find_demo_photos(Settings()).glob("*.jpeg"))[: 12 * N_IMAGES : 12]:
        shutil.copy(path, folder / "photos")
    workshop = Workshop(Settings(store=folder / "store"), Reporter(), device="cpu")
    workshop.ingest(folder / "photos", CollectionSpec(slug="photos", title="Photos", held_out=0.2))
    spec = ExtractionSpec(model="efficientnet-lite0", layer="final", height_px=224, width_px=224, fit=Fit.COVER)
    activations = workshop.extract("photos", spec).artifact
    topk = TopKSpec(n_concepts=256, n_active=12, epochs=8, batch_tokens=256)
    workshop.train([Wanted("lite0", "Lite0", topk)], activations=activations)
    workshop.atlas("lite0", AtlasSpec(n_examples=9))
    with encoding(folder / "store") as running, TestClient(make_app(running.settings)) as client:
        yield client


def strange_photos() -> list[Path]:
    """Photos that the dictionary never saw."""
    return sorted(find_demo_photos(Settings()).glob("*.jpeg"))[6 : 12 * N_IMAGES : 48]


def test_removing_what_speaks_for_the_class_lowers_it_more_than_the_control_does(real: TestClient) -> None:
    drops, controls = [], []
    for path in strange_photos():
        public_id = made(real, path.read_bytes(), "lite0")
        [one] = seen(real, public_id, "?sort=contribution")["dictionaries"]
        assert one["effects"]["method"] == "exact"
        assert abs(one["effects"]["gap"]) < 1e-6
        behind = [active["concept"]["id"] for active in one["concepts"] if active["contribution"] > 0][:5]
        edit = try_edits(real, public_id, "~".join(f"{concept}_ablate" for concept in sorted(behind)))
        same = try_edits(real, public_id, f"{behind[0]}_scale_1")
        assert same["after"] == pytest.approx(same["before"], abs=1e-5)
        drops.append(edit["before"] - edit["after"])
        controls += [-control["change"] for control in edit["controls"] if control["n_draws"]]
    assert np.mean(drops) > 0
    assert np.mean(drops) > 2 * abs(np.mean(controls))


def test_contributions_say_what_an_edit_does_to_the_score(real: TestClient) -> None:
    """With a linear head removing one concept moves the logit, above the mean of all, by its contribution."""
    public_id = made(real, strange_photos()[0].read_bytes(), "lite0")
    [one] = seen(real, public_id, "?sort=contribution")["dictionaries"]
    terms = {term["concept"]: term["value"] for term in one["effects"]["terms"] if term["kind"] == "concept"}
    shown = {active["concept"]["id"]: active["contribution"] for active in one["concepts"]}
    for concept, value in terms.items():
        assert shown[concept] == pytest.approx(value, rel=1e-6)
    assert sum(shown.values()) + one["effects"]["bias"] + one["effects"]["residual"] == pytest.approx(
        one["effects"]["score"], rel=1e-5
    )
