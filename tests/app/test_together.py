"""Three or four dictionaries side by side: every number again by brute force over the files; page and API agree."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete
from starlette.testclient import TestClient

from app.main import make_app
from app.makers.alignment_pairs import compare_heats
from app.makers.together_asking import PARAMS, ask_together, together
from app.makers.together_photos import choose_photos
from app.site import Site
from store.alignment.reader import Alignment
from store.alignment.sides import Side
from store.catalog.tables import Alignment as AlignmentRow
from store.settings import Settings
from store.vocabulary import Band
from tests.alignments import make_alignments
from tests.factories import SHOWN, Shown, make_store

FOUR = (*SHOWN, Shown("small-topk", "smallnet", "topk", 26, 4, 4))
SLUGS = ("tiny-topk", "wide-topk", "tiny-archetypal", "small-topk")
PAGE, API = f"/align/{'/'.join(SLUGS)}", f"/api/v1/alignments/{'/'.join(SLUGS)}"
Rows = list[dict[str, Any]]


def made(root: Path) -> Settings:
    settings = make_store(root, shown=FOUR)
    make_alignments(settings, shown=FOUR)
    return settings


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with TestClient(make_app(made(Path(tmp_path_factory.mktemp("together"))))) as client:
        yield client


def site_of(client: TestClient) -> Site:
    site: Site = client.app.state.site  # type: ignore[attr-defined]
    return site


def data(client: TestClient, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200, response.text[:300]
    return response.json()["data"]


def all_rows(client: TestClient, query: str = "") -> Rows:
    found: Rows = []
    url: str | None = f"{API}?limit=24{query}"
    while url:
        body = client.get(url).json()
        found += body["data"]["rows"]
        url = body["links"]["next"]
    return found


@pytest.fixture(scope="module")
def twins(client: TestClient) -> dict[bool, Rows]:
    """What the page says of all concepts, from the files of the first dictionary with each other one, row by row."""
    site = site_of(client)
    lead = site.roster.get(SLUGS[0])
    with ExitStack() as stack:
        found: list[tuple[Alignment, Side]] = []
        for slug in SLUGS[1:]:
            link = site.roster.find_link(lead, site.roster.get(slug))
            assert link
            alignment = stack.enter_context(site.alignments.reading(link.digest)).alignment
            found.append((alignment, alignment.side_of(lead.digest)))
        return {one_to_one: gathered(found, one_to_one=one_to_one) for one_to_one in (False, True)}


def pairs_of(alignment: Alignment, side: Side) -> dict[int, dict[str, Any]]:
    rows = [dict(zip(alignment.pairs, values, strict=True)) for values in zip(*alignment.pairs.values(), strict=True)]
    return {row[side.value]: row | {"held_out": None if np.isnan(row["held_out"]) else row["held_out"]} for row in rows}


def match_of(
    alignment: Alignment, side: Side, concept: int, *, pair: dict[str, Any] | None, one_to_one: bool
) -> dict[str, Any] | None:
    """What answers to a concept, looked up row by row."""
    other_key = side.other.value
    partner = pair if pair and pair["is_matched"] else None
    if one_to_one:
        if partner is None:
            return None
        return {
            "other": int(partner[other_key]),
            "correlation": partner["correlation"],
            "percentile": partner["percentile"],
            "mutual": bool(partner["is_mutual"]),
            "held_out": partner["held_out"],
            "found": True,
            "one_to_one": True,
        }
    row = alignment.concept(side, concept)
    if row["best"] is None:
        return None
    best = alignment.candidates(side, concept)[0]
    assert (best["other"], best["correlation"]) == (row["best"], pytest.approx(row["best_correlation"]))
    back = alignment.candidates(side.other, row["best"])[0]["other"] == concept
    paired = pair is not None and pair[other_key] == row["best"]
    return {
        "other": row["best"],
        "correlation": row["best_correlation"],
        "percentile": row["best_percentile"],
        "mutual": back,
        "held_out": pair["held_out"] if pair and paired else None,
        "found": row["best_percentile"] >= alignment.meta["spec"]["level"],
        "one_to_one": paired and partner is not None,
    }


def gathered(files: list[tuple[Alignment, Side]], *, one_to_one: bool) -> Rows:
    """All concepts of the first that fire, with all that the page says of their matches."""
    rows, pairs = [], [pairs_of(alignment, side) for alignment, side in files]
    for concept in range(files[0][0].sides[files[0][1]].n_concepts):
        if all(alignment.concept(side, concept)["status"] == "silent" for alignment, side in files):
            continue
        answers = [
            match_of(alignment, side, concept, pair=pairs[place].get(concept), one_to_one=one_to_one)
            for place, (alignment, side) in enumerate(files)
        ]
        scores = [answer["correlation"] if answer else 0.0 for answer in answers]
        rows.append(
            {
                "concept": concept,
                "answers": answers,
                "weakest": min(scores),
                "mean": sum(scores) / len(scores),
                "spread": max(scores) - min(scores),
                "energy": files[0][0].concept(files[0][1], concept)["energy"],
                "n_found": sum(bool(answer and answer["found"]) for answer in answers),
                "mutual": all(answer and answer["mutual"] for answer in answers),
            }
        )
    return rows


@pytest.mark.parametrize("one_to_one", [False, True])
def test_each_concept_has_its_match_in_every_other(
    client: TestClient, twins: dict[bool, Rows], one_to_one: bool
) -> None:
    wanted = {row["concept"]: row for row in twins[one_to_one]}
    found = all_rows(client, "&match=one" if one_to_one else "")
    assert {row["concept"]["id"] for row in found} == set(wanted)
    for row in found:
        twin = wanted[row["concept"]["id"]]
        assert row["weakest"] == pytest.approx(twin["weakest"])
        assert row["mean"] == pytest.approx(twin["mean"])
        assert row["energy"] == pytest.approx(twin["energy"])
        assert row["n_found"] == twin["n_found"]
        for answer, match in zip(row["answers"], twin["answers"], strict=True):
            assert answer["aligned"]
            assert (answer["concept"] and answer["concept"]["id"]) == (match and match["other"])
            if match is None:
                assert not answer["found"]
                continue
            assert answer["correlation"] == pytest.approx(match["correlation"])
            assert answer["percentile"] == pytest.approx(match["percentile"])
            assert answer["held_out"] == pytest.approx(match["held_out"])
            assert [answer[name] for name in ("mutual", "found", "one_to_one")] == [
                match[name] for name in ("mutual", "found", "one_to_one")
            ]


FOUND = {
    "any": lambda _: True,
    "all": lambda row: row["n_found"] == 3,
    "some": lambda row: 0 < row["n_found"] < 3,
    "none": lambda row: row["n_found"] == 0,
}


CASES: list[tuple[str, Any, Any]] = [
    ("", lambda _: True, lambda row: -row["weakest"]),
    ("&sort=-mean", lambda _: True, lambda row: -row["mean"]),
    ("&sort=weakest", lambda _: True, lambda row: row["weakest"]),
    ("&sort=-spread", lambda _: True, lambda row: -row["spread"]),
    ("&sort=-energy", lambda _: True, lambda row: -row["energy"]),
    ("&mutual=yes", lambda row: row["mutual"], lambda row: -row["weakest"]),
    ("&min=0.3", lambda row: row["weakest"] >= 0.3, lambda row: -row["weakest"]),
    *((f"&in={name}", keep, lambda row: -row["weakest"]) for name, keep in FOUND.items()),
]


@pytest.mark.parametrize(
    ("match", "query", "keep", "key"),
    [("best", *case) for case in CASES] + [("one", *case) for case in CASES if case[0][:4] in ("", "&in=")],
)
def test_concepts_are_filtered_and_sorted(
    client: TestClient, twins: dict[bool, Rows], match: str, query: str, keep: Any, key: Any
) -> None:
    rows = twins[match == "one"]
    wanted = sorted(filter(keep, rows), key=lambda row: (round(key(row), 12), row["concept"]))
    found = all_rows(client, f"{query}&match={match}")
    assert [row["concept"]["id"] for row in found] == [row["concept"] for row in wanted]
    counts = data(client, f"{API}?match={match}{query}")["counts"]
    under = rows if query.startswith("&in=") else list(filter(keep, rows))
    assert counts == {name: sum(map(inside, under)) for name, inside in FOUND.items()}


def test_photos_show_what_was_recorded(client: TestClient) -> None:
    """Each map is an alignment's or an atlas's own; else it comes from the strongest concepts of each place."""
    site = site_of(client)
    asked = ask_together({param.name: param.default for param in PARAMS})
    rows = data(client, API)["rows"]
    assert len(rows) == asked.limit
    sources = set()
    with together(site, SLUGS) as all_:
        for row in rows:
            ids = (row["concept"]["id"], *(answer["concept"]["id"] for answer in row["answers"]))
            album, (photos,) = choose_photos(all_, [ids])
            assert [photo["image"] for photo in row["photos"]] == photos
            assert len(photos) == 4
            firing = [sum(sight["value"] > 0 for sight in photo["sights"]) for photo in row["photos"]]
            assert firing == sorted(firing, reverse=True)
            for photo in row["photos"]:
                assert client.get(photo["thumbnail"]).headers["content-type"] == "image/webp"
                lead = album.heat(0, ids[0], photo["image"])
                for place, (sight, member) in enumerate(zip(photo["sights"], all_.members, strict=True)):
                    concepts, codes = member.atlas.patch_codes(photo["image"])
                    strongest = float(np.where(concepts == ids[place], codes, 0).max())
                    if sight["source"] == "map":
                        assert sight["value"] >= strongest - 1e-2
                    else:
                        assert sight["value"] == pytest.approx(strongest)
                    sources.add(sight["source"])
                    heat = album.heat(place, ids[place], photo["image"])
                    if place and heat.is_known and lead.is_known:
                        boxes = [m.atlas.streams[0].window.seen(*size(m, photo)) for m in (all_.members[0], member)]
                        _, iou = compare_heats(lead.values, heat.values, seen=(boxes[0], boxes[1]))
                        assert sight["iou"] == pytest.approx(iou)
    assert "map" in sources


def size(member: Any, photo: dict[str, Any]) -> tuple[int, int]:
    row = member.atlas.image(photo["image"])
    return row["width"], row["height"]


def test_maps_and_codes_come_as_the_atlas_has_them(client: TestClient) -> None:
    site = site_of(client)
    with site.opened(site.roster.get("tiny-topk")) as opened:
        atlas = opened.atlas
        top = atlas.strongest([3, 7], limit=2)
        assert [(row["concept"], row["id"]) for row in top] == [
            (concept, row["id"]) for concept in (3, 7) for row in atlas.examples(concept, Band.TOP, limit=2)
        ]
        pairs = [(row["concept"], row["id"]) for row in top]
        maps = atlas.maps_on([*pairs, (3, "no such photo")])
        assert set(maps) == set(pairs)
        assert [maps[pair]["heat"] for pair in pairs] == [row["heat"] for row in top]
        images = list(dict.fromkeys(image for _, image in pairs))
        codes = atlas.codes_on([*images, "no such photo"])
        assert set(codes) == set(images)
        for image in images:
            assert all(np.array_equal(a, b) for a, b in zip(codes[image], atlas.patch_codes(image), strict=True))
        assert (atlas.strongest([], limit=2), atlas.maps_on([]), atlas.codes_on([])) == ([], {}, {})


def test_a_photo_that_an_atlas_does_not_know_says_so(client: TestClient) -> None:
    """The evidence images of one atlas are narrowed to a few: alignments still know theirs, the rest is told."""
    site = site_of(client)
    with site.opened(site.roster.get("small-topk")) as opened:
        known = opened.atlas.image_index
        vars(opened.atlas)["image_index"] = dict(list(known.items())[:3])
        try:
            photos = [photo for row in data(client, f"{API}?limit=24")["rows"] for photo in row["photos"]]
            text = client.get(f"{PAGE}?limit=24").text
        finally:
            vars(opened.atlas)["image_index"] = known
    lost = [photo["sights"][3] for photo in photos if photo["sights"][3]["source"] == "none"]
    assert lost
    assert all((sight["value"], sight["scale"], sight["iou"]) == (None, None, None) for sight in lost)
    assert text.count(">not recorded<") == len(lost)


def test_the_page_says_what_the_api_says(client: TestClient) -> None:
    view, text = data(client, API), client.get(PAGE).text
    assert re.findall(r'id="concept-(\d+)"', text) == [str(row["concept"]["id"]) for row in view["rows"]]
    assert text.count("data-same=") == sum(len(photo["sights"]) for row in view["rows"] for photo in row["photos"])
    for row in view["rows"]:
        for answer in row["answers"]:
            assert f'href="/d/{answer["slug"]}/c/{answer["concept"]["id"]}"' in text
    assert len(view["meetings"]) == 6
    for meeting in view["meetings"]:
        pairs = data(client, meeting["links"]["self"])
        assert meeting["n_matched"] == pairs["a"]["n_matched"]
        assert f'href="{meeting["links"]["html"]}"' in text
        chart = meeting["scores"]
        assert sum(bar["count"] for bar in chart["bars"]) == sum(bar["count"] for bar in pairs["scores"]["bars"])
    axes = {tuple(tick["label"] for tick in meeting["scores"]["x"]["ticks"]) for meeting in view["meetings"]}
    assert len(axes) == 1
    for query in ("in=none", "match=one&in=all", "sort=-spread&mutual=yes", "draw=difference"):
        assert client.get(f"{PAGE}?{query}").status_code == 200
    twin = client.get(f"{PAGE}.json?sort=-mean&heat=0", follow_redirects=False)
    assert twin.headers["location"] == f"{API}?sort=-mean"


def test_the_form_leads_to_the_page(client: TestClient) -> None:
    a, b, c, d = SLUGS
    for query, path in (
        (f"a={a}&b={b}&c={c}&d={d}", PAGE),
        (f"a={a}&b={b}&c=&d={d}", f"/align/{a}/{b}/{d}"),
        (f"a={a}&b={b}&c={a}&d=", f"/align/{a}/{b}"),
    ):
        assert client.get(f"/align?{query}", follow_redirects=False).headers["location"] == path
    assert f'value="{c}"' in client.get(f"/align/{a}/{b}").text


@pytest.mark.parametrize(
    ("address", "status", "told"),
    [
        (f"{API}/tiny-topk", 404, "From 3 to 4 different"),
        ("/align/tiny-topk/wide-topk/tiny-topk", 404, "From 3 to 4 different"),
        ("/align/tiny-topk/wide-topk/nothing", 404, "nothing"),
        (f"{API}?in=most", 400, "in"),
        (f"{API}?min=2", 400, "from -1 to 1"),
        (f"{API}?limit=25", 400, "1 to 24"),
        (f"{API}?cursor=zzz", 400, "cursor"),
    ],
)
def test_bad_addresses_say_so(client: TestClient, address: str, status: int, told: str) -> None:
    response = client.get(address)
    assert response.status_code == status
    assert told in response.text


@pytest.mark.slow
def test_what_was_never_aligned_says_so_and_how_to_do_it(tmp_path: Path) -> None:
    with TestClient(make_app(made(tmp_path))) as client:
        site = site_of(client)
        digests = {slug: site.roster.get(slug).digest for slug in SLUGS}
        gone = [sorted((digests[a], digests[b])) for a, b in (SLUGS[:2], SLUGS[1:3])]
        with site.catalog.session() as session:
            for first, second in gone:
                session.execute(
                    delete(AlignmentRow).where(AlignmentRow.first_digest == first, AlignmentRow.second_digest == second)
                )
        site.roster._read_at = -100.0
        view, text = data(client, API), client.get(PAGE).text
        lacking = {(one["a"], one["b"]) for one in view["meetings"] if not one["aligned"]}
        assert lacking == {SLUGS[:2], SLUGS[1:3]}
        assert view["n_aligned"] == 2
        form = f"/jobs/new/align?first={SLUGS[0]}&amp;second={SLUGS[1]}"
        assert text.count(form) == 1 + len(view["rows"])
        assert client.get(form.replace("&amp;", "&")).status_code == 200
        assert all(row["answers"][0]["concept"] is None and not row["answers"][0]["aligned"] for row in view["rows"])
        assert {row["n_found"] for row in view["rows"]} <= {0, 1, 2}
        alone = [pair for pair in combinations(SLUGS, 2) if SLUGS[0] in pair]
        with site.catalog.session() as session:
            for a, b in alone:
                first, second = sorted((digests[a], digests[b]))
                session.execute(
                    delete(AlignmentRow).where(AlignmentRow.first_digest == first, AlignmentRow.second_digest == second)
                )
        site.roster._read_at = -100.0
        assert data(client, API)["rows"] == []
        assert "was never aligned with any of the others" in client.get(PAGE).text


def test_an_answer_is_fresh_until_something_changes(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (PAGE, API):
        etag = client.get(address).headers["etag"]
        monkeypatch.setattr(site_of(client).alignments, "reading", lambda _digest: pytest.fail("an alignment was read"))
        assert client.get(address, headers={"If-None-Match": etag}).status_code == 304
        monkeypatch.undo()
