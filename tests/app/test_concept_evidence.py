"""A concept's evidence: classes in turn, sizes, effects, the small map, sorted classes, the switches."""

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.makers.concept_effects import importance_rank
from app.makers.concept_map import make_mini_map
from app.makers.concept_sizes import STRENGTHS, find_sizes
from app.makers.examples import in_turn
from app.site import Opened
from store.vocabulary import Band

D, API = "/d/tiny-topk", "/api/v1/dictionaries/tiny-topk"


def one_by_one(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Literally: in each turn every class that has any left gives its next; within a turn as they stood."""
    left, taken = list(rows), []
    while left:
        turn, seen = [], set()
        for row in left:
            if row["class"] not in seen:
                seen.add(row["class"])
                turn.append(row)
        taken += turn
        left = [row for row in left if row not in turn]
    return taken


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=24))
def test_classes_take_turns(classes: list[str | None]) -> None:
    rows = [{"class": name, "rank": rank} for rank, name in enumerate(classes)]
    assert in_turn(rows) == one_by_one(rows)


def test_the_page_the_fragment_and_the_api_take_the_same_turns(client: TestClient) -> None:
    stored = client.get(f"{API}/concepts/6/examples?band=q75&limit=200").json()["data"]["tiles"]
    expected = [(row["class"], row["rank"]) for row in one_by_one(stored)][:16]
    told = client.get(f"{API}/concepts/6/examples?band=q75&balance=class").json()["data"]["tiles"]
    assert [(row["class"], row["rank"]) for row in told] == expected
    whole = client.get(f"{API}/concepts/6?band=q75&balance=class").json()["data"]["examples"]["tiles"]
    assert [(row["class"], row["rank"]) for row in whole] == expected
    for url in (f"{D}/c/6?band=q75&balance=class", f"/_f{D}/c/6/examples?band=q75&balance=class"):
        shown = re.findall(r'aria-label="Example (\d+) of', client.get(url).text)[: len(expected)]
        assert [int(number) - 1 for number in shown] == [rank for _, rank in expected]


@pytest.mark.parametrize("query", ["balance=most", "by=name", "context=whole"])
def test_a_switch_that_is_none_is_named(client: TestClient, query: str) -> None:
    response = client.get(f"{D}/c/6?{query}")
    assert response.status_code == 400
    assert f"'{query.split('=', maxsplit=1)[0]}' cannot be" in response.text.replace("&#39;", "'")


def test_photos_are_cut_around_the_peak_without_script(client: TestClient) -> None:
    for context, attribute in (("photo", "data-photo"), ("patch", "data-patch")):
        text = client.get(f"{D}/c/6?context={context}").text
        tiles = re.findall(
            r'<svg viewBox="\s*([^"]+?)\s*" data-photo="\s*([^"]+?)\s*" data-patch="\s*([^"]+?)\s*"', text
        )
        place = 1 if attribute == "data-photo" else 2
        assert tiles
        assert all(tile[0] == tile[place] for tile in tiles)


@pytest.mark.parametrize("by", ["share", "lift", "coverage", "mean", "n_images", "class"])
def test_classes_are_sorted_by_the_column_that_is_asked_for(client: TestClient, by: str) -> None:
    rows = client.get(f"{API}/concepts/6/classes?by={by}").json()["data"]
    values = [row[by] for row in rows]
    assert values == sorted(values, reverse=by != "class")
    names = [row["class"] for row in rows]
    shown = re.findall(r'class=([a-z]+)">\1</a></th>', client.get(f"{D}/c/6?by={by}").text)
    assert shown == names


def test_sizes_are_those_of_the_recorded_maps(opened: Opened) -> None:
    sizes = find_sizes(opened, 6, opened.atlas.examples_of(6, STRENGTHS))
    assert sizes is not None
    assert {one.band for one in sizes.strips} <= {band.value for band in STRENGTHS}
    for strip in sizes.strips:
        rows = opened.atlas.examples(6, Band(strip.band))
        shares = [sum(byte > 0 for byte in row["heat"]) / sizes.n_patches for row in rows]
        assert list(strip.shares) == shares
        assert (strip.lowest, strip.highest, strip.n) == (min(shares), max(shares), len(shares))
        assert strip.median == pytest.approx(float(np.median(shares)))


def test_a_concept_stands_among_all_by_importance(opened: Opened) -> None:
    values = opened.atlas.columns["importance"].tolist()
    for concept in range(len(values)):
        expected = 1 + sum(value > values[concept] for value in values)
        alive = opened.atlas.columns["n_images"][concept] > 0
        assert importance_rank(opened, concept) == (expected if alive else None)


def test_effects_are_the_largest_contrasts_to_both_sides(client: TestClient) -> None:
    outputs = client.get(f"{API}/classes?limit=200").json()["data"]
    rows = [
        (one["output"], row)
        for one in outputs
        for row in client.get(f"{API}/classes/{one['output']}/concepts?limit=200").json()["data"]["concepts"]
    ]
    concept = max(
        (row["concept"]["id"] for _, row in rows), key=lambda k: sum(r["concept"]["id"] == k for _, r in rows)
    )
    mine = [(output, row["contrast"]) for output, row in rows if row["concept"]["id"] == concept]
    does = client.get(f"{API}/concepts/{concept}").json()["data"]["effects"]
    assert does["n_classes"] == len(mine)
    for side, sign in (("supports", 1), ("opposes", -1)):
        expected = sorted((sign * value, -output) for output, value in mine if sign * value > 0)[::-1][:6]
        assert [(one["output"], pytest.approx(one["contrast"])) for one in does[side]] == [
            (-output, sign * value) for value, output in expected
        ]


def test_the_small_map_marks_the_concept_and_its_neighbours(opened: Opened, client: TestClient) -> None:
    view = client.get(f"{API}/concepts/6").json()["data"]
    near = {one["concept"]["id"] for kind in view["neighbors"] for one in kind["neighbors"][:5]}
    marks = {mark["id"]: mark["kind"] for mark in view["map"]["marks"]}
    assert marks.pop(6) == "self"
    assert set(marks) == near - {6}
    drawn = make_mini_map(opened, 6, ())
    assert drawn.paths[0].count("M") == opened.atlas.n_concepts == drawn.n


def test_an_image_is_linked_as_a_whole_and_at_its_peak(client: TestClient) -> None:
    tile = client.get(f"{API}/concepts/6").json()["data"]["examples"]["tiles"][0]
    assert tile["links"]["html"].endswith(f"&patch={tile['row']},{tile['col']}")
    assert tile["links"]["image"] == tile["links"]["html"].split("&patch=")[0]
    assert tile["links"]["image"] in client.get(f"{D}/c/6").text.replace("&amp;", "&")


def test_what_the_page_says_is_in_its_twin(client: TestClient) -> None:
    data = json.dumps(client.get(f"{D}/c/6.json?balance=class&by=lift").json()["data"]["effects"])
    assert '"rank"' in data
