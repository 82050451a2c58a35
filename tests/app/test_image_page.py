"""A photo of the collection: how strong each concept is for itself, what it adds to the prediction, what is like it."""

from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.site import Opened
from tests.app.test_classes import data, head  # noqa: F401 a fixture
from tests.factories import SHOWN, draw_photos, make_atoms, patch_features
from tests.head_tables import NAMES, Head

API = "/api/v1/images/"


def an_image(opened: Opened, number: int) -> str:
    return next(name for name, image in opened.atlas.image_index.items() if image == number)


def look(client: TestClient, image: str) -> Any:
    return data(client, f"{API}{image}?dictionary=tiny-topk")


def test_what_the_model_says_and_what_each_concept_adds(
    client: TestClient,
    opened: Opened,
    head: Head,  # noqa: F811
) -> None:
    output = head.classes()[0]
    of_class = np.flatnonzero(head.predicted == output)
    surest = head.probability(output, without=[])
    for place, number in enumerate(of_class[:4].tolist()):
        found = look(client, an_image(opened, number))
        said = found["prediction"]
        assert (said["output"], said["class"], said["n_kept"]) == (output, NAMES[output], len(of_class))
        assert said["probability"] == pytest.approx(surest[place])
        assert said["rank"] == int((surest > surest[place]).sum())
        for one in found["concepts"]:
            k = one["concept"]["id"]
            true = head.pooled[number, k] * head.slopes[k, output]
            slack = 1e-5 * abs(true) + 1e-9
            assert one["given_low"] - slack <= true <= one["given_high"] + slack
            assert one["importance"] == pytest.approx((head.pooled[of_class, k] * head.slopes[k, output]).mean())


def test_percentiles_by_counting(client: TestClient, opened: Opened) -> None:
    shown = SHOWN[0]
    features = patch_features(draw_photos(40, seed=0, with_classes=True), rows=shown.rows, cols=shown.cols)
    atoms = make_atoms(shown.n_concepts, seed=len(shown.slug))
    peaks = np.maximum(np.einsum("nhwd,kd->nhwk", features, atoms), 0).max(axis=(1, 2))
    images = [an_image(opened, number) for number in range(3)]
    for image in images:
        for one in look(client, image)["concepts"]:
            histogram = opened.atlas.histograms_of(one["concept"]["id"]).get("image_max")
            assert histogram is not None
            edges = np.array(histogram["edges"])
            place = int(np.searchsorted(edges, one["peak"], side="right")) - 1
            low, high = edges[max(place, 0)], edges[min(place + 1, len(edges) - 1)]
            mine = peaks[:, one["concept"]["id"]]
            below, above = (mine < low * 0.999).mean(), (mine <= high * 1.001).mean()
            assert below - 1e-9 <= one["percentile"] <= above + 1e-9


def test_like_photos_are_others(client: TestClient, opened: Opened) -> None:
    image = an_image(opened, 3)
    near = look(client, image)["nearest"]
    assert len(near) == 8
    assert image not in [one["image"]["id"] for one in near]
    likeness = [one["likeness"] for one in near]
    assert likeness == sorted(likeness, reverse=True)


def test_the_page_leads_on(client: TestClient, opened: Opened, head: Head) -> None:  # noqa: F811
    output = head.classes()[0]
    image = an_image(opened, int(np.flatnonzero(head.predicted == output)[0]))
    text = client.get(f"/i/{image}?d=tiny-topk").text
    assert f'href="/d/tiny-topk/classes/{output}"' in text
    assert 'action="/analyze"' in text
    assert f'name="image" value="{image}"' in text
    assert "Most alike in concepts" in text
    assert "of all photos" in text
