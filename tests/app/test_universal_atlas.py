"""Pages and API of any dictionary show a universal one by all its streams together."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.main import make_app
from store.grid import seen_by_all
from tests.factories import SHOWN, UNIVERSAL, make_store
from tests.stream_tables import WINDOWS

API = "/api/v1/dictionaries"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = Path(tmp_path_factory.mktemp("universal"))
    with TestClient(make_app(make_store(root, n_images=16, shown=(SHOWN[0], UNIVERSAL)))) as client:
        yield client


@pytest.mark.parametrize("path", ["", "/c", "/c/6", "/c/7", "/i", "/m"])
def test_pages_answer(client: TestClient, path: str) -> None:
    answer = client.get(f"/d/{UNIVERSAL.slug}{path}")
    assert answer.status_code in (200, 404), answer.text
    assert answer.status_code == client.get(f"/d/{SHOWN[0].slug}{path}").status_code


def test_home_comparison_and_glossary_answer(client: TestClient) -> None:
    for path in ("/", "/compare", "/glossary"):
        assert client.get(path).status_code == 200
    glossary = client.get("/glossary").text
    assert "Firing entropy" in glossary
    assert "co_fire_chance" in glossary


def test_the_grid_narrows_by_streams_only_where_there_are_some(client: TestClient) -> None:
    universal, ordinary = (client.get(f"/d/{one.slug}/c").text for one in (UNIVERSAL, SHOWN[0]))
    for what in ("firing_entropy__gte", "stream_correlation_held_out__lte", "Main stream", "widenet:stage4"):
        assert what in universal
        assert what not in ordinary
    found = client.get(f"{API}/{UNIVERSAL.slug}/concepts?firing_entropy__gte=0.8&sort=-firing_entropy").json()["data"]
    assert found
    assert all(card["firing_entropy"] >= 0.8 for card in found)
    page = client.get(f"/d/{UNIVERSAL.slug}/c?main_stream=widenet:stage4&show=firing_entropy").text
    assert "Main stream = widenet:stage4" in page


def test_numbers_about_streams_are_told_only_where_there_are_some(client: TestClient) -> None:
    for one, told in ((UNIVERSAL, True), (SHOWN[0], False)):
        numbers = client.get(f"{API}/{one.slug}/concepts/6").json()["data"]["numbers"]
        assert ("firing_entropy" in {number["key"] for number in numbers}) == told
        statistics = client.get(f"{API}/{one.slug}/statistics").json()["data"]
        assert ("firing_jaccard" in {row["column"] for row in statistics}) == told


def test_places_are_those_that_all_streams_see(client: TestClient) -> None:
    data = client.get(f"{API}/{UNIVERSAL.slug}/concepts/6").json()["data"]
    tile = data["examples"]["tiles"][0]
    seen = seen_by_all(WINDOWS, width=tile["width"], height=tile["height"])
    assert tile["seen"]["x"] == pytest.approx(seen.left * tile["width"], abs=0.01)
    assert tile["seen"]["width"] == pytest.approx(seen.width * tile["width"], abs=0.01)
