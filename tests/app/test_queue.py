"""The label queue: its orders against a brute-force check, and a walk by forms."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from store.settings import Settings
from tests.app.annotating import D, add, copied, edit, get

QUEUE = "/d/tiny-topk/queue"
API = "/api/v1/dictionaries/tiny-topk/queue"


@pytest.fixture
def writable(settings: Settings, tmp_path: Path) -> Iterator[TestClient]:
    with copied(settings, tmp_path) as client:
        yield client


def ranked(client: TestClient) -> list[int]:
    rows = get(client, f"{D}?limit=200&sort=-importance&badge__not=dead")
    return [row["id"] for row in rows]


def form_of(page: str) -> str:
    found = re.search(r'action="(/d/tiny-topk/queue\?[^"]*)" id="naming"', page)
    assert found, page[:500]
    return found[1].replace("&amp;", "&")


def link(page: str, key: str) -> str:
    found = re.search(rf'href="([^"]*)" data-key="{key}"', page)
    assert found, key
    return found[1].replace("&amp;", "&")


def coming(client: TestClient, query: str = "") -> Any:
    return get(client, f"{API}?{query}")["coming"]


def test_the_unnamed_come_by_importance(writable: TestClient) -> None:
    order = ranked(writable)
    assert coming(writable) == order[:24]
    add(writable, order[1], "second")
    assert coming(writable) == [k for k in order if k != order[1]][:24]
    assert coming(writable, f"trail={order[0]}") == order[2:26]
    assert coming(writable, f"trail={order[4]}")[0] == order[5]
    last = coming(writable, f"trail={order[-1]}")
    assert last[0] == order[0]  # what was passed over is asked for again at the end
    view = get(writable, API)
    assert (view["n_labelled"], view["n_left"], view["n_alive"]) == (1, len(order) - 1, len(order))


def test_chance_is_the_seeds_and_stays_while_others_name(writable: TestClient) -> None:
    asked = writable.get(f"{QUEUE}?order=random")
    assert asked.status_code == 302
    assert re.search(r"order=random&seed=\d+", asked.headers["location"])
    before = coming(writable, "order=random&seed=5")
    assert before == coming(writable, "order=random&seed=5")
    assert before != coming(writable, "order=random&seed=6")
    add(writable, before[2], "third")
    assert coming(writable, "order=random&seed=5")[:23] == [k for k in before if k != before[2]][:23]


def test_second_look_asks_for_untested_names_then_guesses(writable: TestClient) -> None:
    order = ranked(writable)
    add(writable, order[3], "a name")
    seeds = [k for k in order if k != order[3] and get(writable, f"{D}/{k}")["card"]["label_source"] == "seed"]
    assert coming(writable, "order=review") == [order[3], *seeds][:24]


def test_a_walk_by_forms(writable: TestClient) -> None:
    order = ranked(writable)
    page = writable.get(QUEUE).text
    assert f"#{order[0]}</a></h1>" in page
    skipped = writable.get(link(page, "s")).text
    assert f"#{order[1]}</a></h1>" in skipped
    named = writable.post(form_of(skipped), data={"text": "fin", "author": "ann"})
    assert named.status_code == 303
    assert parse_qs(urlsplit(named.headers["location"]).query) == {"trail": [f"{order[0]},{order[1]}"], "done": ["1"]}
    third = writable.get(named.headers["location"]).text
    assert f"#{order[2]}</a></h1>" in third
    assert "<b>1</b> on this walk" in third
    back = writable.get(link(third, "b")).text
    assert f"#{order[1]}</a></h1>" in back
    assert 'value="fin"' in back
    label = get(writable, f"{D}/{order[1]}/labels")[0]
    again = {"text": "tail fin", "author": "ann", "label": label["id"], "revision": "1"}
    assert writable.post(form_of(back), data=again).status_code == 303
    assert [one["text"] for one in get(writable, f"{D}/{order[1]}/labels")] == ["tail fin"]


def test_who_comes_second_loses_no_word_and_goes_on(writable: TestClient) -> None:
    concept = ranked(writable)[0]
    label = add(writable, concept, "fin", author="ann")
    writable.cookies.set("author", "ann")
    page = writable.get(f"{QUEUE}?concept={concept}").text
    edit(writable, label, "gill", author="bob")
    sent = {"text": "tail", "author": "ann", "label": label["id"], "revision": "1"}
    clash = writable.post(form_of(page), data=sent)
    assert clash.status_code == 412
    assert "gill" in clash.text
    assert 'value="tail"' in clash.text
    action = re.search(r'class="clash" method="post" action="([^"]*)"', clash.text)
    button = re.search(r'name="label" value="([^"]*)"', clash.text)
    assert action
    assert button
    onward = writable.post(action[1].replace("&amp;", "&"), data={**sent, "revision": "2", "label": button[1]})
    assert onward.status_code == 303
    history = get(writable, f"{D}/{concept}/labels")[0]["history"]
    assert [row["text"] for row in history] == ["fin", "gill", "tail"]
    anew = writable.post(action[1].replace("&amp;", "&"), data={"text": "an own one", "author": "ann", "revision": "2"})
    assert anew.status_code == 303
    assert len(get(writable, f"{D}/{concept}/labels")) == 2


def test_bad_addresses_are_told(writable: TestClient) -> None:
    assert writable.get(f"{QUEUE}?order=best").status_code == 400
    assert "list of indices" in writable.get(f"{API}?trail=1,x").text
    assert writable.get(f"{QUEUE}?concept=99999").status_code == 404
    assert writable.post(QUEUE, data={"text": "x"}).status_code == 400
