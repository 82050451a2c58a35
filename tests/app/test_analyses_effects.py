"""Contribution maps, what is lost without a concept, and edits' knobs: what page and API say of them."""

import html
import io
import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.makers.analysis_signed import in_steps, make_signed, parts_for_script
from store.analyses.keeper import Analysis
from store.analyses.result import Codes
from store.encoding.refusals import EncoderBusy
from tests.app.explaining import API, made, seen, site_of, try_edits
from tests.encoding import Running, Studio


@pytest.fixture
def public_id(explainer: TestClient, studio: Studio) -> str:
    return made(explainer, studio.photo(5))


def first_of(explainer: TestClient, public_id: str) -> dict[str, Any]:
    """The concept with the largest contribution."""
    [one] = seen(explainer, public_id, "?sort=contribution")["dictionaries"]
    active: dict[str, Any] = one["concepts"][0]
    return active


def codes_of(patches: int = 6, slots: int = 3, *, seed: int = 0) -> Codes:
    """Random codes whose parts have both signs."""
    rng = np.random.default_rng(seed)
    indices = np.stack([rng.permutation(9)[:slots] for _ in range(patches)]).astype(np.int32)
    values = np.where(rng.random((patches, slots)) < 0.7, rng.random((patches, slots)), 0).astype(np.float32)
    parts = np.where(values > 0, rng.standard_normal((patches, slots)), 0).astype(np.float32)
    none = np.zeros(0, dtype=np.float32)
    counts, grid = none.astype(np.int32), np.zeros((0, 0), dtype=np.float32)
    return Codes(indices, values, counts, none, none, counts, none, none, parts, grid.astype(np.int32), grid)


@pytest.mark.parametrize("seed", range(4))
def test_parts_of_concepts_equal_loops(seed: int) -> None:
    codes = codes_of(seed=seed)
    for concept in range(9):
        for patch in range(6):
            slow = sum(float(codes.parts[patch, slot]) for slot in range(3) if codes.indices[patch, slot] == concept)
            assert float(codes.part_of(concept)[patch]) == pytest.approx(slow, abs=1e-6)
    together = sum(codes.part_of(concept) for concept in range(9))
    np.testing.assert_allclose(codes.part_of(None), together, atol=1e-5)


@pytest.mark.parametrize("n_top", [1, 2, 3])
def test_parts_for_script_are_the_parts_to_a_hundredth_of_the_largest(n_top: int) -> None:
    codes = codes_of()
    known = sorted(
        {int(k) for k, z in zip(codes.indices[:, :n_top].flat, codes.values[:, :n_top].flat, strict=True) if z > 0}
    )
    told = parts_for_script(codes, known=known, n_top=n_top)
    for patch in range(6):
        for slot in range(n_top):
            step = told["parts"][patch * n_top + slot]
            if codes.values[patch, slot] == 0:
                assert step == 0
                continue
            scale = told["part_scale"][known.index(int(codes.indices[patch, slot]))]
            assert abs(step) <= 128  # scales are told to three digits
            assert step / 127 * scale == pytest.approx(float(codes.parts[patch, slot]), abs=0.01 * scale)
    assert told["total_sum"] == pytest.approx(float(codes.parts.sum()), rel=1e-4)
    empty = replace(codes, parts=np.zeros((0, 0), dtype=np.float32))
    assert parts_for_script(empty, known=known, n_top=n_top) == {}


def test_a_map_with_signs_has_nothing_in_the_middle() -> None:
    values = np.array([0.5, -0.25, 0.0, 0.1, -0.5, 0.0])
    made = make_signed(values, rows=2, concept=3, says="")
    assert made.map == ((0.5, -0.25, 0.0), (0.1, -0.5, 0.0))
    assert made.shades == (127, -64, 0, 25, -127, 0)
    assert made.scale == 0.5
    assert made.total == pytest.approx(-0.15)
    steps, scale = in_steps(np.zeros(4))
    assert (steps.tolist(), scale) == ([0, 0, 0, 0], 0.0)


def test_contribution_maps_add_up(explainer: TestClient, public_id: str) -> None:
    [one] = seen(explainer, public_id, "?map=total")["dictionaries"]
    contributions = {active["concept"]["id"]: active["contribution"] for active in one["concepts"]}
    total = np.zeros((one["rows"], one["cols"]))
    for concept, contribution in contributions.items():
        [told] = seen(explainer, public_id, f"?concept={concept}&map=contribution")["dictionaries"]
        found = told["contributions"]
        assert (told["map"], found["concept"]) == ("contribution", concept)
        values = np.array(found["map"])
        assert values.sum() == pytest.approx(contribution, rel=1e-4, abs=1e-6)
        codes = np.load(io.BytesIO(explainer.get(f"{API}/{public_id}/maps/small/{concept}.npy").content))
        assert (values[codes == 0] == 0).all()
        if one["effects"]["method"] == "exact":  # then it is the map of codes times a weight
            np.testing.assert_allclose(values, codes * contribution / codes.sum(), rtol=1e-3, atol=1e-7)
        total += values
    np.testing.assert_allclose(one["contributions"]["map"], total, rtol=1e-3, atol=1e-6)
    assert one["contributions"]["concept"] is None
    assert len(json.dumps(one["patches"], separators=(",", ":"))) <= 20_000


def test_what_is_lost_is_what_removing_it_does_to_the_score(explainer: TestClient, public_id: str) -> None:
    active = first_of(explainer, public_id)
    concept = active["concept"]["id"]
    answer = explainer.get(f"{API}/{public_id}/occlusion?concept={concept}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store, private"
    lost = answer.json()["data"]
    assert lost["contribution"] == pytest.approx(active["contribution"])
    assert lost["terms"][0]["concept"] == concept
    assert lost["terms"][0]["lost"] == lost["lost"]
    assert {term["concept"] for term in lost["terms"]} <= {
        one["concept"]["id"] for one in seen(explainer, public_id)["dictionaries"][0]["concepts"]
    }
    values = np.array(lost["map"]["map"])
    codes = np.load(io.BytesIO(explainer.get(f"{API}/{public_id}/maps/small/{concept}.npy").content))
    assert values.shape == codes.shape
    assert (values[codes == 0] == 0).all()
    if lost["method"] == "exact":
        assert lost["lost"] == pytest.approx(active["contribution"], rel=1e-4, abs=1e-6)
        assert values.sum() == pytest.approx(lost["lost"], rel=1e-3, abs=1e-6)
    [one] = seen(explainer, public_id, f"?concept={concept}&map=occlusion")["dictionaries"]
    assert one["chosen"]["occlusion"] == lost


def test_the_page_says_what_is_lost_and_shows_where(explainer: TestClient, public_id: str) -> None:
    concept = first_of(explainer, public_id)["concept"]["id"]
    lost = explainer.get(f"{API}/{public_id}/occlusion?concept={concept}").json()["data"]
    query = f"sort=contribution&concept={concept}&map=occlusion"
    page = explainer.get(f"/a/{public_id}?{query}").text
    fragment = explainer.get(f"/_f/a/{public_id}/concept?{query}").text
    for text in (page, fragment):
        assert "really loses" in text
        found = re.search(r'data-lost="([^"]*)"', text)
        assert found
        shades = json.loads(html.unescape(found[1]))["shades"]
        assert max(map(abs, shades)) == 127
        expected = np.array(lost["map"]["map"]).ravel() / lost["map"]["scale"] * 127
        np.testing.assert_allclose(shades, expected, atol=0.51)
    assert re.search(r'id="stage-signed"><image href="data:image/png', page)
    assert 'aria-current="true">What is lost without it' in page
    assert (
        explainer.get(f"/a/{public_id}.json?{query}").json()["data"]["dictionaries"][0]["chosen"]["occlusion"] == lost
    )


def test_bad_questions_are_refused_in_words(explainer: TestClient, studio: Studio, public_id: str) -> None:
    for path in (f"/a/{public_id}?map=occlusion", f"/a/{public_id}?map=contribution", f"{API}/{public_id}?map=heat"):
        assert explainer.get(path).status_code == 400, path
    for path in (
        f"{API}/{public_id}/occlusion",
        f"{API}/{public_id}/occlusion?concept=x",
        f"/_f/a/{public_id}/concept",
    ):
        assert explainer.get(path).status_code == 400, path
    for path in (f"{API}/{public_id}/occlusion?concept=24", f"{API}/{public_id}/occlusion?concept=1&dictionary=other"):
        assert explainer.get(path).status_code == 404, path


def test_a_silent_concept_loses_nothing(explainer: TestClient, public_id: str) -> None:
    [one] = seen(explainer, public_id)["dictionaries"]
    silent = next(k for k in range(24) if k not in {active["concept"]["id"] for active in one["concepts"]})
    lost = explainer.get(f"{API}/{public_id}/occlusion?concept={silent}").json()["data"]
    assert (lost["lost"], lost["contribution"]) == (pytest.approx(0, abs=1e-6), 0)
    page = explainer.get(f"/a/{public_id}?concept={silent}&map=occlusion&edits={silent}_clamp_1")
    assert page.status_code == 200
    assert "It is silent here." in page.text


def test_no_encoder_is_one_sentence_where_a_loss_is_asked(
    explainer: TestClient, alone: TestClient, public_id: str
) -> None:
    concept = first_of(explainer, public_id)["concept"]["id"]
    for path in (
        f"/a/{public_id}?concept={concept}&map=occlusion",
        f"/_f/a/{public_id}/concept?concept={concept}&map=occlusion",
    ):
        answer = alone.get(path)
        assert answer.status_code == 200
        [said] = re.findall(r'role="alert">([^<]*)<', answer.text)
        assert said.startswith("The encoder does not answer")
        assert "Traceback" not in answer.text
    refused = alone.get(f"{API}/{public_id}/occlusion?concept={concept}")
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"] == "5"
    for path in (f"/a/{public_id}?concept={concept}&map=contribution", f"/a/{public_id}?map=total"):
        assert 'role="alert"' not in alone.get(path).text  # these were told at once


def test_a_busy_encoder_is_one_sentence(explainer: TestClient, public_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(*_: object, **__: object) -> None:
        raise EncoderBusy("The encoder is busy: 16 requests wait already. Try again in 3 s.", retry_after_s=3)

    concept = first_of(explainer, public_id)["concept"]["id"]
    monkeypatch.setattr(site_of(explainer).encoder, "effects", busy)
    page = explainer.get(f"/a/{public_id}?concept={concept}&map=occlusion")
    assert page.status_code == 200
    assert re.findall(r'role="alert">([^<]*)<', page.text) == [
        "The encoder is busy: 16 requests wait already. Try again in 3 s."
    ]
    assert explainer.get(f"{API}/{public_id}/occlusion?concept={concept}").status_code == 503


def test_a_dictionary_without_effects_says_why(explainer: TestClient, studio: Studio) -> None:
    public_id = made(explainer, studio.photo(0), "joined")
    [one] = seen(explainer, public_id)["dictionaries"]
    concept = one["concepts"][0]["concept"]["id"]
    refused = explainer.get(f"{API}/{public_id}/occlusion?concept={concept}")
    assert refused.status_code == 400
    assert one["effects"]["missing"] in refused.json()["detail"]
    for query in (f"?concept={concept}&map=occlusion", f"?concept={concept}&map=contribution", "?map=total"):
        page = explainer.get(f"/a/{public_id}{query}")
        assert page.status_code == 200
        assert one["effects"]["missing"] in html.unescape(page.text)


def test_knobs_say_what_a_code_means(explainer: TestClient, public_id: str) -> None:
    active = first_of(explainer, public_id)
    concept = active["concept"]["id"]
    page = explainer.get(f"/a/{public_id}?edits={concept}_clamp_0.5").text
    with site_of(explainer).opened(site_of(explainer).roster.get("small")) as opened:
        row = opened.atlas.concept(concept)
    assert "Peaks in the collection: half below" in page
    assert f'max="{max(row["max"], active["peak"], 0.5):.4g}"' in page
    assert re.search(r'value="clamp" checked', page)
    assert (
        f"curl -H &#39;Content-Type: application/json&#39; -d &#39;{{&#34;edits&#34;: &#34;{concept}_clamp_0.5&#34;"
        in page
    )
    assert f"http://testserver{API}/{public_id}/edits" in page


def test_forms_hold_scale_and_turn_round(explainer: TestClient, public_id: str) -> None:
    concept = first_of(explainer, public_id)["concept"]["id"]
    fields = {"edit.0": f"{concept}_ablate_0-2", "factor.0": "-1.5", "code.0": "0.25", "map": "total", "sort": "peak"}

    def sent(**more: str) -> str:
        answer = explainer.post(f"/a/{public_id}/edits", data=fields | more, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    assert f"sort=peak&map=total&edits={concept}_scale_-1.5_0-2" in sent(**{"how.0": "scale"})
    assert f"edits={concept}_clamp_0.25_0-2" in sent(**{"how.0": "clamp"})
    assert f"edits={concept}_ablate_0-2" in sent(**{"how.0": "scale", "factor.0": ""})
    for bad in ({"how.0": "clamp", "code.0": "much"}, {"how.0": "clamp", "code.0": "-1"}, {"factor.0": "101"}):
        assert explainer.post(f"/a/{public_id}/edits", data=fields | bad).status_code == 400, bad


def test_holding_a_concept_at_its_code_changes_only_where_it_differs(explainer: TestClient, public_id: str) -> None:
    active = first_of(explainer, public_id)
    concept = active["concept"]["id"]
    [one] = seen(explainer, public_id)["dictionaries"]
    patch = active["row"] * one["cols"] + active["col"]
    same = try_edits(explainer, public_id, f"{concept}_clamp_{active['peak']!r}_{patch}")
    assert same["size"] == pytest.approx(0, abs=1e-5)
    turned = try_edits(explainer, public_id, f"{concept}_scale_-1")
    gone = try_edits(explainer, public_id, f"{concept}_ablate")
    assert turned["size"] == pytest.approx(2 * gone["size"], rel=1e-5)


def test_older_analyses_without_parts_are_still_shown(
    explainer: TestClient, running: Running, public_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, concept = site_of(explainer).keeper.files, first_of(explainer, public_id)["concept"]["id"]
    whole = files.codes(public_id, 0)
    none = np.zeros((0, 0), dtype=np.float32)
    monkeypatch.setattr(files, "codes", lambda *_, **__: replace(whole, parts=none))
    [one] = seen(explainer, public_id, f"?concept={concept}&map=contribution")["dictionaries"]
    assert one["contributions"] is None
    assert "parts" not in one["patches"]
    assert explainer.get(f"/a/{public_id}?map=total").status_code == 200


def test_tokens_of_no_place_stand_below_the_grid(
    explainer: TestClient, public_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = site_of(explainer).keeper
    found, codes = keeper.get(public_id), keeper.files.codes(public_id, 0)
    told = found.result.dictionaries[0]
    seen_so = told.facts.model_copy(update={"n_class": 1, "n_register": 2})
    told = told.model_copy(update={"streams": (seen_so,)})
    result = found.result.model_copy(update={"dictionaries": (told,)})
    analysis = Analysis(public_id, result, created_at=found.created_at, expires_at=found.expires_at)
    slots = np.array([[3, 5], [4, 0], [0, 0]], dtype=np.int32), np.array([[2, 1], [0.5, 0], [0, 0]], dtype=np.float32)
    codes = replace(codes, prefix_indices=slots[0], prefix_values=slots[1])
    monkeypatch.setattr(keeper, "get", lambda *_: analysis)
    monkeypatch.setattr(keeper.files, "codes", lambda *_, **__: codes)
    [one] = seen(explainer, public_id)["dictionaries"]
    assert [token["name"] for token in one["tokens"]] == ["CLS", "Register 1", "Register 2"]
    told_so = [[(on["concept"]["id"], on["value"]) for on in token["concepts"]] for token in one["tokens"]]
    assert told_so == [[(3, 2.0), (5, 1.0)], [(4, 0.5)], []]
    page = explainer.get(f"/a/{public_id}").text
    assert "<dt>Register 2</dt>" in page
    assert "nothing fires" in page


def test_a_model_of_a_universal_dictionary_sees_and_predicts_by_itself(explainer: TestClient, studio: Studio) -> None:
    public_id = made(explainer, studio.photo(0), "joined")
    [together] = seen(explainer, public_id)["dictionaries"]
    assert (together["stream"], len(together["sights"])) == (0, 2)
    for stream in (1, 2):
        query = f"?stream={stream}&sort=contribution"
        [one] = seen(explainer, public_id, query)["dictionaries"]
        assert (one["stream"], len(one["sights"])) == (stream, 1)
        assert one["sights"][0]["r2"] == together["sights"][stream - 1]["r2"]
        effects = one["effects"]
        assert effects["missing"] == ""
        assert sum(term["value"] for term in effects["terms"][:-1]) == pytest.approx(effects["score"], rel=1e-4)
        concept = one["concepts"][0]["concept"]["id"]
        lost = explainer.get(f"{API}/{public_id}/occlusion?concept={concept}&stream={stream}")
        assert lost.status_code == 200
        assert lost.json()["data"]["lost"] is not None
        edits = {"edits": f"{concept}_ablate", "stream": stream}
        tried = explainer.post(f"{API}/{public_id}/edits", json=edits)
        assert tried.status_code == 200
        assert tried.json()["data"]["target"] == effects["target"]
        page = explainer.get(f"/a/{public_id}{query}&concept={concept}&map=occlusion&edits={concept}_clamp_0.2")
        assert page.status_code == 200
        assert "really loses" in page.text
        assert f"stream={stream}" in page.text
        assert f"&#34;stream&#34;: {stream}" in page.text
    assert explainer.get(f"/a/{public_id}?stream=3").status_code == 404
    assert explainer.get(f"{API}/{public_id}?stream=x").status_code == 400
    assert explainer.get(f"{API}/{made(explainer, studio.photo(0))}?stream=1").status_code == 404
