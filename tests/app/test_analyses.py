"""Visitors' photos explained: the page and the API say the same, and it is what the atlas and the encoder say."""

import io
import json
import re
from html import unescape

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.app.explaining import API, ask, made, photo_of, seen, site_of, try_edits
from tests.encoding import Running, Studio


def test_a_photo_of_the_collection_gives_what_its_atlas_has(explainer: TestClient, studio: Studio) -> None:
    public_id = made(explainer, studio.photo(3))
    view = seen(explainer, public_id)
    [one] = view["dictionaries"]
    image = studio.collection.images[3].id
    with site_of(explainer).opened(site_of(explainer).roster.get("small")) as opened:
        rows = opened.atlas.image_concepts(image)
        concepts, codes = opened.atlas.patch_codes(image)
    found = {active["concept"]["id"]: active for active in one["concepts"]}
    assert rows
    for row in rows:
        active = found[row["concept"]]
        assert active["peak"] == pytest.approx(row["peak"], rel=1e-3)
        assert active["pooled"] == pytest.approx(row["pooled"], rel=1e-3)
        assert (active["row"], active["col"]) == (row["row"], row["col"])
    patches = one["patches"]
    index = np.array(patches["index"]).reshape(concepts.shape[0], concepts.shape[1], patches["n_top"])
    strongest = np.array(patches["concepts"])[index[..., 0]]
    fires = codes[..., 0] > 0
    assert (strongest[fires] == concepts[..., 0][fires]).all()
    assert one["nearest"][0]["image"]["id"] == image
    assert one["nearest"][0]["likeness"] == pytest.approx(1, abs=1e-3)


def test_the_order_is_what_it_says_and_the_terms_add_up(explainer: TestClient, studio: Studio) -> None:
    public_id = made(explainer, studio.photo(2))
    for sort in ("pooled", "peak", "surprise", "contribution"):
        [one] = seen(explainer, public_id, f"?sort={sort}")["dictionaries"]
        values = [active[sort] for active in one["concepts"]]
        assert values == sorted(values, reverse=True)
    effects = one["effects"]
    total = effects["bias"] + effects["residual"] + effects["gap"] + sum(a["contribution"] for a in one["concepts"])
    assert total == pytest.approx(effects["score"], rel=1e-4, abs=1e-5)
    assert sum(term["value"] for term in effects["terms"][:-1]) == pytest.approx(effects["score"], rel=1e-4, abs=1e-5)
    assert effects["terms"][-1]["kind"] == "score"
    assert effects["target"] == effects["classes"][0]["name"] == one["sights"][0]["predicted"][0]["name"]


def test_patches_for_the_page_are_small(explainer: TestClient, studio: Studio) -> None:
    [one] = seen(explainer, made(explainer, studio.photo(1)))["dictionaries"]
    assert len(json.dumps(one["patches"], separators=(",", ":"))) <= 20_000


def test_maps_are_the_codes(explainer: TestClient, studio: Studio) -> None:
    public_id = made(explainer, studio.photo(4))
    [one] = seen(explainer, public_id)["dictionaries"]
    for active in one["concepts"]:
        address = f"{API}/{public_id}/maps/small/{active['concept']['id']}"
        codes = np.load(io.BytesIO(explainer.get(f"{address}.npy").content))
        assert codes.shape == (one["rows"], one["cols"])
        assert codes.mean() == pytest.approx(active["pooled"], rel=1e-5)
        assert codes.max() == pytest.approx(active["peak"], rel=1e-6)
        assert np.unravel_index(codes.argmax(), codes.shape) == (active["row"], active["col"])
        picture = explainer.get(f"{address}.png")
        assert picture.headers["cache-control"] == "no-store, private"
        shades = np.asarray(Image.open(io.BytesIO(picture.content)))
        assert (shades == np.rint(codes / codes.max() * 255)).all()
    assert explainer.get(f"{API}/{public_id}/maps/small/24.png").status_code == 404
    assert explainer.get(f"{API}/{public_id}/maps/joined/1.png").status_code == 404


def test_the_page_shows_what_the_api_says(explainer: TestClient, studio: Studio) -> None:
    public_id = made(explainer, studio.photo(5))
    [one] = seen(explainer, public_id, "?sort=peak")["dictionaries"]
    concept, place = one["concepts"][0]["concept"]["id"], one["concepts"][0]
    query = f"sort=peak&concept={concept}&edits={concept}_ablate"
    page = explainer.get(f"/a/{public_id}?{query}")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store, private"
    text = page.text
    ids = [int(k) for k in re.findall(r'<li data-concept="(\d+)"', text)]
    assert ids == [active["concept"]["id"] for active in one["concepts"]]
    script = re.search(r'id="patches">(.*?)</script>', text, re.S)
    assert script
    told = json.loads(script[1])
    assert {name: told[name] for name in ("rows", "cols", "n_top", "concepts", "index", "values")} == {
        name: one["patches"][name] for name in ("rows", "cols", "n_top", "concepts", "index", "values")
    }
    [edited] = seen(explainer, public_id, f"?{query}")["dictionaries"]
    assert edited["heat"]["concept"]["id"] == concept
    assert edited["edit"] == try_edits(explainer, public_id, f"{concept}_ablate")
    assert f'data-text="{concept}_ablate"' in text
    for classes in (edited["effects"]["classes"], edited["edit"]["classes"]):
        assert all(row["name"].split(",")[0] in unescape(text) for row in classes)
    twin = explainer.get(f"/a/{public_id}.json?{query}", follow_redirects=False)
    assert twin.status_code == 308
    assert explainer.get(twin.headers["location"]).json()["data"]["dictionaries"] == [edited]
    patch = explainer.get(f"/a/{public_id}?patch={place['row']},{place['col']}").text
    assert f"Row {place['row'] + 1}, column {place['col'] + 1}" in patch


def test_painted_patches_are_summed(explainer: TestClient, studio: Studio) -> None:
    public_id = made(explainer, studio.photo(6))
    [one] = seen(explainer, public_id, "?painted=0-1.3")["dictionaries"]
    assert (one["painted"]["patches"], one["painted"]["n"]) == ("0-1.3", 3)
    for painted in one["painted"]["concepts"]:
        address = f"{API}/{public_id}/maps/small/{painted['concept']['id']}.npy"
        codes = np.load(io.BytesIO(explainer.get(address).content)).ravel()
        assert painted["value"] == pytest.approx(float(codes[[0, 1, 3]].sum()), rel=1e-5)
    values = [painted["value"] for painted in one["painted"]["concepts"]]
    assert values == sorted(values, reverse=True)
    page = explainer.get(f"/a/{public_id}?painted=0-1.3").text
    assert "3 patches" in page
    assert page.count('class="painted"') == 3
    assert re.search(r"edits=\d+_ablate_0-1\.3", page) is not None
    assert explainer.get(f"/a/{public_id}?painted=9999").status_code == 404
    assert explainer.get(f"{API}/{public_id}?painted=x").status_code == 400


def test_edits_of_nothing_change_nothing_and_ablating_changes_something(explainer: TestClient, studio: Studio) -> None:
    public_id = made(explainer, studio.photo(6))
    [one] = seen(explainer, public_id, "?sort=contribution")["dictionaries"]
    concept = one["concepts"][0]["concept"]["id"]
    same = try_edits(explainer, public_id, f"{concept}_scale_1")
    for row in same["classes"]:
        assert row["other"] == pytest.approx(row["probability"], abs=1e-5)
    gone = try_edits(explainer, public_id, f"{concept}_ablate")
    assert gone["size"] > 0
    assert gone["before"] == pytest.approx(same["before"], abs=1e-9)
    assert gone["after"] != pytest.approx(gone["before"], abs=1e-6)
    assert [control["kind"] for control in gone["controls"]] == ["alike", "elsewhere"]
    assert gone["controls"][1]["n_draws"] == 16
    assert gone["controls"][1]["least"] <= gone["controls"][1]["change"] <= gone["controls"][1]["most"]
    listed = try_edits(explainer, public_id, [{"concept": concept, "operation": "ablate"}])
    assert listed == gone
    here = try_edits(explainer, public_id, f"{concept}_ablate_0")
    assert here["size"] < gone["size"]


@pytest.mark.parametrize("edits", ["12", "99_ablate", "3_ablate_99", "1_clamp_-1", "3_ablate~3_scale_2"])
def test_bad_edits_are_told_in_words(explainer: TestClient, studio: Studio, edits: str) -> None:
    public_id = made(explainer, studio.photo(6))
    for response in (
        explainer.post(f"{API}/{public_id}/edits", json={"edits": edits}),
        explainer.get(f"{API}/{public_id}?edits={edits}"),
    ):
        assert response.status_code == 400, response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert "dit" in response.json()["detail"]
    assert explainer.get(f"/a/{public_id}?edits={edits}").status_code == 400


def test_edits_are_the_same_after_the_encoder_has_forgotten_the_photo(
    explainer: TestClient, running: Running, studio: Studio
) -> None:
    public_id = made(explainer, photo_of(700, 1400))
    concept = seen(explainer, public_id)["dictionaries"][0]["concepts"][0]["concept"]["id"]
    before = try_edits(explainer, public_id, f"{concept}_ablate")
    sha256 = site_of(explainer).keeper.get(public_id).result.photo.sha256
    ask(running, lambda encoder: encoder.forget(sha256))
    assert try_edits(explainer, public_id, f"{concept}_ablate") == before


def test_forms_without_script(explainer: TestClient, studio: Studio) -> None:
    files = {"file": ("a.jpg", studio.photo(1), "image/jpeg")}
    sent = explainer.post("/analyze", files=files, data={"dictionary": "small"}, follow_redirects=False)
    assert sent.status_code == 303
    address = sent.headers["location"]
    public_id = address.rpartition("/")[2]
    concept = seen(explainer, public_id)["dictionaries"][0]["concepts"][0]["concept"]["id"]
    fields = {"edit.0": f"{concept}_ablate", "factor.0": "0.5", "d": "small"}
    tried = explainer.post(f"{address}/edits", data=fields, follow_redirects=False)
    assert tried.status_code == 303
    assert f"edits={concept}_scale_0.5" in tried.headers["location"]
    assert explainer.get(tried.headers["location"]).status_code == 200
    gone = explainer.post(f"{address}/delete", follow_redirects=False)
    assert gone.status_code == 303
    assert "are deleted" in explainer.get(gone.headers["location"]).text
    assert explainer.get(address).status_code == 404


def test_an_image_of_the_collection_is_explained_as_it_is(explainer: TestClient, studio: Studio) -> None:
    image = studio.collection.images[4].id
    [one] = seen(explainer, made(explainer, studio.photo(4)))["dictionaries"]
    for named in (image, "4"):
        response = explainer.post(API, json={"image": named, "dictionaries": ["small"]})
        assert response.status_code == 201, response.text
        view = seen(explainer, response.json()["data"]["id"])
        assert view["photo"]["image"] == image
        assert view["dictionaries"][0]["concepts"] == one["concepts"]
    form = {"dictionary": (None, "small"), "image": (None, image)}
    assert explainer.post("/analyze", files=form, follow_redirects=False).status_code == 303
    edited = explainer.post("/analyze", files=form | {"concept": (None, "3")}, follow_redirects=False)
    assert edited.headers["location"].endswith("?d=small&concept=3&edits=3_scale_1#edit")
    assert 'data-edit-text="3_scale_1"' in explainer.get(edited.headers["location"]).text
    assert explainer.post("/analyze", files=form | {"concept": (None, "x")}).status_code == 400
    for body, status in (
        ({"image": "0" * 16, "dictionaries": ["small"]}, 404),
        ({"image": "99", "dictionaries": ["small"]}, 404),
        ({"image": "what", "dictionaries": ["small"]}, 400),
        ({"image": image, "collection": "nothing", "dictionaries": ["small"]}, 404),
        ({"image": image}, 400),
        ({"image": image, "dictionaries": ["small"], "more": 1}, 400),
    ):
        assert explainer.post(API, json=body).status_code == status


def test_several_dictionaries_universal_ones_too(explainer: TestClient, studio: Studio) -> None:
    public_id = made(explainer, studio.photo(0), "small", "joined")
    one, other = seen(explainer, public_id)["dictionaries"]
    assert (one["dictionary"], other["dictionary"]) == ("small", "joined")
    assert len(other["sights"]) == 2
    assert "Several models" in other["effects"]["missing"]
    assert all(active["contribution"] is None for active in other["concepts"])
    for query in ("", "?d=joined", "?beside=1", "?d=joined&sort=surprise&edits=1_ablate"):
        assert explainer.get(f"/a/{public_id}{query}").status_code == 200, query
    assert explainer.get(f"/a/{public_id}?d=other").status_code == 404
    assert seen(explainer, public_id, "?dictionary=joined")["dictionaries"] == [other]
