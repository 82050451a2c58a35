"""Class pages: pages and API against the tables, what is computed at serving time against slow twins."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app import bars
from app.main import make_app
from app.makers.analysis_effects import class_rows
from app.makers.class_page import N_SHOWN
from app.makers.class_tiles import N_TILES, make_tiles
from app.site import Opened
from store.encoding.contract import ClassScore
from tests.factories import SHOWN, UNIVERSAL, make_atoms, make_store, patch_features
from tests.factories import draw_photos as drawn
from tests.head_tables import NAMES, Head

PAGE, API = "/d/tiny-topk/classes", "/api/v1/dictionaries/tiny-topk/classes"
HOSTILE = ("nobody", "99", "-1", "1.5", "9" * 5000, "٣", "..%2f..")


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A universal dictionary, which has no head, beside an ordinary one; photos without classes."""
    root = Path(tmp_path_factory.mktemp("classes"))
    settings = make_store(root, n_images=16, shown=(SHOWN[0], UNIVERSAL), with_classes=True)
    with TestClient(make_app(settings)) as client:
        yield client


@pytest.fixture(scope="module")
def head() -> Head:
    """The head of ``tiny-topk``, made again from its photos."""
    shown = SHOWN[0]
    features = patch_features(drawn(40, seed=0, with_classes=True), rows=shown.rows, cols=shown.cols)
    atoms = make_atoms(shown.n_concepts, seed=len(shown.slug))
    return Head(np.maximum(np.einsum("nhwd,kd->nhwk", features, atoms), 0), atoms)


def data(client: TestClient, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200, response.text[:500]
    return response.json()["data"]


def test_the_index_says_how_many_concepts_it_takes(client: TestClient, head: Head) -> None:
    cards = data(client, API)
    assert {card["output"] for card in cards} == set(head.classes())
    assert [card["n_images"] for card in cards] == sorted((card["n_images"] for card in cards), reverse=True)
    for card in cards:
        output = card["output"]
        of_class = head.pooled[head.predicted == output]
        given = (of_class * head.slopes[:, output]).mean(axis=0)
        falling = sorted(given.tolist(), reverse=True)
        enough = [n for n in range(1, len(falling) + 1) if sum(falling[:n]) >= 0.8 * given.sum() - 1e-12]
        assert card["n_main"] == (enough[0] if given.sum() > 0 and enough else None)
        assert (card["class"], card["n_images"]) == (NAMES[output], len(of_class))
        assert card["of_random"] == pytest.approx(card["area"] / card["random"])
        surest = head.probability(output, without=[]).max()
        assert card["photos"][0]["probability"] == pytest.approx(surest)
        assert len(card["photos"]) == min(3, len(of_class))


def test_a_class_adds_up_to_its_mean_logit(client: TestClient, head: Head) -> None:
    for output in head.classes():
        one = data(client, f"{API}/{output}")
        of_class = head.pooled[head.predicted == output]
        parts = one["parts"]
        assert sum(part["value"] for part in parts[:-1]) == pytest.approx(parts[-1]["value"])
        assert parts[-1]["value"] == pytest.approx(head.logits[head.predicted == output, output].mean())
        for before, after in pairwise(parts[:-1]):
            assert after["start"] == pytest.approx(before["start"] + before["value"])
        given = (of_class * head.slopes[:, output]).mean(axis=0)
        shown = [concept["concept"]["id"] for concept in one["concepts"]]
        assert [part["concept"] for part in parts if part["kind"] == "concept"] == sorted(
            shown, key=lambda k: -given[k]
        )
        others = [part["value"] for part in parts if part["kind"] == "others"]
        assert sum(others) == pytest.approx(given.sum() - sum(given[k] for k in shown), abs=1e-9)


@pytest.mark.parametrize("by", ["importance", "contrast"])
def test_concepts_and_their_errors(client: TestClient, head: Head, by: str) -> None:
    output = head.classes()[0]
    concepts = data(client, f"{API}/{output}?by={by}")["concepts"]
    of_class = head.pooled[head.predicted == output]
    n = len(of_class)
    slopes = head.slopes[:, output] - (head.slopes.mean(axis=1) if by == "contrast" else 0)
    sizes = np.abs((of_class * slopes).mean(axis=0))
    assert [one["concept"]["id"] for one in concepts] == [int(k) for k in np.argsort(-sizes)[: len(concepts)]]
    assert len(concepts) == min(N_SHOWN, len(head.order(output)))
    for one in concepts:
        each = of_class[:, one["concept"]["id"]] * slopes[one["concept"]["id"]]
        error = one["contrast_error"] if by == "contrast" else one["standard_error"]
        assert one[by] == pytest.approx(each.mean())
        assert error == pytest.approx(each.std(ddof=1) / np.sqrt(n))
        assert one["leading_share"] == one["leading"] / n


def _dense(opened: Opened, image: str, concept: int) -> Any:
    kept, codes = opened.atlas.patch_codes(image)
    return np.where(kept == concept, codes, 0).max(axis=2)


def test_evidence_is_of_this_class_and_strongest_first(client: TestClient, opened: Opened, head: Head) -> None:
    output = head.classes()[0]
    ids = {image: name for name, image in opened.atlas.image_index.items()}
    mine = {ids[int(image)] for image in np.flatnonzero(head.predicted == output)}
    one_class = data(client, f"{API}/{output}")
    found, shown = one_class["concepts"], [photo["image"]["id"] for photo in one_class["card"]["photos"]]
    assert set(shown) <= mine
    assert any(len(one["tiles"]) == N_TILES for one in found)
    for one in found:
        tiles, concept = one["tiles"], one["concept"]["id"]
        peaks = {image: _dense(opened, image, concept).max() for image in shown}
        strongest = sorted((image for image in shown if peaks[image] > 0), key=lambda image: -peaks[image])
        assert [tile["image"] for tile in tiles] == strongest[:N_TILES]
        assert [tile["value"] for tile in tiles] == sorted((tile["value"] for tile in tiles), reverse=True)
        for tile in tiles:
            dense = _dense(opened, tile["image"], concept)
            assert tile["value"] == dense.max() == dense[tile["row"], tile["col"]]
    assert make_tiles(opened, [], [1], codes={}) == {}


def test_near_classes_by_a_slow_twin(client: TestClient, head: Head) -> None:
    contrasts = {}
    for output in head.classes():
        mean = head.pooled[head.predicted == output].mean(axis=0)
        contrasts[output] = np.maximum(mean * (head.slopes[:, output] - head.slopes.mean(axis=1)), 0)
    for output, mine in contrasts.items():
        expected = {
            other: np.minimum(mine, theirs).sum() / np.maximum(mine, theirs).sum()
            for other, theirs in contrasts.items()
            if other != output and np.minimum(mine, theirs).any()
        }
        near = data(client, f"{API}/{output}")["near"]
        assert {one["output"]: one["shared"] for one in near} == pytest.approx(expected)
        assert [one["shared"] for one in near] == pytest.approx(sorted(expected.values(), reverse=True))


def test_two_classes_differ_by_their_contrasts(client: TestClient, head: Head) -> None:
    here, there = head.classes()[:2]
    sides = {
        o: {c["concept"]["id"]: c for c in data(client, f"{API}/{o}/concepts?limit=64")["concepts"]}
        for o in (here, there)
    }
    against = data(client, f"{API}/{here}?against={there}")["against"]
    assert against["output"] == there
    gaps = [one["difference"] for one in against["differences"]]
    assert gaps == sorted(gaps, reverse=True)
    for one in against["differences"]:
        a, b = (sides[o].get(one["concept"]["id"]) for o in (here, there))
        assert one["difference"] == pytest.approx((a["contrast"] if a else 0) - (b["contrast"] if b else 0))
        if a and b:
            assert one["standard_error"] == pytest.approx(np.hypot(a["contrast_error"], b["contrast_error"]))
        else:
            assert one["standard_error"] is None
    other_way = data(client, f"{API}/{there}?against={here}")["against"]["differences"]
    assert [one["difference"] for one in other_way] == pytest.approx([-gap for gap in reversed(gaps)])


def test_concepts_in_pages_and_curves_on_demand(client: TestClient, opened: Opened, head: Head) -> None:
    output = head.classes()[0]
    for sort in ("-importance", "contrast", "-leading", "rank"):
        name, seen, url = sort.removeprefix("-"), [], f"{API}/{output}/concepts?sort={sort}&limit=7"
        while url:
            answer = client.get(url).json()
            assert answer["data"]["curves"] is None
            seen += answer["data"]["concepts"]
            url = answer["links"]["next"]
        values = [one[name] for one in seen]
        assert values == sorted(values, reverse=sort.startswith("-"))
        assert sorted(one["rank"] for one in seen) == list(range(len(opened.atlas.head_concepts(output))))
    curves = data(client, f"{API}/{output}/concepts?limit=1&include=curves")["curves"]
    rows = opened.atlas.head_curves(output)
    assert len(curves) == 6
    for curve in curves:
        mine = [row for row in rows if (row["walk"], row["ordering"]) == (curve["walk"], curve["ordering"])]
        assert curve["probability"] == [row["probability"] for row in mine]
        assert curve["taken"] == [row["taken"] for row in mine]
        assert curve["area"] == mine[0]["area"]
    assert data(client, f"{API}/{output}")["curves"] == curves


def test_the_index_is_sorted_searched_and_paged(client: TestClient) -> None:
    for sort in ("name", "-name", "n_main", "-of_random", "probability"):
        values = [
            card["class" if "name" in sort else sort.removeprefix("-")] for card in data(client, f"{API}?sort={sort}")
        ]
        known = [value for value in values if value is not None]
        assert values[: len(known)] == known == sorted(known, reverse=sort.startswith("-"))
    assert {card["class"] for card in data(client, f"{API}?q=THING+gre")} <= {"green thing", "grey thing"}
    first = data(client, API)[0]
    assert data(client, f"{API}?q={first['output']}")[0]["output"] == first["output"]
    answer = client.get(f"{API}?limit=1").json()
    assert answer["page"]["total"] == len(data(client, API))
    following = client.get(answer["links"]["next"]).json()
    assert following["data"][0] == data(client, API)[1]
    cursor = answer["page"]["next"]
    assert client.get(f"{API}?limit=1&sort=name&cursor={cursor}").status_code == 400
    assert "Nothing here is called xyz" in client.get(f"{PAGE}?q=xyz").text


def test_groups_of_the_collection(client: TestClient, opened: Opened, others: TestClient) -> None:
    cards = data(client, f"{API}?of=collection")
    assert {card["class"]: card["n_images"] for card in cards} == {
        row["class"]: row["n_images"] for row in opened.atlas.classes
    }
    tops = opened.atlas.columns["top_class"].tolist()
    for card in cards:
        assert card["n_concepts"] == tops.count(card["class"])
        assert {tops[one["id"]] for one in card["concepts"]} <= {card["class"]}
        assert {photo["image"]["class"] for photo in card["photos"]} == {card["class"]}
    without = data(others, f"/api/v1/dictionaries/{UNIVERSAL.slug}/classes")
    assert {card["of"] for card in without} == {"collection"}
    page = others.get(f"/d/{UNIVERSAL.slug}/classes").text
    assert "reads several models at once" in page


def test_which_groups_are_predicted_so(client: TestClient, opened: Opened, head: Head) -> None:
    classes = [row["class"] for row in opened.atlas.images()]
    for output in head.classes():
        met = [classes[image] for image in np.flatnonzero(head.predicted == output)]
        found = data(client, f"{API}/{output}")["groups"]
        assert {one["class"]: one["n_images"] for one in found} == {name: met.count(name) for name in set(met)}
        assert sum(one["share"] for one in found) == pytest.approx(1)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_class_is_one_clear_problem(client: TestClient, text: str) -> None:
    for url in (f"{API}/{text}", f"{API}/{text}/concepts", f"{PAGE}/{text}"):
        response = client.get(url, follow_redirects=False)
        assert response.status_code == 404, url
        if url.startswith("/api") and "%2f" not in text:
            problem = response.json()
            assert problem["detail"].startswith("No predicted class named")
            assert "listed at /d/tiny-topk/classes" in problem["detail"]


def test_bad_parameters_are_named(client: TestClient, others: TestClient, head: Head) -> None:
    output = head.classes()[0]
    for query in ("by=weight", f"against={'9' * 5000}", "against=x", "agains=1", "sort=-rank"):
        response = client.get(f"{API}/{output}?{query}")
        assert (response.status_code, len(response.json()["errors"])) == (400, 1), query
    for other in (output, 99):
        response = client.get(f"{API}/{output}?against={other}")
        assert response.status_code == 404
        assert "other predicted class" in response.json()["detail"]
    for query in ("sort=random", "of=all", "limit=0", "limit=201", "cursor=x"):
        assert client.get(f"{API}?{query}").status_code == 400, query
    missing = others.get(f"/api/v1/dictionaries/{UNIVERSAL.slug}/classes/0")
    assert missing.status_code == 404
    assert "reads several models at once" in missing.json()["detail"]


def test_a_concept_leads_to_its_classes(client: TestClient, opened: Opened) -> None:
    output = data(client, API)[0]["output"]
    strongest = opened.atlas.head_concepts(output)[0]["concept"]
    outputs = data(client, f"/api/v1/dictionaries/tiny-topk/concepts/{strongest}")["outputs"]
    assert output in [one["output"] for one in outputs]
    assert f'href="{PAGE}/{output}"' in client.get(f"/d/tiny-topk/c/{strongest}").text
    assert f'href="{PAGE}"' in client.get("/d/tiny-topk").text


def test_predictions_of_a_photo_lead_to_the_classes_told_of(opened: Opened, head: Head) -> None:
    told = head.classes()[0]
    scores = [ClassScore(index=index, name="x", probability=0.5, logit=1.0) for index in (told, 99)]
    assert [row.url for row in class_rows(opened, scores)] == [f"{PAGE}/{told}", ""]


def test_a_class_page_says_all_that_it_should(client: TestClient) -> None:
    cards = data(client, API)
    text = client.get(f"{PAGE}/{cards[0]['output']}?against={cards[1]['output']}").text
    for said in ("How they add up", "Mean logit", "Is the order right?", "what pushes to", "Made by the same concepts"):
        assert said in text
    assert text.count('class="error"') >= 20
    assert re.search(r'rel="next" href="/d/tiny-topk/classes/\d+"', text)
    assert 'rel="prev"' not in text


def test_bars_lie_on_one_scale() -> None:
    values, errors = [2.0, -1.0, 0.5, 0.0], [0.5, 0.25, None, 0.0]
    found = bars.whiskers(values, errors)
    low, high = -1.25, 2.5

    def x(value: float) -> float:
        return 2 + (value - low) / (high - low) * (bars.WIDTH - 4)

    for bar, value, error in zip(found, values, errors, strict=True):
        assert bar.zero == pytest.approx(x(0), abs=0.01)
        assert (bar.left, bar.left + bar.length) == pytest.approx((x(min(0, value)), x(max(0, value))), abs=0.02)
        assert bar.low == (None if error is None else pytest.approx(x(value - error), abs=0.01))
    zero, starts, boxes = bars.parts([1.0, 2.0, -0.5])
    assert starts == (0.0, 1.0, 3.0)
    assert [box.x for box in boxes] == pytest.approx([0, 33.33, 83.33], abs=0.02)
    assert [box.width for box in boxes] == pytest.approx([33.33, 66.67, 16.67], abs=0.02)
    assert zero == 0
    assert bars.whiskers([0.0], [None])[0].length == 0
