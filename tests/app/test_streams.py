"""What the models of a universal dictionary share: pages and API against the tables, arithmetic against slow twins."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.main import make_app
from app.makers.concept_streams import N_PHOTOS, spread
from app.makers.streams import AGREED_FROM, TAKES_PART
from app.polygon import Shared, polygon
from store.artifacts import Artifacts
from store.atlas.reader import Atlas
from store.vocabulary import Band, Kind
from tests.factories import SHOWN, UNIVERSAL, make_store

API = f"/api/v1/dictionaries/{UNIVERSAL.slug}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("streams"))


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[TestClient]:
    with TestClient(make_app(make_store(root, n_images=16, shown=(*SHOWN, UNIVERSAL)))) as client:
        yield client


@pytest.fixture(scope="module")
def atlas(root: Path, client: TestClient) -> Iterator[Atlas]:
    digest = client.get(f"{API}/streams").json()["meta"]["digest"].removeprefix("sha256:")
    atlas = Atlas(Artifacts(root).get(Kind.ATLAS, digest))
    yield atlas
    atlas.close()


def test_the_streams_are_those_of_the_atlas(client: TestClient, atlas: Atlas) -> None:
    data = client.get(f"{API}/streams").json()["data"]
    assert [one["name"] for one in data["streams"]] == list(UNIVERSAL.streams)
    groups = {tuple(group["streams"]): group for group in data["groups"]}
    assert sum(group["n"] for group in groups.values()) == data["n_alive"]
    n_agreed = 0
    counted = dict.fromkeys(groups, 0)
    for concept in range(atlas.n_concepts):
        rows = atlas.stream_concepts(concept)
        part = tuple(row["stream"] for row in rows if (row["firing_share"] or 0) >= TAKES_PART / 3)
        if part:
            counted[part] += 1
        n_agreed += len(part) == 3 and atlas.columns["stream_correlation_held_out"][concept] >= AGREED_FROM
    assert counted == {streams: group["n"] for streams, group in groups.items()}
    assert data["n_agreed"] == n_agreed
    correlations = [
        float(atlas.columns["stream_correlation_held_out"][one["id"]]) for one in groups[1, 2, 3]["concepts"]
    ]
    assert correlations == sorted(correlations, reverse=True)


def test_shares_sum_to_one_for_concepts_that_fire(atlas: Atlas) -> None:
    shares = atlas.firing_shares()
    assert shares.shape == (atlas.n_concepts, 3)
    fires = ~np.isnan(atlas.columns["firing_entropy"])
    assert np.allclose(shares[fires].sum(axis=1), 1.0)


def test_the_matrix_names_what_each_number_stands_beside(client: TestClient, atlas: Atlas) -> None:
    found = client.get(f"{API}/cross_r2").json()["data"]
    for cell, row in zip(found, atlas.cross_r2(), strict=True):
        reference = row["independent"] if row["source"] == row["target"] else row["ridge"]
        assert (cell["r2"], cell["reference"]) == (row["r2"], reference)
        assert cell["share"] == pytest.approx(row["r2"] / reference)
    assert client.get(f"{API}/streams").json()["data"]["cross_r2"] == found
    page = client.get(f"/d/{UNIVERSAL.slug}/streams").text
    assert page.count('class="gauge"') >= 9


def test_a_concept_is_shown_on_the_same_photos_in_every_stream(client: TestClient, atlas: Atlas) -> None:
    data = client.get(f"{API}/concepts/6/streams?band=top&limit=5").json()["data"]
    assert len(data["photos"]) == 5
    for place, photo in enumerate(data["photos"]):
        for tile in photo["tiles"]:
            rows = atlas.examples(6, Band.TOP, stream=tile["stream"], limit=5)
            assert (photo["image"], tile["value"]) == (rows[place]["id"], rows[place]["value"])
    page = client.get(f"/d/{UNIVERSAL.slug}/c/6").text
    section = page[page.index('id="by-model"') :]
    assert section.count('class="linked"') == len(atlas.examples(6, Band.TOP, limit=N_PHOTOS))
    for photo in data["photos"]:
        assert f"{photo['image']}.webp" in section


def test_numbers_of_a_concept_are_those_of_the_tables(client: TestClient, atlas: Atlas) -> None:
    data = client.get(f"{API}/concepts/7/streams").json()["data"]
    for told, row in zip(data["streams"], atlas.stream_concepts(7), strict=True):
        assert told["stream"]["stream"] == row["stream"]
        assert {key: told[key] for key in ("density", "energy", "co_fire", "firing_share")} == {
            key: row[key] for key in ("density", "energy", "co_fire", "firing_share")
        }
    pairs = [{key: pair[key] for key in ("source", "target", "jaccard", "correlation")} for pair in data["pairs"]]
    assert pairs == [{key: row[key] for key in pairs[0]} for row in atlas.cofire(7)]


def test_the_band_goes_along_with_the_tiles(client: TestClient) -> None:
    fragment = client.get(f"/_f/d/{UNIVERSAL.slug}/c/6/examples?band=q50").text
    assert 'id="by-model"' in fragment
    assert 'hx-swap-oob="true"' in fragment
    data = client.get(f"{API}/concepts/6/streams?band=q50").json()["data"]
    assert all(photo["image"] in fragment for photo in data["photos"])
    assert "by-model" not in client.get(f"/_f/d/{SHOWN[0].slug}/c/6/examples?band=q50").text


def test_a_dictionary_of_one_model_says_so(client: TestClient) -> None:
    ordinary = f"/api/v1/dictionaries/{SHOWN[0].slug}"
    data = client.get(f"{ordinary}/streams").json()["data"]
    assert (len(data["streams"]), data["cross_r2"]) == (1, [])
    assert client.get(f"{ordinary}/cross_r2").json()["data"] == []
    refused = client.get(f"{ordinary}/concepts/6/streams")
    assert refused.status_code == 404
    assert "reads one model alone" in refused.json()["detail"]
    missing = client.get(f"/d/{SHOWN[0].slug}/streams")
    assert missing.status_code == 404
    assert "universal dictionaries have this page" in missing.text
    assert 'data-go="s"' not in client.get(f"/d/{SHOWN[0].slug}").text
    assert 'data-go="s"' in client.get(f"/d/{UNIVERSAL.slug}").text


@pytest.mark.parametrize("query", ["band=best", "limit=0", "limit=9999", "bands=top"])
def test_bad_parameters_are_refused(client: TestClient, query: str) -> None:
    answer = client.get(f"{API}/concepts/6/streams?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_json_behind_the_page_leads_to_its_twin(client: TestClient) -> None:
    answer = client.get(f"/d/{UNIVERSAL.slug}/streams.json", follow_redirects=False)
    assert answer.headers["location"] == f"{API}/streams"


def test_spread_is_largest_less_least_and_overlap_their_ratio() -> None:
    codes = np.random.default_rng(3).random((3, 2, 4)) * (np.random.default_rng(4).random((3, 2, 4)) > 0.4)
    grey, overlap = spread(codes)
    top = max(codes.flatten())
    low = high = 0.0
    for row in range(2):
        for col in range(4):
            here = [codes[stream, row, col] for stream in range(3)]
            assert grey[row, col] == round((max(here) - min(here)) / top * 255)
            low, high = low + min(here), high + max(here)
    assert overlap == pytest.approx(low / high)
    nothing, none = spread(np.zeros((2, 3, 3)))
    assert none is None
    assert not nothing.any()


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_places_in_a_polygon_are_mixtures_of_its_corners(n: int) -> None:
    even = tuple([1 / n] * n)
    first = (1.0, *([0.0] * (n - 1)))
    chart = polygon(
        [Shared("a", "even", even, 1.0, "/a"), Shared("b", "first", first, 0.5, "/b")],
        corners=[f"model {i}" for i in range(n)],
        title="shares",
    )
    middle, corner = chart.points
    assert (corner.x, corner.y) == (chart.corners[0].x, chart.corners[0].y)
    assert middle.x == pytest.approx(sum(c.x for c in chart.corners) / n, abs=0.02)
    assert middle.y == pytest.approx(sum(c.y for c in chart.corners) / n, abs=0.02)
    for c in chart.corners:
        half = len(c.label) * 6.1 / 2
        assert 0 <= c.text_x - half <= c.text_x + half <= chart.area.width
        assert 0 <= c.text_y <= chart.area.height
    assert "1 near the middle, 1 in a corner" in chart.description


def test_every_number_of_the_overview_leads_to_its_meaning(client: TestClient) -> None:
    page = client.get(f"/d/{UNIVERSAL.slug}/streams").text
    glossary = client.get("/glossary").text
    for key in re.findall(r'href="/glossary#([^"]+)"', page):
        assert f'id="{key}"' in glossary


def test_what_lies_between_the_sliders_is_what_the_grid_has(client: TestClient) -> None:
    query = "firing_entropy__gte=0.5&firing_entropy__lte=0.99&stream_correlation_held_out__gte=0.1"
    wanted = client.get(f"{API}/concepts?{query}&sort=-stream_correlation_held_out&limit=12").json()
    page, fragment = (client.get(f"{path}/{UNIVERSAL.slug}/streams?{query}") for path in ("/d", "/_f/d"))
    assert fragment.headers["hx-push-url"] == f"/d/{UNIVERSAL.slug}/streams?{query}"
    for text in (page.text[page.text.index('id="between-results"') :], fragment.text):
        assert f"<b>{wanted['page']['total']}</b>" in text
        assert all(card["links"]["html"] in text for card in wanted["data"])
    refused = client.get(f"/d/{UNIVERSAL.slug}/streams?firing_entropy__gte=much")
    assert refused.status_code == 400
