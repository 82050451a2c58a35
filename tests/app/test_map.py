"""The map: places, codes, sheets, names and pictures, each against a slow literal twin; page, API and lists."""

import io
import json
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.makers.map import chart_of
from app.makers.map_asking import ask_map
from app.mapping.channels import ABSENT, make_channel, pack
from app.mapping.clusters import name_clusters
from app.mapping.colours import HUES, N_HUES, PAPER, cluster_hues
from app.mapping.drawings import Drawings
from app.mapping.levels import PER_SHEET, by_importance, make_levels
from app.mapping.picture import MOST_BYTES, Dots, as_png, splat
from app.mapping.places import HEIGHT, WIDTH, Polygon, Window
from app.site import Opened, Site
from store.atlas.charting import ClassShare
from store.atlas.grammar import BadQuery, parse_query
from store.errors import NotFound
from store.resources import resource
from tests.factories import UNIVERSAL, make_store

D = "/d/tiny-topk"
API = "/api/v1/dictionaries/tiny-topk"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def data_of(client: TestClient, query: str = "") -> Any:
    answer = client.get(f"{API}/map{query}")
    assert answer.status_code == 200, answer.text[:400]
    return answer.json()["data"]


def unpack(content: bytes) -> list[np.ndarray[Any, Any]]:
    """What the documentation says of the file, literally."""
    assert content[:4] == b"CMAP"
    version, n, many = struct.unpack("<III", content[4:16])
    assert version == 1
    widths, at, found = content[16 : 16 + many], 16 + many + -many % 4, []
    for width in widths:
        found.append(np.frombuffer(content, "<u2" if width == 2 else "u1", count=n, offset=at))
        at += n * width + -(n * width) % 4
    assert at == len(content)
    return found


def test_channels_come_back_as_they_were(opened: Opened, site: Site) -> None:
    names = chart_of(site, opened).names
    made = [make_channel(opened.concepts, name, known=names) for name in names]
    for channel, codes in zip(made, unpack(pack(made)), strict=True):
        assert (codes == channel.codes).all(), channel.name
    with pytest.raises(NotFound, match="purity"):
        make_channel(opened.concepts, "beauty", known=names)


def test_codes_of_numbers_are_what_the_formula_says(opened: Opened, site: Site) -> None:
    for name, f in (("density", np.log), ("purity", lambda v: v)):
        channel = make_channel(opened.concepts, name, known=chart_of(site, opened).names)
        assert channel.low is not None
        assert channel.high is not None
        for value, code in zip(opened.concepts.numbers[name], channel.codes, strict=True):
            if np.isnan(value) or (channel.log and value <= 0):
                assert code == ABSENT
            else:
                place = (f(value) - f(channel.low)) / (f(channel.high) - f(channel.low))
                assert abs(code - 254 * min(max(place, 0), 1)) <= 0.51


def literal_levels(x: Sequence[int], y: Sequence[int], order: Sequence[int]) -> dict[int, tuple[int, int, int, int]]:
    taken: dict[tuple[int, int, int], int] = {}
    found = {}
    for k in order:
        for level in range(13):
            place = level, x[k] >> (16 - level), y[k] >> (16 - level)
            if taken.get(place, 0) < PER_SHEET:
                found[k] = (*place, taken.get(place, 0))
                taken[place] = taken.get(place, 0) + 1
                break
    return found


def test_sheets_are_those_that_one_after_the_other_would_take(rng: np.random.Generator) -> None:
    x, y = (np.rint(65535 * rng.beta(2, 5, 700)).astype(np.uint16) for _ in range(2))
    x[:90], y[:90] = 7, 7  # more in one place than a sheet holds
    codes = rng.integers(0, 256, 700).astype(np.uint8)
    order = by_importance(codes)
    assert order.tolist() == sorted(range(700), key=lambda k: (-int(codes[k]) if codes[k] < 255 else 1, k))
    made, literal = make_levels(x, y, order=order[:650]), literal_levels(x.tolist(), y.tolist(), order[:650].tolist())
    for k in range(700):
        assert tuple(made[k]) == literal.get(k, (-1, -1, -1, -1))


def literal_name(cluster: list[int], everywhere: dict[int, dict[str, float]], top: dict[int, str]) -> str | None:
    lifts = {}
    for name in {name for k in cluster for name in everywhere[k]}:
        share = sum(everywhere[k].get(name, 0) for k in cluster) / len(cluster)
        usual = sum(one.get(name, 0) for one in everywhere.values()) / len(everywhere)
        n = sum(top[k] == name for k in cluster)
        if n >= 3 and n >= len(cluster) / 10 and share / usual >= 1.5:
            lifts[name] = share / usual
    return min(lifts, key=lambda name: (-lifts[name], name)) if lifts else None


def test_names_of_clusters_come_from_the_class_with_the_largest_lift(opened: Opened, site: Site) -> None:
    columns = opened.atlas.columns
    alive = [k for k in range(opened.atlas.n_concepts) if columns["mean"][k] > 0]
    shares = {k: {row["class"]: row["share"] for row in opened.atlas.class_table(k)} for k in alive}
    named = chart_of(site, opened).named({}, stamp="nobody")
    for cluster, one in named.items():
        members = [k for k in alive if columns["cluster"][k] == cluster]
        top = {k: columns["top_class"][k] for k in alive}
        expected = literal_name(members, shares, top) if members else None
        assert one.name == (expected or f"cluster {cluster}")
        assert one.n == sum(columns["cluster"] == cluster)


def test_a_word_of_labels_names_a_cluster_and_says_so() -> None:
    labels = {0: "Fish eye", 1: "eye of a bird", 2: "the eye", 3: "grass", 4: "sky", 5: "water"}
    cluster_of = {k: int(k >= 3) for k in range(6)}
    named = name_clusters({0: 3, 1: 3}, [ClassShare(0, "animals", 3, 0.3, 0.25)], labels, cluster_of=cluster_of)
    assert named[0].name == "eye"
    assert named[0].evidence == "the word eye stands in 100 % of the labels of its 3 concepts; 2.00 times as usual"
    assert named[1].name == "cluster 1"
    assert named[1].evidence.startswith("3 concepts; no class")


def test_a_polygon_holds_what_lies_in_it(rng: np.random.Generator) -> None:
    x, y = rng.uniform(0, 100, 400), rng.uniform(0, 100, 400)
    triangle = Polygon(((10, 10), (90, 20), (40, 95)))
    sides = [((10, 10), (90, 20)), ((90, 20), (40, 95)), ((40, 95), (10, 10))]
    for at_x, at_y, held in zip(x, y, triangle.holds(x, y), strict=True):
        turns = [(bx - ax) * (at_y - ay) - (by - ay) * (at_x - ax) > 0 for (ax, ay), (bx, by) in sides]
        assert held == (len(set(turns)) == 1)
    square = Polygon(((10, 10), (50, 10), (50, 60), (10, 60)))
    assert square.bounds == (10, 50, 10, 60)
    assert (square.holds(x, y) == ((x >= 10) & (x <= 50) & (y >= 10) & (y <= 60))).all()


def test_all_of_the_map_is_in_view_and_less_when_nearer() -> None:
    x, y = np.array([0.0, 65535.0, 32767.5]), np.array([0.0, 65535.0, 32767.5])
    assert Window().holds(x, y).tolist() == [True, True, True]
    assert Window(zoom=4).holds(x, y).tolist() == [False, False, True]


def test_neighbouring_clusters_differ_in_hue() -> None:
    centres = np.array([[i % 5, i // 5] for i in range(25)], dtype=np.float64)
    hues = cluster_hues(centres, np.arange(25, 0, -1))
    for a in range(25):
        for b in range(a):
            if abs(centres[a] - centres[b]).sum() == 1:
                assert hues[a] != hues[b]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_has_a_dot_where_a_concept_is_and_stays_small(rng: np.random.Generator, theme: str) -> None:
    one = Dots(np.array([300.0]), np.array([200.0]), np.array([3]), np.array([True]))
    picture = Image.open(io.BytesIO(as_png(*splat(one), theme=theme))).convert("RGB")
    assert picture.size == (WIDTH, HEIGHT)
    away = "#{:02x}{:02x}{:02x}".format(*picture.getpixel((600, 600)))
    assert away == PAPER[theme]
    assert picture.getpixel((300, 200)) != picture.getpixel((600, 600))
    n = 4000
    many = Dots(rng.uniform(0, WIDTH, n), rng.uniform(0, HEIGHT, n), rng.integers(0, N_HUES, n), np.ones(n, bool))
    assert len(as_png(*splat(many), theme=theme)) <= MOST_BYTES


def test_colours_are_those_of_the_style_sheet() -> None:
    css = (resource("static") / "css/map.css").read_text() + (resource("static") / "css/tokens.css").read_text()
    for at in range(N_HUES):
        assert f"--h{at}: light-dark({HUES['light'][at]}, {HUES['dark'][at]})" in css
    assert f"--sheet: light-dark({PAPER['light']}, {PAPER['dark']})" in css


def test_drawings_are_made_once_and_leave_when_there_is_no_room() -> None:
    kept = Drawings(most_bytes=10)
    assert [kept.get("a", lambda: b"12345"), kept.get("a", lambda: b"other")] == [b"12345", b"12345"]
    assert kept.get("b", lambda: b"1234567") == b"1234567"
    assert kept.get("a", lambda: b"again") == b"again"


@pytest.mark.parametrize("query", ["", "density__gte=0.05", "badge__not=dead&q=disc", "cluster=1&sort=-density"])
def test_the_mask_has_a_bit_for_each_concept_that_meets_the_filter(
    client: TestClient, opened: Opened, query: str
) -> None:
    bits = client.get(f"{API}/map/mask.bin?{query}").content
    kept = opened.concepts.mask(parse_query([tuple(part.split("=")) for part in query.split("&") if part]))  # type: ignore[misc]
    assert [(bits[k >> 3] >> (k & 7)) & 1 for k in range(opened.concepts.n)] == kept.astype(int).tolist()
    assert data_of(client, f"?points=0&{query}")["n_matching"] == kept.sum()


def test_the_page_says_what_the_api_says(client: TestClient, opened: Opened) -> None:
    data = data_of(client, "?colour=density&select=3,6&density__gte=0.01")
    assert data["points"]["x"] == opened.atlas.columns["map_x"].tolist()
    assert data["points"]["value"][6] == opened.atlas.columns["density"][6]
    assert set(data["chosen"]["ids"]) == {3, 6}
    page = client.get(f"{D}/map?colour=density&select=3,6&density__gte=0.01").text
    for one in data["clusters"]:
        assert one["evidence"] in page
    for one in data["in_view"]["first"]:
        assert f'data-concept="{one["id"]}"' in page
    assert data["in_view"]["summary"] in page
    assert client.get(data["links"]["light"]).headers["cache-control"].endswith("immutable")
    x, y, cluster, crops, _ = unpack(client.get(data["links"]["points"]).content)
    assert x.tolist() == data["points"]["x"]
    assert y.tolist() == data["points"]["y"]
    assert cluster.tolist() == data["points"]["cluster"]
    assert (crops > 0).tolist() == [n > 0 for n in opened.atlas.columns["n_images"]]
    assert unpack(client.get(f"{API}/map.bin?columns=x").content)[0].tolist() == data["points"]["x"]
    assert client.get(f"{API}/map.png?theme=dark").content == client.get(data["links"]["dark"]).content


def test_a_sheet_has_the_crops_that_the_levels_say(client: TestClient, opened: Opened) -> None:
    digest = opened.atlas.digest
    sheet = Image.open(io.BytesIO(client.get(f"/m/{digest}/map/1/atoms/crops/0/0/0.webp").content))
    assert sheet.size == (512, 512)
    importance = opened.atlas.columns["importance"]
    alive = [k for k in range(opened.atlas.n_concepts) if opened.atlas.columns["n_images"][k]]
    best = max(alive, key=lambda k: importance[k])
    crop = Image.open(io.BytesIO(client.get(f"/m/{digest}/crop/{best}.webp").content))
    first = np.asarray(sheet.convert("RGB"), dtype=float)[:64, :64]
    assert crop.size == (96, 96)
    small = np.asarray(crop.convert("RGB").resize((64, 64), Image.Resampling.LANCZOS), dtype=float)
    assert np.abs(first - small).mean() < 12
    heat = Image.open(io.BytesIO(client.get(f"/m/{digest}/crop-heat/{best}.png").content))
    nine = Image.open(io.BytesIO(client.get(f"/m/{digest}/sprite-heat/{best}/top.png").content))
    side = nine.width // 3
    assert (heat.mode, heat.size) == ("L", (side, side))
    assert np.array_equal(np.asarray(heat), np.asarray(nine)[:side, :side])
    assert client.get(f"/m/{digest}/map/1/atoms/crops/1/5/0.webp").status_code == 404
    assert client.get(f"/m/{digest}/map/9/atoms/light.png").status_code == 404


def test_the_other_layout_has_its_own_places_picture_and_sheets(client: TestClient, opened: Opened) -> None:
    data = data_of(client, "?layout=firing&select=3,6")
    columns = opened.atlas.columns
    assert [one["key"] for one in data["layouts"] if one["current"]] == ["firing"]
    assert data["points"]["x"] == columns["firing_x"].tolist()
    silent = [k for k, n in enumerate(columns["n_images"]) if not n]
    assert silent
    assert data["n_placed"] == opened.atlas.n_concepts - len(silent)
    assert not set(silent) & {one["id"] for one in data["in_view"]["first"]}
    x, y, *_ = unpack(client.get(data["links"]["points"]).content)
    assert [None if code == 65535 else min(code, 65534) for code in x.tolist()] == data["points"]["x"]
    assert unpack(client.get(f"{API}/map.bin?columns=y&layout=firing").content)[0].tolist() == y.tolist()
    picture = client.get(f"{API}/map.png?theme=light&layout=firing").content
    assert picture == client.get(data["links"]["light"]).content
    assert picture != client.get(f"{API}/map.png?theme=light").content
    other = data_of(client, "?points=0")
    assert {one["cluster"]: one["hue"] for one in data["clusters"]} == {
        one["cluster"]: one["hue"] for one in other["clusters"]
    }
    for one in data["clusters"]:
        mine = [columns["firing_x"][k] for k in np.flatnonzero(columns["cluster"] == one["cluster"]) if k not in silent]
        assert one["x"] == sorted(mine)[(len(mine) - 1) // 2]
    page = client.get(f"{D}/map?layout=firing&select=3,6").text
    assert 'data-axes="firing_x firing_y"' in page
    assert f"{len(silent)} silent left out" in page
    assert f'href="{D}/map?select=6,3"' in page or f'href="{D}/map?select=3,6"' in page
    assert client.get(f"/m/{opened.atlas.digest}/map/1/firing/crops/0/0/0.webp").status_code == 200
    assert client.get(f"/m/{opened.atlas.digest}/map/1/sideways/light.png").status_code == 404


def test_an_area_means_places_of_its_layout(client: TestClient, opened: Opened) -> None:
    chosen = data_of(client, "?points=0&layout=firing&area=0.0,40000.0,40000.65535,0.65535")["chosen"]
    there = [k for k, x in enumerate(opened.atlas.columns["firing_x"]) if x is not None and x <= 40000]
    assert sorted(chosen["ids"]) == there
    page = client.get(f"{D}/map?layout=firing&area=0.0,40000.0,40000.65535,0.65535&x=9&y=9&zoom=4").text
    to_other = next(re.finditer(r'href="([^"]+)"[^>]*data-layout="atoms"', page))[1]
    assert "area" not in to_other
    assert "zoom" not in to_other
    assert to_other.split("select=")[1].split(",") == [str(k) for k in chosen["ids"]]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("colour=beauty", "cluster"),
        ("zoom=0.5", "from 1 to 64"),
        ("select=3,4000", "0 to 47"),
        ("area=1.2,3.4", "corners"),
        ("size=class", "density"),
        ("layout=sideways", "firing"),
        ("brightness=3", "brightness"),
    ],
)
def test_bad_addresses_say_what_would_do(client: TestClient, query: str, said: str) -> None:
    for address in (f"{D}/map?{query}", f"{API}/map?{query}"):
        answer = client.get(address)
        assert answer.status_code == 400
        assert said in answer.text


def test_many_faults_are_told_at_once(opened: Opened) -> None:
    with pytest.raises(BadQuery) as told:
        ask_map([("colour", "beauty"), ("x", "nan"), ("density__gte", "few")], opened)
    assert {fault.param for fault in told.value.faults} == {"colour", "x", "density__gte"}


def test_an_area_selects_and_the_grid_takes_a_rectangle_whole(client: TestClient, opened: Opened) -> None:
    columns = opened.atlas.columns
    data = data_of(client, "?points=0&area=0.0,40000.0,40000.65535,0.65535")["chosen"]
    assert sorted(data["ids"]) == np.flatnonzero(columns["map_x"] <= 40000).tolist()
    assert data["n"] == len(data["ids"])
    importance = columns["importance"]
    assert data["ids"] == sorted(data["ids"], key=lambda k: (-importance[k], k))


def test_parts_beside_the_map(client: TestClient, opened: Opened) -> None:
    base = f"/_f{D}/map"
    for query, kind in (("", "decoder"), ("?layout=firing", "coactivation")):
        text = client.get(f"{base}/c/6{query}").text
        near = [row["other"] for row in opened.atlas.neighbors(6, limit=6) if row["kind"] == kind]
        assert [int(found) for found in re.findall(r'data-concept="(\d+)"', text)] == near
    assert "2 concepts selected" in client.get(f"{base}/chosen?select=1,6").text
    half = client.get(f"{base}/in-view?map_x__lte=30000").text
    ids = [int(found) for found in re.findall(r'data-concept="(\d+)"', half)]
    assert ids
    assert all(opened.atlas.columns["map_x"][k] <= 30000 for k in ids)
    assert "Density" in client.get(f"{base}/legend?colour=density").text
    assert client.get(f"{base}/other").status_code == 400


@pytest.mark.slow
def test_a_selection_becomes_a_list(tmp_path: Path) -> None:
    from tests.app.watching import served

    with served(make_store(tmp_path)) as client:
        answer = client.post(f"{D}/map/list", data={"title": "From the map", "select": "3,6"}, follow_redirects=False)
        assert answer.status_code == 303
        page = client.get(answer.headers["location"]).text
        assert "From the map" in page
        assert "/c/3" in page
        assert "/c/6" in page
        assert client.post(f"{D}/map/list", data={"title": "Nothing"}).status_code in (400, 422)


@pytest.mark.slow
def test_a_universal_dictionary_has_its_streams_as_colours(tmp_path: Path) -> None:
    from tests.app.watching import served

    with served(make_store(tmp_path, shown=(UNIVERSAL,))) as client:
        base = f"/api/v1/dictionaries/{UNIVERSAL.slug}/map"
        for colour in ("main_stream", "firing_entropy"):
            data = client.get(f"{base}?colour={colour}").json()["data"]
            assert data["legend"]["column"] == colour
        json.dumps(data)
