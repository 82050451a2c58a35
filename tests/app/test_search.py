"""Search finds what a literal look at every text finds, and says why."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.main import make_app
from app.makers.search import FINDERS
from app.search.concepts import find_concepts
from app.search.question import Found, Question
from app.search.reasons import find_marks, has_words, make_reason
from app.search.words import ID_MIN, ImageNames
from app.site import Site
from app.views.search import HitView, Reason
from store.settings import Settings
from tests.app.annotating import D, add, copied, get

SEARCH = "/api/v1/search"
DICTIONARIES = ("tiny-topk", "tiny-archetypal", "wide-topk")


@pytest.fixture(scope="module")
def written(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with copied(settings, Path(tmp_path_factory.mktemp("search"))) as client:
        add(client, 5, "Round Eye")
        add(client, 6, "square window")
        add(client, 6, "an opening, round at the top", author="bob")
        client.post(f"{D}/8/comments", json={"text": "x " * 100 + "looks ROUND to me " + "y " * 100})
        made = client.post("/api/v1/lists", json={"title": "All that is round"}).json()["data"]["card"]
        client.put(f"{made['links']['self']}/items/tiny-topk:5", json={"note": "the roundest"})
        client.put(f"{made['links']['self']}/items/wide-topk:2", json={})
        yield client


@pytest.fixture(scope="module")
def texts(written: TestClient) -> dict[tuple[str, int], str]:
    """All texts that each concept may be found by, as a person would look them up."""
    sizes = zip(DICTIONARIES, (48, 30, 24), strict=True)
    every = [(slug, concept) for slug, n in sizes for concept in range(n)]
    return {one: " | ".join(texts_of(written, *one)).lower() for one in every}


def texts_of(client: TestClient, slug: str, concept: int) -> list[str]:
    url = f"/api/v1/dictionaries/{slug}/concepts/{concept}"
    view = get(client, url)
    labels = [label["text"] for label in view["notes"]["labels"]]
    seed = [] if view["card"]["label_source"] == "human" else [view["notes"]["seed"] or ""]
    comments = [comment["text"] for comment in view["notes"]["comments"]]
    return [*labels, *seed, *comments, view["card"]["top_class"] or ""]


def hits_of(client: TestClient, q: str, **more: str) -> list[tuple[str, int]]:
    hits: list[tuple[str, int]] = []
    answer = client.get(SEARCH, params={"q": q, "type": "concept", "limit": "11", **more})
    while True:
        body = answer.json()
        groups = body["data"]["groups"]
        hits += [(hit["dictionary"], hit["concept"]["id"]) for group in groups for hit in group["hits"]]
        if body["links"]["next"] is None:
            return hits
        answer = client.get(body["links"]["next"])


QUESTIONS = ["round", "ROUND eye", "disc", "window round", "dots #9", "12", "disc 1", "nothing has it"]


@pytest.mark.parametrize("q", QUESTIONS)
def test_concepts_are_found_where_every_word_stands(
    written: TestClient, texts: dict[tuple[str, int], str], q: str
) -> None:
    words = q.lower().split()
    expected = {
        (slug, concept)
        for (slug, concept), text in texts.items()
        if all(word in text or word.removeprefix("#") == str(concept) for word in words)
    }
    hits = hits_of(written, q)
    assert len(hits) == len(set(hits))
    assert set(hits) == expected


def test_the_telling_place_comes_first_and_the_reason_is_marked(written: TestClient) -> None:
    (group,) = [g for g in get(written, f"{SEARCH}?q=round")["groups"] if g["type"] == "concept"]
    assert [hit["concept"]["id"] for hit in group["hits"]][-1:] == [8]
    reasons = {hit["concept"]["id"]: hit["reasons"] for hit in group["hits"]}
    assert [(one["field"], one["text"]) for one in reasons[5]] == [("label", "Round Eye")]
    assert [one["field"] for one in reasons[6]] in (["label"], ["another label"])
    (comment,) = reasons[8]
    assert comment["field"] == "comment by anonymous"
    ((start, end),) = comment["marks"]
    assert comment["text"][start:end] == "ROUND"
    assert comment["text"][0] == comment["text"][-1] == "…"
    assert get(written, f"{SEARCH}?q=%235")["groups"][0]["hits"][0]["reasons"][0]["field"] == "index"
    page = written.get("/search?q=round").text
    assert "<mark>Round</mark> Eye" in page
    assert "Concepts" in page


def test_other_things_are_found_by_name(written: TestClient) -> None:
    def first(q: str, kind: str, **more: str) -> Any:
        answer = written.get(SEARCH, params={"q": q, "type": kind, **more}).json()["data"]
        return answer["groups"][0]["hits"][0] if answer["groups"] else None

    assert first("disc", "class")["html"].endswith("class=disc")
    assert len(first("disc", "class")["others"]) == 2
    assert first("archetypal tinynet", "dictionary")["dictionary"] == "tiny-archetypal"
    image = first("disc/", "image")
    assert written.get(image["html"]).status_code == written.get(image["thumbnail"]).status_code == 200
    assert first(image["self"].split("/")[-1].split("?")[0][:8], "image")["reasons"][0]["field"] == "id"
    found = first("roundest", "list")
    assert (found["title"], found["reasons"][0]["field"]) == ("All that is round", "note on #5")
    assert first("round", "list", dictionary="wide-topk") is not None
    assert first("round", "list", dictionary="tiny-archetypal") is None
    assert {slug for slug, _ in hits_of(written, "disc", dictionary="wide-topk")} == {"wide-topk"}


def test_page_and_api_find_the_same(written: TestClient) -> None:
    for query in ("q=round", "q=disc&type=concept&limit=5", "q=disc&dictionary=wide-topk"):
        page = written.get(f"/search?{query}").text
        for group in get(written, f"{SEARCH}?{query}")["groups"]:
            for hit in group["hits"]:
                assert hit["html"].replace("&", "&amp;") in page
    assert "Nothing has this word" in written.get("/search?q=zzzz").text
    assert written.get("/search").status_code == 200
    assert written.get("/search.json?q=round").headers["location"] == "/api/v1/search?q=round"
    assert written.get("/search?q=a&dictionary=none").status_code == 404


def test_a_dictionary_that_cannot_be_opened_is_named(settings: Settings, tmp_path: Path) -> None:
    with copied(settings, tmp_path) as client:
        slug = "wide-topk"
        digest = client.get(f"/api/v1/dictionaries/{slug}").json()["meta"]["digest"].removeprefix("sha256:")
    (tmp_path / "atlas" / digest / "manifest.json").write_text("{")
    with TestClient(make_app(settings.model_copy(update={"store": tmp_path}))) as client:
        view = get(client, f"{SEARCH}?q=disc")
        assert view["total"] > 0
        assert len(view["left_out"]) == 1


TEXTS = st.text("abAB c", max_size=30)
WORDS = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=3)


@given(TEXTS, WORDS)
def test_marks_are_the_words_and_nothing_else(text: str, words: list[str]) -> None:
    marks = find_marks(text, words)
    assert all(text[start:end].lower() in words for start, end in marks)
    assert all(one[1] <= other[0] for one, other in pairwise(marks))
    assert bool(marks) == any(word in text.lower() for word in words)
    assert "".join(part for part, _ in make_reason("x", text, words).parts) == " ".join(text.split())
    assert has_words([text], words) == all(word in text.lower() for word in words)


NAMES = st.lists(st.text("ab/", min_size=1, max_size=5), min_size=1, max_size=6)
IDS = st.text("abcd", min_size=6, max_size=6)


@given(NAMES, st.data())
def test_images_are_found_by_parts_of_names_and_beginnings_of_ids(names: list[str], data: st.DataObject) -> None:
    ids = data.draw(st.lists(IDS, min_size=len(names), max_size=len(names), unique=True))
    word = st.one_of(st.text("ab/", min_size=1, max_size=3), st.sampled_from([one[:4] for one in ids]))
    words = data.draw(st.lists(word, min_size=1, max_size=3))
    expected = [
        place
        for place, (one, name) in enumerate(zip(ids, names, strict=True))
        if all(word in name or (len(word) >= ID_MIN and one.startswith(word)) for word in words)
    ]
    assert ImageNames(ids, names, [None] * len(names)).find(words) == expected


def test_another_finder_is_one_line(written: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ranks by a measure of its own: its order and its reasons are what page and API show."""
    reason = Reason(field="likeness", text="0.31", marks=())

    def backwards(site: Site, question: Question) -> Found:
        found = find_concepts(site, question)

        def draw(start: int, stop: int) -> list[HitView]:
            hits = found.draw(0, found.total)[::-1][start:stop]
            return [hit.model_copy(update={"reasons": (reason,)}) for hit in hits]

        return Found(found.total, draw)

    assert set(FINDERS) == {"concept", "dictionary", "class", "list", "image"}, "nothing pretends to know meanings"
    expected = hits_of(written, "disc")[::-1]
    monkeypatch.setitem(FINDERS, "concept", backwards)  # type: ignore[arg-type]  # a Mapping, but made as a dict
    assert hits_of(written, "disc") == expected
    [group] = get(written, f"{SEARCH}?q=disc&type=concept")["groups"]
    assert {(one["field"], one["text"]) for hit in group["hits"] for one in hit["reasons"]} == {("likeness", "0.31")}
    assert "0.31" in written.get("/search?q=disc&type=concept").text
