"""Blind tests by forms and API: nothing of the answer before the choice, one judgement, shown beside the label."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.blind_photos import N_SHOWN, draw_photos
from app.site import Opened
from store.blind import N_ACTIVE, N_TILES
from store.settings import Settings
from store.vocabulary import Band
from tests.app.annotating import D, add, copied, get

CONCEPT = 6
TESTS = "/d/tiny-topk/queue/tests"


@pytest.fixture
def writable(settings: Settings, tmp_path: Path) -> Iterator[TestClient]:
    with copied(settings, tmp_path) as client:
        yield client


def begin(client: TestClient, label: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(f"{label['self']}/tests", headers={"X-Author": "bob"})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def silent_ids(client: TestClient) -> set[str]:
    rows = [get(client, f"{D}/{CONCEPT}/examples?band={band}&limit=64") for band in ("random", "near_miss")]
    return {tile["image"] for row in rows for tile in row["tiles"] if tile["value"] == 0}


def test_photos_are_half_active_and_order_is_chance(opened: Opened) -> None:
    places = set()
    for seed in range(20):
        photos = draw_photos(opened, CONCEPT, rng=Random(seed))
        assert len({photo.image for photo in photos}) == N_TILES
        assert sum(photo.fires for photo in photos) == N_ACTIVE
        places.add(tuple(photo.fires for photo in photos))
    assert len(places) > 10
    assert draw_photos(opened, CONCEPT, rng=Random(3)) == draw_photos(opened, CONCEPT, rng=Random(3))


def test_photos_that_were_shown_come_last(opened: Opened) -> None:
    every = opened.atlas.examples_of(CONCEPT, tuple(Band))
    shown = {row["id"] for band, n in N_SHOWN.items() for row in every[band][:n]}
    strong = {row["id"] for band in (Band.TOP, Band.Q99, Band.Q95) for row in every[band] if row["value"] > 0}
    fresh = strong - shown
    drawn = [photo.image for photo in draw_photos(opened, CONCEPT, rng=Random(1)) if photo.fires]
    assert len(set(drawn) & fresh) == min(N_ACTIVE, len(fresh))
    avoided = draw_photos(opened, CONCEPT, rng=Random(1), avoid=fresh)
    assert len([photo for photo in avoided if photo.fires]) == N_ACTIVE


def test_an_open_test_tells_nothing(writable: TestClient) -> None:
    test = begin(writable, add(writable, CONCEPT, "fin"))
    page = writable.get(f"{TESTS}/{test['id']}")
    main = re.search(r"<main.*</main>", page.text, re.DOTALL)
    assert main
    images = {row["id"] for row in get(writable, "/api/v1/dictionaries/tiny-topk/images?limit=200")}
    for text in (main[0], json.dumps(test)):
        assert not any(image in text for image in images)
        assert "data:image" not in text
        assert not re.search(r"near.miss|band=|q9\d|value=\"\d\.", text)
    tiles = re.findall(r"<li>.*?</li>", main[0], re.DOTALL)
    sizeless = (re.sub(r'(viewBox|width|height)="[-\d. e]*"', "", tile) for tile in tiles)
    numberless = {re.sub(r"(?<=[ >/\"-])[1-8](?=[\".<])", "N", tile) for tile in sizeless}
    assert sorted(numberless)[1:] == []  # alike but for the number and the photo's own size
    assert all(photo[name] is None for photo in test["photos"] for name in ("fires", "chosen", "image", "band"))
    assert page.headers["cache-control"] == "no-store"
    first = writable.get(test["photos"][0]["picture"])
    assert (first.status_code, first.headers["content-type"]) == (200, "image/webp")
    assert writable.get(f"/m/blind/{test['id']}/9.webp").status_code == 404


def test_a_choice_is_judged_told_and_counted_once(writable: TestClient) -> None:
    label = add(writable, CONCEPT, "fin")
    assert label["tested"] is None
    test = begin(writable, label)
    before = writable.get(f"/d/tiny-topk/c/{CONCEPT}").headers["etag"]
    put = f"/api/v1/tests/{test['id']}/choice"
    assert writable.put(put, json={"photos": [1, 2, 3]}).status_code == 400
    assert writable.put(put, json={"photos": [1, 2, 3, 3]}).status_code == 400
    judged = writable.put(put, json={"photos": [1, 2, 3, 4]}).json()["data"]
    silent = silent_ids(writable)
    assert all(photo["fires"] == (photo["image"] not in silent) for photo in judged["photos"])
    assert judged["n_hits"] == sum(photo["fires"] for photo in judged["photos"][:4])
    assert (judged["author"], judged["state"], judged["text"]) == ("bob", "judged", "fin")
    assert writable.put(put, json={"photos": [5, 6, 7, 8]}).status_code == 409
    told = get(writable, f"{label['self']}/tests")
    assert [one["n_hits"] for one in told["tests"]] == [judged["n_hits"]]
    assert told["verdict"]["n_choices"] == 4
    assert get(writable, label["self"])["tested"] == told["verdict"]
    page = writable.get(f"/d/tiny-topk/c/{CONCEPT}")
    assert page.headers["etag"] != before
    assert f"<b>{judged['n_hits']} of 4</b> right" in page.text
    assert get(writable, "/api/v1/dictionaries/tiny-topk/tests")["labels"][0]["verdict"] == told["verdict"]
    shown = writable.get(f"{TESTS}/{test['id']}").text
    assert shown.count("data:image") >= N_ACTIVE


def test_forms_do_the_same(writable: TestClient) -> None:
    assert "Nobody has named" in writable.get(TESTS).text
    assert writable.post(TESTS, data={}).status_code == 409
    label = add(writable, CONCEPT, "fin")
    begun = writable.post(TESTS, data={"author": "cy"})
    assert begun.status_code == 303
    where = begun.headers["location"]
    few = writable.post(where, data={"photo-2": "1", "photo-5": "1"})
    assert few.status_code == 400
    assert "Choose 4 of the 8 photos, not 2" in few.text
    assert re.findall(r'id="photo-(\d)"[^>]*checked', few.text) == ["2", "5"]
    done = writable.post(where, data={f"photo-{number}": "1" for number in (1, 3, 5, 7)})
    assert (done.status_code, done.headers["location"]) == (303, where)
    assert re.search(r"<b>\d of 4 right</b>", writable.get(where).text)
    assert get(writable, f"{label['self']}/tests")["tests"][0]["author"] == "cy"
    assert writable.get(where.replace("tiny-topk", "wide-topk")).status_code == 404
