"""The comparison: every order by brute force, what is best, who is beaten by none, page and API alike."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from app.main import make_app
from app.makers.subjects import PARTS
from store.artifacts import Artifacts
from store.atlas.schema import FILE
from store.metrics import METRICS
from store.settings import Settings
from store.vocabulary import Kind
from tests.app.measuring import ALONE, MEASURED, UNMEASURED, peers_store, view_of
from tests.factories import Shown, make_store

TINY = "model=tinynet&layer=stage4&collection=shapes"
SORTS = ("r2", "l0", "dead_share_all", "probe_map", "plausibility", "stability", "n_concepts", "method", "title")


def data_of(client: TestClient, query: str = TINY) -> Any:
    response = client.get(f"/api/v1/compare?{query}")
    assert response.status_code == 200, response.text
    return response.json()["data"]


def key_of(row: dict[str, Any], name: str) -> Any:
    if name in METRICS:
        return row["numbers"][name]["value"] if name in row["numbers"] else None
    return row[name]


def test_all_numbers_of_all_dictionaries_are_told(peers: TestClient) -> None:
    data = data_of(peers)
    told = {row["slug"]: {key: one["value"] for key, one in row["numbers"].items()} for row in data["rows"]}
    assert told == MEASURED
    nulls = {row["slug"]: row["numbers"]["r2"]["null"] for row in data["rows"] if row["numbers"]}
    assert nulls == {slug: values.get("r2_data_atoms") for slug, values in MEASURED.items() if values}
    assert {column["key"] for column in data["columns"]} == {key for values in MEASURED.values() for key in values}
    assert all(column["definition"] for column in data["columns"])
    assert sorted(row["number"] for row in data["rows"]) == [1, 2, 3, 4, 5]
    assert {row["n_active"] for row in data["rows"]} == {8}


@pytest.mark.parametrize("name", SORTS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_rows_come_in_the_order_asked_for_and_absent_values_last(peers: TestClient, name: str, sign: str) -> None:
    rows = data_of(peers, f"{TINY}&sort={sign}{name}")["rows"]
    values = [key_of(row, name) for row in rows]
    there = [value for value in values if value is not None]
    assert values == [*there, *[None] * (len(values) - len(there))]
    assert there == sorted(there, reverse=bool(sign))
    for one, other in pairwise(rows):
        if key_of(one, name) == key_of(other, name):
            assert one["number"] < other["number"]
    view = view_of(peers, f"/compare?{TINY}&sort={sign}{name}")
    assert [row.slug for row in view.rows] == [row["slug"] for row in rows]


def test_the_best_of_each_column_by_brute_force(peers: TestClient) -> None:
    rows = data_of(peers)["rows"]
    for key, metric in METRICS.items():
        values = {slug: numbers[key] for slug, numbers in MEASURED.items() if key in numbers}
        best: set[str] = set()
        if metric.better != "neither" and len(set(values.values())) > 1:
            top = max(values.values()) if metric.better == "higher" else min(values.values())
            best = {slug for slug, value in values.items() if value == top}
        assert {row["slug"] for row in rows if key in row["numbers"] and row["numbers"][key]["best"]} == best


def test_who_is_beaten_by_none(peers: TestClient) -> None:
    fronts = {front["x"]: front for front in data_of(peers)["fronts"]}
    # b and c have one R2, b at half the L0; d has more R2 at more L0; a has less R2 than b at equal L0.
    assert fronts["l0"]["dictionaries"] == ["b-topk", "d-archetypal"]
    assert (fronts["l0"]["x_better"], fronts["l0"]["y"], fronts["l0"]["y_better"]) == ("lower", "r2", "higher")
    assert fronts["plausibility"]["dictionaries"] == ["c-archetypal"]
    assert "stability" not in fronts  # measured of none
    view = view_of(peers, f"/compare?{TINY}")
    assert [{point.key for point in plot.points if point.best} for plot in view.plots] == [
        set(front["dictionaries"]) for front in fronts.values()
    ]
    assert view.unplotted == ("Stability",)


def test_what_is_left_out_is_the_largest_choice(peers: TestClient) -> None:
    for query in ("", "model=tinynet", "collection=shapes", "layer=stage4", TINY):
        data = data_of(peers, query)
        assert (data["model"], data["layer"], data["collection"]) == ("tinynet", "stage4", "shapes")
    assert [row["slug"] for row in data_of(peers, "model=lonenet")["rows"]] == [ALONE]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("model=tinynot", 404, "Known: lonenet, tinynet"),
        ("model=lonenet&layer=stage5", 404, "Known: stage4. These are the ones with model 'lonenet'"),
        ("collection=shape", 404, "shapes"),
        ("modle=tinynet", 400, "modle"),
        ("sort=colour", 400, "colour"),
        ("show=all", 400, "show"),
        ("model=tinynet&model=lonenet", 400, "twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(peers: TestClient, query: str, status: int, words: str) -> None:
    response = peers.get(f"/api/v1/compare?{query}")
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert words in response.json()["detail"]
    if "modle" in query:
        assert response.json()["errors"][0]["allowed"] == [*PARTS, "sort"]


def test_the_form_leads_to_the_address_of_the_choice(peers: TestClient) -> None:
    view = view_of(peers, "/compare")
    assert [(choice.current, choice.n) for choice in view.subjects] == [(False, 1), (True, 5)]
    text = peers.get("/compare").text
    for choice in view.subjects:
        assert f'value="{choice.key.replace("&", "&amp;")}"' in text
        response = peers.get(f"/compare?{urlencode({'of': choice.key})}", follow_redirects=False)
        assert (response.status_code, response.headers["location"]) == (303, choice.url)
        assert peers.get(choice.url).status_code == 200


def test_headings_sort_best_first_and_turn_round(peers: TestClient) -> None:
    def heads(url: str) -> dict[str, Any]:
        view = view_of(peers, url)
        return {head.key: head for head in (*view.facts, *view.heads)}

    first = heads("/compare")
    assert {key: head.sorted for key, head in first.items() if head.sorted} == {"r2": "descending"}
    assert first["r2"].url.endswith("sort=r2")
    assert first["dead_share_all"].url.endswith("sort=dead_share_all")  # lower is better
    assert first["title"].url.endswith("sort=title")
    turned = heads(first["dead_share_all"].url)
    assert turned["dead_share_all"].sorted == "ascending"
    assert turned["dead_share_all"].url.endswith("sort=-dead_share_all")
    assert "sort=" not in turned["r2"].url  # the usual order needs no words


def test_sets_of_columns(peers: TestClient) -> None:
    view = view_of(peers, "/compare")
    assert [choice.key for choice in view.views] == ["main", "reconstruction", "sparsity", "geometry", "labels", "all"]
    assert [head.key for head in view.heads] == ["l0", "r2", "dead_share_all", "plausibility", "probe_map"]
    shown = {choice.key: [head.key for head in view_of(peers, choice.url).heads] for choice in view.views}
    assert shown["geometry"] == ["stable_rank"]
    assert "r2_data_atoms" not in shown["all"]  # it stands in R2's cell
    parts = [key for name, keys in shown.items() if name not in ("main", "all") for key in keys]
    assert parts == shown["all"]


def test_the_table_marks_the_best_not_by_colour_alone(peers: TestClient) -> None:
    text = peers.get(f"/compare?{TINY}").text
    row = text.split('href="/d/d-archetypal"')[2].split("</tr>")[0]
    assert '<strong>0.900<span class="away">, best</span></strong>' in row
    assert "<small>null 0.300</small>" in text
    assert len(re.findall(r'aria-sort="descending"', text)) == 1
    assert METRICS["dead_share_all"].definition in text
    empty = text.split(f'href="/d/{UNMEASURED}"')[1].split("</tr>")[0]
    assert empty.count('<span class="quiet">–</span>') == 5


def test_a_dictionary_alone_has_nothing_to_be_better_than(peers: TestClient) -> None:
    data = data_of(peers, "model=lonenet")
    assert data["fronts"] == []
    assert all(not number["best"] and number["rank"] is None for number in data["rows"][0]["numbers"].values())
    text = peers.get("/compare?model=lonenet").text
    assert "nothing to compare it with yet" in text
    assert "<figure" not in text


def test_the_shelf_and_the_dictionary_lead_here(peers: TestClient) -> None:
    home = peers.get("/").text
    link = f'href="/compare?{TINY.replace("&", "&amp;")}"'
    assert f"{link}>Compare the 5 dictionaries of stage4" in home
    assert "Compare the 1" not in home
    assert link in peers.get("/d/a-topk").text


def test_an_empty_store_can_be_compared_and_says_what_to_do(tmp_path: Path) -> None:
    with TestClient(make_app(Settings(store=tmp_path / "new"))) as client:
        page = client.get("/compare")
        assert page.status_code == 200
        assert "conceptoscope demo" in page.text
        assert data_of(client, "")["rows"] == []
        assert client.get("/compare?model=any").status_code == 404
        assert client.get("/compare?of=model%3Dany").status_code == 404


def test_dictionaries_of_other_activations_are_told_apart(peers: TestClient, tmp_path: Path) -> None:
    assert data_of(peers)["alike"] is True
    assert "Not all of these" not in peers.get("/compare").text
    settings = peers_store(tmp_path, "a-topk")
    other = Shown("other", "tinynet", "topk", 20, 4, 4, {"r2": 0.3})
    make_store(settings.store, n_images=6, shown=(other,), seed=1)  # the collection has other photos now
    with TestClient(make_app(settings)) as client:
        data = data_of(client)
        assert (len(data["rows"]), data["alike"]) == (2, False)
        assert "Not all of these learned from the same activations" in client.get("/compare").text


def test_a_damaged_atlas_is_named_and_left_out(tmp_path: Path) -> None:
    settings = peers_store(tmp_path, "a-topk", "b-topk", "c-archetypal")
    with TestClient(make_app(settings)) as client:
        digest = client.get("/api/v1/dictionaries/c-archetypal").json()["meta"]["digest"].removeprefix("sha256:")
    path = Artifacts(tmp_path).get(Kind.ATLAS, digest).path / FILE
    with path.open("r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    with TestClient(make_app(settings)) as client:
        data = data_of(client)
        assert [row["slug"] for row in data["rows"]] == ["b-topk", "a-topk"]
        assert len(data["broken"]) == 1
        assert "Tinynet archetypal" in data["broken"][0]
        assert 'role="alert"' in client.get("/compare").text
        ranks = {n["key"]: n["rank"] for n in client.get("/api/v1/dictionaries/b-topk").json()["data"]["numbers"]}
        assert ranks["r2"] == {"place": 1, "of": 2, "tied": 0}
