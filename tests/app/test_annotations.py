"""Labels, comments and lists by the API and by forms: seen at once, never lost, harmless whatever they hold."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.compress import plain_tag
from store.settings import Settings
from store.vocabulary import Access
from tests.app.annotating import D, add, copied, edit, get

PAGE = "/d/tiny-topk/c"
HOSTILE = "<script>alert(1)</script> '); DROP TABLE label;--"


@pytest.fixture
def writable(settings: Settings, tmp_path: Path) -> Iterator[TestClient]:
    with copied(settings, tmp_path) as client:
        yield client


def ids(client: TestClient, query: str) -> list[int]:
    return [row["id"] for row in get(client, f"{D}?{query}")]


def test_a_label_names_the_concept_everywhere(writable: TestClient) -> None:
    seed = get(writable, f"{D}/9")["card"]
    assert seed["label_source"] in ("seed", None)
    label = add(writable, 9, "corner of a box")
    card = get(writable, f"{D}/9")["card"]
    assert (card["name"], card["label"], card["label_source"]) == ("corner of a box", "corner of a box", "human")
    assert ids(writable, "label=corner of a box") == ids(writable, "label__contains=CORNER&q=box") == [9]
    assert ids(writable, "sort=label&limit=200")[0] == 9
    assert ids(writable, "label__isnull=false&limit=200").count(9) == 1
    assert "corner of a box" in writable.get(PAGE + "?limit=96").text
    assert get(writable, "/api/v1/dictionaries/tiny-topk/facets?q=corner")["total"] == 1
    near = get(writable, f"{D}/9/neighbors")[0]["neighbors"][0]["concept"]["id"]
    lists = get(writable, f"{D}/{near}/neighbors")
    assert [n["concept"]["name"] for one in lists for n in one["neighbors"] if n["concept"]["id"] == 9][:1] in (
        ["corner of a box"],
        [],
    )
    writable.delete(label["self"], headers={"If-Match": label["etag"]})
    assert get(writable, f"{D}/9")["card"] == seed


def test_answers_that_show_labels_are_fresh_after_each_writing(writable: TestClient) -> None:
    label = add(writable, 5, "one")
    addresses = [f"{D}?limit=5", f"{D}/5", f"{D}/5/labels", PAGE, f"{PAGE}/5", "/search?q=one", "/lists"]
    tags = {url: writable.get(url).headers["etag"] for url in addresses}
    for url, tag in tags.items():
        assert writable.get(url, headers={"If-None-Match": tag}).status_code == 304
        assert writable.get(url).headers["cache-control"] == "no-cache"
    writable.put(f"{label['self']}/vote", json={"value": 1}, headers={"X-Author": "bob"})
    for url, tag in tags.items():
        assert writable.get(url, headers={"If-None-Match": tag}).status_code == 200, url
    other = "/api/v1/dictionaries/wide-topk/concepts?limit=5"
    tag = writable.get(other).headers["etag"]
    add(writable, 5, "two")
    assert writable.get(other, headers={"If-None-Match": tag}).status_code == 304


def test_an_edit_needs_what_was_seen_and_a_lost_race_tells_what_is_there(writable: TestClient) -> None:
    label = add(writable, 5, "fin")
    blind = writable.patch(label["self"], json={"text": "x"})
    assert (blind.status_code, "If-Match" in blind.json()["detail"]) == (428, True)
    edited = edit(writable, label, "tail fin")
    assert (edited["revision"], edited["etag"], edited["author"]) == (2, '"2"', "bob")
    for method in ("PATCH", "DELETE"):
        for tag in (label["etag"], "*", '"none"'):
            body = {"text": "back fin"} if method == "PATCH" else None
            late = writable.request(method, label["self"], headers={"If-Match": tag}, json=body)
            assert late.status_code == 412
            assert late.headers["content-type"] == "application/problem+json"
            assert late.json()["current"] == {"id": label["id"], "text": "tail fin", "author": "bob", "revision": 2}
    (only,) = get(writable, f"{D}/5/labels")
    assert [(text["text"], text["author"]) for text in only["history"]] == [("fin", "ann"), ("tail fin", "bob")]


def test_the_best_label_is_shown_and_votes_are_for_a_text(writable: TestClient) -> None:
    first, second = add(writable, 5, "first"), add(writable, 5, "second")
    machine = add(writable, 5, "by a program", source="import")
    assert get(writable, f"{D}/5")["card"]["label"] == "second"
    again = writable.post(f"{D}/5/labels", json={"text": "first"}, headers={"X-Author": "bob"})
    assert (again.status_code, again.json()["data"]["n_for"]) == (200, 2)
    assert get(writable, f"{D}/5")["card"]["label"] == "first"
    for voter in ("bob", "cy", "dee"):
        writable.put(f"{first['self']}/vote", json={"value": -1}, headers={"X-Author": voter})
    assert get(writable, f"{D}/5")["card"]["label"] == "second"
    assert [row["is_shown"] for row in get(writable, f"{D}/5/labels")] == [True, False, False]
    edit(writable, first, "first, better")
    assert get(writable, first["self"])["n_against"] == 0
    late = writable.put(f"{first['self']}/vote", json={"value": 1, "revision": 1})
    assert late.status_code == 412
    writable.delete(second["self"], headers={"If-Match": second["etag"]})
    assert get(writable, f"{D}/5")["card"]["label"] == "first, better"
    assert get(writable, machine["self"])["source"] == "import"


def test_texts_are_harmless_and_come_back_as_they_were(writable: TestClient) -> None:
    add(writable, 5, HOSTILE)
    writable.post(f"{D}/5/comments", json={"text": HOSTILE})
    made = writable.post("/api/v1/lists", json={"title": HOSTILE, "note": HOSTILE}).json()["data"]["card"]
    writable.put(f"{made['links']['self']}/items/tiny-topk:5", json={"note": HOSTILE})
    view = get(writable, f"{D}/5")
    assert view["notes"]["labels"][0]["text"] == view["notes"]["comments"][0]["text"] == HOSTILE
    for url in (f"{PAGE}/5", f"{PAGE}?q=alert", "/lists", made["links"]["html"], "/search?q=drop"):
        text = writable.get(url).text
        assert "<script>alert" not in text, url
        assert "alert(1)" in text, url
    assert ids(writable, "label__contains=drop table") == [5]


def test_page_and_api_say_the_same(writable: TestClient) -> None:
    label = add(writable, 5, "a fin")
    edit(writable, label, "a tail fin")
    writable.post(f"{D}/5/comments", json={"text": "odd one"}, headers={"X-Author": "cy"})
    made = writable.post("/api/v1/lists", json={"title": "Fins"}).json()["data"]["card"]
    writable.put(f"{made['links']['self']}/items/tiny-topk:5", json={"note": "the best"})
    notes, text = get(writable, f"{D}/5")["notes"], writable.get(f"{PAGE}/5").text
    (shown,) = notes["labels"]
    said = [shown["text"], *(f"“{one['text']}”" for one in shown["history"]), shown["author"]]
    said += [notes["comments"][0][key] for key in ("text", "author")]
    said += [notes["lists"][0][key] for key in ("title", "note")]
    assert [word for word in said if word not in text] == []
    assert get(writable, f"{D}/5/labels") == notes["labels"]
    for page_url in ("/lists", made["links"]["html"]):
        assert writable.get(f"{page_url}.json").headers["location"] == f"/api/v1{page_url}"
    assert get(writable, f"{D}/5/comments") == notes["comments"]
    view, page = get(writable, made["links"]["self"]), writable.get(made["links"]["html"]).text
    assert [
        word for word in ("Fins", view["items"][0]["note"], view["items"][0]["concept"]["name"]) if word not in page
    ] == []


def test_comments_are_removed_by_their_authors(writable: TestClient) -> None:
    made = writable.post(f"{D}/5/comments", json={"text": "a\n\nb "}, headers={"X-Author": "J%C3%BCrgen"})
    assert made.status_code == 201
    assert (made.json()["data"]["text"], made.json()["data"]["author"]) == ("a\n\nb", "Jürgen")
    url = made.headers["location"]
    assert writable.delete(url, headers={"X-Author": "bob"}).status_code == 403
    assert writable.delete(url, headers={"X-Author": "J%C3%BCrgen"}).status_code == 204
    assert get(writable, f"{D}/5/comments") == []


def test_lists_keep_order_notes_and_are_exported(writable: TestClient) -> None:
    made = writable.post("/api/v1/lists", json={"title": "Fins"}, headers={"X-Author": "ann"})
    url = made.headers["location"]
    for member in ("tiny-topk:5", "tiny-topk:6", "wide-topk:2"):
        put = writable.put(f"{url}/items/{member}", json={"note": "=1+1" if member.endswith("6") else ""})
        assert (put.status_code, plain_tag(put.headers["etag"])) == (201, '"1"')
    assert writable.put(f"{url}/items/wide-topk:2", json={"position": 0}).status_code == 200
    late = writable.put(f"{url}/items/tiny-topk:6", json={"note": "other"})
    assert (late.status_code, late.json()["current"]["note"]) == (412, "=1+1")
    seen = writable.put(f"{url}/items/tiny-topk:6", json={"note": "=2"}, headers={"If-Match": '"1"'})
    assert (seen.status_code, plain_tag(seen.headers["etag"])) == (200, '"2"')
    items = get(writable, url)["items"]
    assert [(item["dictionary"], item["index"], item["position"]) for item in items] == [
        ("wide-topk", 2, 0),
        ("tiny-topk", 5, 1),
        ("tiny-topk", 6, 2),
    ]
    rows = list(csv.DictReader(io.StringIO(writable.get(f"{url}/items.csv").text)))
    assert [(row["dictionary"], row["concept"], row["note"]) for row in rows] == [
        ("wide-topk", "2", ""),
        ("tiny-topk", "5", ""),
        ("tiny-topk", "6", "'=2"),
    ]
    exported = writable.get(f"{url}/items.json").json()
    assert [{name: "" if row[name] is None else str(row[name]) for name in row} for row in exported] == [
        row | {"note": row["note"].removeprefix("'")} for row in rows
    ]
    assert [row["page"].removeprefix("http://testserver") for row in exported] == [
        item["concept"]["links"]["html"] for item in items
    ]
    assert writable.delete(f"{url}/items/tiny-topk:5").status_code == 204
    assert writable.patch(url, json={"title": "All fins"}).status_code == 428
    edited = writable.patch(url, json={"title": "All fins"}, headers={"If-Match": '"1"'})
    assert (edited.json()["data"]["card"]["title"], plain_tag(edited.headers["etag"])) == ("All fins", '"2"')
    assert writable.patch(url, json={"title": "Mine"}, headers={"If-Match": '"1"'}).status_code == 412
    assert [one["n_concepts"] for one in get(writable, "/api/v1/lists")] == [2]
    assert writable.delete(url, headers={"If-Match": edited.headers["etag"]}).status_code == 204
    assert writable.get(url).status_code == writable.get(url.removeprefix("/api/v1")).status_code == 404


@pytest.mark.parametrize(
    ("method", "url", "body", "status", "words"),
    [
        ("POST", f"{D}/5/labels", {"text": ""}, 400, "empty"),
        ("POST", f"{D}/5/labels", {"text": "x" * 121}, 400, "120 are the most"),
        ("POST", f"{D}/5/labels", {"text": "a\u0000b"}, 400, "NUL"),
        ("POST", f"{D}/5/labels", {"text": "a", "source": "seed"}, 400, "'human' or 'import'"),
        ("POST", f"{D}/5/labels", {"words": "a"}, 400, "text"),
        ("POST", f"{D}/99/labels", {"text": "a"}, 404, "0 to 47"),
        ("POST", "/api/v1/dictionaries/none/concepts/1/labels", {"text": "a"}, 404, "No dictionary"),
        ("PUT", "/api/v1/labels/none/vote", {"value": 1}, 404, "No label"),
        ("PUT", "/api/v1/labels/none/vote", {"value": 2}, 400, "value"),
        ("DELETE", "/api/v1/comments/none", None, 404, "No comment"),
        ("POST", "/api/v1/lists", {"title": " "}, 400, "title is empty"),
        ("PUT", "/api/v1/lists/none/items/tiny-topk:5", {}, 404, "No list"),
        ("PUT", "/api/v1/lists/none/items/tiny-topk", {}, 400, "DICTIONARY:INDEX"),
        ("GET", "/api/v1/search", None, 400, "'q' is missing"),
        ("GET", "/api/v1/search?q=a&cursor=x", None, 400, "give a type"),
        ("GET", f"/api/v1/search?q={'a' * 201}", None, 400, "at most 8 words"),
    ],
)
def test_what_cannot_be_written_is_told_in_words(
    client: TestClient, method: str, url: str, body: dict[str, object] | None, status: int, words: str
) -> None:
    answer = client.request(method, url, json=body)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text


def test_only_our_own_pages_and_programs_write_and_only_where_visitors_may(settings: Settings, tmp_path: Path) -> None:
    with copied(settings, tmp_path / "one") as client:
        foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
        for url in (f"{D}/5/labels", f"{PAGE}/5/labels", "/lists", "/api/v1/lists"):
            assert client.post(url, json={"text": "x"}, headers=foreign).status_code == 403
    for changes, status in (
        ({"host": "0.0.0.0", "access": Access.LOCAL}, 403),
        ({"host": "0.0.0.0", "access": Access.LOCAL, "annotate": True}, 201),
        ({"annotate": False}, 403),
    ):
        with copied(settings, tmp_path / str(len(list(tmp_path.iterdir()))), **changes) as client:
            assert client.post(f"{D}/5/labels", json={"text": "x"}).status_code == status
            assert ('action="/d/tiny-topk/c/5/labels"' in client.get(f"{PAGE}/5").text) == (status == 201)


def field(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert found is not None
    return found[1]


def test_forms_write_without_a_script_and_keep_both_texts_of_a_clash(writable: TestClient) -> None:
    query = "sort=-density"
    sent = writable.post(f"{PAGE}/5/labels", data={"text": "fin", "author": "Ann", "query": query})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{PAGE}/5?{query}#notes")
    assert writable.get(f"{PAGE}/5?{query}").text.count('value="Ann"') >= 3
    (label,) = get(writable, f"{D}/5/labels")
    edit(writable, label, "tail fin")
    url = f"{PAGE}/5/labels/{label['id']}"
    late = writable.post(f"{url}/edit", data={"text": "back fin & more", "revision": "1", "query": query})
    assert late.status_code == 412
    assert all(words in late.text for words in ("tail fin", "back fin &amp; more", "by bob meanwhile"))
    assert field(late.text, "revision") == "2"
    decided = writable.post(f"{url}/edit", data={"text": "tail and back fin", "revision": field(late.text, "revision")})
    assert decided.status_code == 303
    assert [one["text"] for one in get(writable, label["self"])["history"]] == ["fin", "tail fin", "tail and back fin"]
    writable.delete(label["self"], headers={"If-Match": '"3"'})
    gone = writable.post(f"{url}/edit", data={"text": "mine", "revision": "3"})
    assert gone.status_code == 412
    assert "Write yours in its place" not in gone.text
    assert "Add yours as a label of its own" in gone.text
    for part, data in (("comments", {"text": "odd"}), ("lists", {"title": "New", "note": "n"})):
        assert writable.post(f"{PAGE}/5/{part}", data=data).status_code == 303
    (row,) = get(writable, "/api/v1/lists")
    item = f"/lists/{row['id']}/items/tiny-topk:5"
    assert writable.post(item, data={"note": "mine", "revision": "9"}).status_code == 412
    assert writable.post(item, data={"note": "m", "revision": "1"}).status_code == 303
    assert (
        writable.post(f"/lists/{row['id']}/edit", data={"title": "T", "note": "", "revision": "7"}).status_code == 412
    )
    assert writable.post(item, data={"remove": "1"}).status_code == 303
    assert writable.post(f"/lists/{row['id']}/remove", data={"revision": "1"}).headers["location"] == "/lists"
    assert get(writable, f"{D}/5")["notes"]["comments"][0]["author"] == "Ann"


@pytest.mark.parametrize("cookie", ["%00", "x" * 500, "%E2%80%AE", "%FF"])
def test_a_cookie_that_is_no_name_harms_no_page(client: TestClient, cookie: str) -> None:
    assert client.get(f"{PAGE}/5", headers={"Cookie": f"author={cookie}"}).status_code == 200
    assert client.post(f"{PAGE}/5/comments", data={"text": "x", "author": "a\u0007b"}).status_code == 400


def test_tables_have_the_labels_that_pages_show(writable: TestClient) -> None:
    add(writable, 7, "fins, near")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(writable.get(f"{D}?format=csv").text)) if row}
    shown = get(writable, f"{D}/7")["card"]
    assert (rows["7"]["label"], rows["7"]["name"], rows["7"]["label_source"]) == ("fins, near", "fins, near", "human")
    assert (shown["label"], shown["label_source"]) == ("fins, near", "human")
    seeds = {row["id"]: row["label"] or None for row in get(writable, f"{D}?limit=200&fields=id,label")}
    assert {int(number): row["label"] or None for number, row in rows.items()} == seeds
