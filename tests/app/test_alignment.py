"""Alignments on pages and in the API: the file's own numbers, in both orders, filtered and sorted by brute force."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Never

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.main import make_app
from app.makers.alignment_pairs import compare_heats
from app.site import Site
from store.alignment.reader import Alignment
from store.alignment.sides import Side
from store.errors import NotFound
from store.grid import Box
from store.vocabulary import Kind
from tests.app.jobs import empty_store

A, B = "tiny-archetypal", "tiny-topk"
PAGE, API = f"/align/{A}/{B}", f"/api/v1/alignments/{A}/{B}"


@pytest.fixture
def client(aligned: TestClient) -> TestClient:
    return aligned


@pytest.fixture
def file(client: TestClient) -> Iterator[tuple[Alignment, Side]]:
    """The alignment itself, and which side of it the first dictionary is."""
    site: Site = client.app.state.site  # type: ignore[attr-defined]
    one = site.roster.get(A)
    for artifact in site.artifacts.list(Kind.ALIGNMENT):
        alignment = Alignment(artifact)
        digests = {facts.dictionary for facts in alignment.sides.values()}
        if digests == {one.digest, site.roster.get(B).digest}:
            yield alignment, alignment.side_of(one.digest)
        alignment.close()


def data(client: TestClient, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200, response.text[:300]
    return response.json()["data"]


def all_pairs(client: TestClient, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    url: str | None = f"{API}?limit=7{query}"
    while url:
        body = client.get(url).json()
        found += body["data"]["pairs"]
        url = body["links"]["next"]
    return found


@pytest.mark.parametrize(
    ("query", "keep", "key"),
    [
        ("", lambda _: True, lambda row: -row["correlation"]),
        ("&sort=correlation", lambda _: True, lambda row: row["correlation"]),
        ("&sort=-held_out", lambda _: True, lambda row: 2 if np.isnan(row["held_out"]) else -row["held_out"]),
        ("&sort=-jaccard", lambda _: True, lambda row: -row["jaccard"]),
        ("&mutual=yes", lambda row: row["is_mutual"], lambda row: -row["correlation"]),
        ("&min=0.6&max=0.8", lambda row: 0.6 <= row["correlation"] <= 0.8, lambda row: -row["correlation"]),
    ],
)
def test_pairs_are_filtered_and_sorted(
    client: TestClient, file: tuple[Alignment, Side], query: str, keep: Any, key: Any
) -> None:
    alignment, side = file
    columns = alignment.pairs
    rows = [{name: values[k] for name, values in columns.items()} for k in range(len(columns["a"]))]
    wanted = sorted([row for row in rows if row["is_matched"] and keep(row)], key=lambda row: (key(row), row["rank"]))
    found = all_pairs(client, query)
    names = ("a", "b") if side is Side.A else ("b", "a")
    assert [(pair["a"]["id"], pair["b"]["id"]) for pair in found] == [tuple(row[n] for n in names) for row in wanted]
    assert [pair["correlation"] for pair in found] == [row["correlation"] for row in wanted]


BOUNDS = {"energy_a__gte": 0.02, "energy_a__lte": 0.06, "energy_b__gte": 0.03, "energy_b__lte": 0.08}


@pytest.mark.parametrize("names", [*[(name,) for name in BOUNDS], tuple(BOUNDS)])
def test_pairs_are_picked_by_their_shares_of_energy(
    client: TestClient, file: tuple[Alignment, Side], names: tuple[str, ...]
) -> None:
    alignment, side = file
    sides = {"a": side, "b": side.other}
    wanted = []
    for rank in range(len(alignment.pairs["a"])):
        row = alignment.pair(int(alignment.pairs["a"][rank]), int(alignment.pairs["b"][rank]))
        energy = {key: alignment.concept(one, row[one.value])["energy"] for key, one in sides.items()}
        fits = [energy[n[7]] >= BOUNDS[n] if n.endswith("gte") else energy[n[7]] <= BOUNDS[n] for n in names]
        if row["is_matched"] and all(fits):
            wanted.append(row["rank"])
    found = all_pairs(client, "".join(f"&{name}={BOUNDS[name]}" for name in names))
    assert [pair["rank"] for pair in found] == wanted
    assert len(wanted) < len(all_pairs(client))
    text = client.get(f"{PAGE}?{'&'.join(f'{name}={BOUNDS[name]}' for name in names)}").text
    assert text.count('aria-label="Remove filter energy in') == len(names)


def test_what_is_asked_stays_in_the_form_and_turns_with_the_sides(client: TestClient) -> None:
    text = client.get(f"{PAGE}?min=0.1&max=0.9&energy_a__gte=0.001&energy_b__lte=0.5").text
    for name, value in (("min", "0.1"), ("max", "0.9"), ("energy_a__gte", "0.001"), ("energy_b__lte", "0.5")):
        assert re.search(rf'name="{name}" value="{value}"', text)
    swapped = re.search(rf'href="(/align/{B}/{A}[^"]*)"', text)
    assert swapped
    query = dict(pair.split("=") for pair in swapped[1].split("?")[1].replace("&amp;", "&").split("&"))
    assert query == {"min": "0.1", "max": "0.9", "energy_b__gte": "0.001", "energy_a__lte": "0.5"}
    chart = data(client, f"{API}?energy_a__gte=0.02&energy_a__lte=0.06")["importance"]
    area, (low, high) = chart["area"], chart["x_range"]
    at = [area["left"] + np.log(v / low) / np.log(high / low) * (area["right"] - area["left"]) for v in (0.02, 0.06)]
    assert chart["chosen"]["x"] == pytest.approx(at[0], abs=0.02)
    assert chart["chosen"]["width"] == pytest.approx(at[1] - at[0], abs=0.02)
    assert chart["chosen"]["height"] == area["bottom"] - area["top"]
    assert data(client, API)["importance"]["chosen"] is None


def test_both_orders_tell_the_same(client: TestClient) -> None:
    there = all_pairs(client)
    turned: list[dict[str, Any]] = data(client, f"/api/v1/alignments/{B}/{A}?limit=60")["pairs"]
    assert [(p["a"]["id"], p["b"]["id"], p["cofire_a"]) for p in there] == [
        (p["b"]["id"], p["a"]["id"], p["cofire_b"]) for p in turned
    ]
    tiles, back = there[0]["shared"], turned[0]["shared"]
    assert [(t["value_a"], t["scale_b"], t["iou"]) for t in tiles] == [
        (t["value_b"], t["scale_a"], t["iou"]) for t in back
    ]


@pytest.mark.parametrize("side", ["a", "b"])
def test_concepts_without_a_partner_are_those_of_the_file(
    client: TestClient, file: tuple[Alignment, Side], side: str
) -> None:
    alignment, first = file
    columns = alignment.concepts[first if side == "a" else first.other]
    alone = [int(k) for k in columns["concept"] if columns["status"][k] == "unmatched"]
    wanted = sorted(alone, key=lambda k: (-columns["energy"][k], k))
    found = data(client, f"{API}?show={side}&limit=60")["alone"]
    assert [card["id"] for card in found] == wanted


def test_splits_tell_who_fires_in_whose_place(client: TestClient, file: tuple[Alignment, Side]) -> None:
    alignment, first = file
    found = data(client, f"{API}?show=fans&limit=60")["fans"]
    wanted = {
        (key, concept): [(row["other"], row["share"]) for row in alignment.fan(side, concept)]
        for key, side in (("a", first), ("b", first.other))
        for concept in {row["concept"] for row in alignment.fans(side)}
    }
    told = {
        (f["side"], f["concept"]["id"]): list(zip([o["id"] for o in f["others"]], f["shares"], strict=True))
        for f in found
    }
    assert told == wanted


def test_the_page_says_what_the_api_says(client: TestClient) -> None:
    view, text = data(client, API), client.get(PAGE).text
    assert re.findall(r'id="pair-(\d+)"', text) == [str(pair["rank"]) for pair in view["pairs"]]
    assert text.count('class="linked"') == sum(len(pair["shared"]) for pair in view["pairs"])
    for pair in view["pairs"]:
        assert f'/d/{A}/c/{pair["a"]["id"]}"' in text
        for tile in pair["shared"]:
            assert client.get(tile["thumbnail"]).headers["content-type"] == "image/webp"
    for tab in ("fans", "a", "b"):
        assert client.get(f"{PAGE}?show={tab}").status_code == 200


def test_a_concept_says_what_answers_to_it_elsewhere(client: TestClient, file: tuple[Alignment, Side]) -> None:
    alignment, side = file
    for concept in range(0, 30, 3):
        row = alignment.concept(side, concept)
        body = data(client, f"/api/v1/dictionaries/{A}/concepts/{concept}")
        (found,) = [one for one in body["elsewhere"] if one["slug"] == B]
        assert (found["status"], found["correlation"]) == (row["status"], row["best_correlation"])
        assert (found["best"] or {}).get("id") == row["best"]
        assert ((found["pair"] or {}).get("b") or {}).get("id") == row["matched"]
        text = client.get(f"/d/{A}/c/{concept}").text
        assert "In other dictionaries" in text
        if found["pair"]:
            assert f'/d/{B}/c/{row["matched"]}"' in text


def test_the_list_names_all_alignments(client: TestClient) -> None:
    cards = data(client, "/api/v1/alignments")
    assert len(cards) == 3
    text = client.get("/align").text
    for card in cards:
        assert card["links"]["html"] in text
        assert card["n_matched"] == len(all_matched(client, card["links"]["self"]))
    assert client.get(f"/align?a={A}&b={B}").url.path == PAGE


def test_the_list_shows_the_best_pairs_of_each(client: TestClient) -> None:
    cards = data(client, "/api/v1/alignments")
    text = client.get("/align").text
    rows = text.split('<ol class="alignments">')[1].split("<li>")[1:]
    assert len(rows) == len(cards)
    for card, row in zip(cards, rows, strict=True):
        pairs = data(client, f"{card['links']['self']}?sort=-correlation&limit=3")["pairs"]
        crops = [pair[side]["links"]["crop"] for pair in pairs for side in "ab"]
        assert re.findall(r'<img src="([^"]*)"', row) == crops
        assert crops
        assert client.get(crops[0]).status_code == 200


def test_a_damaged_alignment_stands_in_the_list_without_pictures(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    site: Site = client.app.state.site  # type: ignore[attr-defined]

    def damaged(digest: str) -> Never:
        raise NotFound("file", digest)

    monkeypatch.setattr(site.alignments, "reading", damaged)
    text = client.get("/align", headers={"Cache-Control": "no-cache"}).text
    assert "<img src" not in text.split('<ol class="alignments">')[1]
    assert text.count("against") >= len(data(client, "/api/v1/alignments"))


def all_matched(client: TestClient, url: str) -> list[Any]:
    found: list[Any] = data(client, f"{url}?limit=60")["pairs"]
    return found


@pytest.mark.parametrize(
    ("address", "status", "told"),
    [
        (f"/align/{A}/nothing", 404, "nothing"),
        (f"/align/{A}/{A}", 404, "conceptoscope align"),
        (f"{API}?min=2", 400, "from -1 to 1"),
        (f"{API}?limit=0", 400, "1 to 60"),
        (f"{API}?limit=61", 400, "1 to 60"),
        (f"{API}?energy_a__gte=-1", 400, "from 0 to 1"),
        (f"{API}?energy_c__gte=0", 400, "energy_c__gte"),
        (f"{API}?show=all", 400, "show"),
        (f"{API}?cursor=zzz", 400, "cursor"),
        (f"/m/{'0' * 64}/shared/x.webp", 404, "alignment"),
    ],
)
def test_bad_addresses_say_so(client: TestClient, address: str, status: int, told: str) -> None:
    response = client.get(address)
    assert response.status_code == status
    assert told in response.text


def test_an_alignment_is_fresh_until_it_changes(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    site: Site = client.app.state.site  # type: ignore[attr-defined]
    for address in (PAGE, API):
        etag = client.get(address).headers["etag"]
        monkeypatch.setattr(site.alignments, "reading", lambda _digest: pytest.fail("an alignment was read"))
        assert client.get(address, headers={"If-None-Match": etag}).status_code == 304
        monkeypatch.undo()


def test_a_store_without_alignments_says_how_to_make_one(tmp_path: Path) -> None:
    with TestClient(make_app(empty_store(tmp_path))) as client:
        assert "conceptoscope align A B" in client.get("/align").text


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def test_equal_heats_overlap_whole_and_differ_nowhere() -> None:
    heat = np.array([[0, 255], [128, 0]], dtype=np.uint8)
    grey, iou = compare_heats(heat, heat, seen=(WHOLE, WHOLE))
    assert iou == 1
    assert set(np.unique(grey)) == {128}


def test_heats_are_compared_where_they_lie_on_the_photo() -> None:
    left, right = np.array([[255, 0]], dtype=np.uint8), np.array([[0, 255]], dtype=np.uint8)
    grey, iou = compare_heats(left, right, seen=(WHOLE, WHOLE))
    assert iou == 0
    assert (grey[:, :16] == 255).all()
    assert (grey[:, 16:] == 0).all()
    half = np.array([[255]], dtype=np.uint8)  # a model that sees only the left half fires on all that it sees
    _, iou = compare_heats(left, half, seen=(WHOLE, Box(0.0, 0.0, 0.5, 1.0)))
    assert iou == 1
    silent = np.zeros((1, 1), dtype=np.uint8)
    assert compare_heats(silent, silent, seen=(WHOLE, WHOLE))[1] is None
