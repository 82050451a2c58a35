"""Labels over atlases: as fresh as promised, cheap when nothing is written, cursors that lose no concept."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.overlays import Overlays
from app.site import Site
from store.annotations import ConceptKey
from store.catalog.comments import add_comment, list_comments, remove_comment
from store.catalog.labels import add_label, edit_label, list_labels, remove_label, vote_on_label
from store.catalog.session import Session
from store.errors import ConceptoscopeError
from store.settings import Settings
from tests.app.annotating import D, add, copied, get

N = 48
WRITES = st.lists(st.tuples(st.integers(0, N - 1), st.sampled_from(["aa", "mm", "zz"])), max_size=3)


@pytest.fixture(scope="module")
def writable(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with copied(settings, Path(tmp_path_factory.mktemp("labels"))) as client:
        yield client


def site_of(client: TestClient) -> Site:
    found = client.app.state.site  # type: ignore[attr-defined]
    assert isinstance(found, Site)
    return found


@hypothesis_settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sort=st.sampled_from(["-importance", "density", "class,-max", "id"]),
    extra=st.sampled_from(["", "&badge__not=dead", "&density__gte=0.001"]),
    limit=st.integers(5, 20),
    writes=st.lists(WRITES, min_size=12, max_size=12),
)
def test_a_walk_by_cursors_meets_every_concept_once_while_labels_are_written(
    writable: TestClient, sort: str, extra: str, limit: int, writes: list[list[tuple[int, str]]]
) -> None:
    everything = [row["id"] for row in get(writable, f"{D}?sort={sort}{extra}&limit=200&fields=id")]
    url: str | None = f"{D}?sort={sort}{extra}&limit={limit}"
    seen: list[int] = []
    for step in writes:
        if url is None:
            break
        body = writable.get(url).json()
        seen += [row["id"] for row in body["data"]]
        url = body["links"]["next"]
        for concept, text in step:
            add(writable, concept, text)
    assert url is None
    assert seen == everything


def test_writers_beside_a_walk_disturb_it_not(writable: TestClient) -> None:
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            add(writable, number % N, f"label {number % 40}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            seen, url = [], f"{D}?sort=-density&limit=7&fields=id"
            while url:
                body = writable.get(url).json()
                seen += [row["id"] for row in body["data"]]
                url = body["links"]["next"]
            assert sorted(seen) == list(range(N))
    finally:
        done.set()
        writer.join()


@pytest.mark.parametrize(("query", "concept"), [("sort=label", 1), ("label__isnull=false", 2), ("q=a", 3)])
def test_a_cursor_over_labels_ends_when_one_is_written(writable: TestClient, query: str, concept: int) -> None:
    first = writable.get(f"{D}?{query}&limit=2").json()
    assert first["links"]["next"] is not None
    label = add(writable, concept, f"a very new word {query}")
    late = writable.get(first["links"]["next"])
    assert late.status_code == 400
    assert late.json()["errors"][0]["param"] == "cursor"
    again = writable.get(f"{D}?{query}&limit=2").json()["links"]["next"]
    writable.put(f"{label['self']}/vote", json={"value": 1}, headers={"X-Author": "somebody else"})
    writable.post(f"{D}/{concept}/comments", json={"text": "what is said moves nothing"})
    assert writable.get(again).status_code == 200


def test_what_others_write_is_seen_within_a_second_and_nothing_is_asked_meanwhile(
    writable: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_of(writable)
    now = [0.0]
    overlays = Overlays(site.catalog, site.artifacts, clock=lambda: now[0])
    entry = site.roster.get("wide-topk")
    key = ConceptKey(overlays.dictionary_of(entry), 3)
    assert overlays.of(entry).texts == {}
    n_asked = 0
    session = site.catalog.session

    def counted() -> Any:
        nonlocal n_asked
        n_asked += 1
        return session()

    with session() as writing:
        add_label(writing, key, "by another program", author="a")
    monkeypatch.setattr(site.catalog, "session", counted)
    assert (overlays.of(entry).texts, n_asked) == ({}, 0)
    now[0] = 1.01
    stamp = overlays.stamp()
    assert overlays.of(entry).texts == {3: "by another program"}
    assert n_asked == 2
    assert (overlays.of(entry) is overlays.of(entry), overlays.stamp(), n_asked) == (True, stamp, 2)
    overlays.forget()
    overlays.of(entry)
    assert n_asked == 3


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["label", "edit", "remove", "vote", "comment", "uncomment"]),
        st.integers(0, 2),
        st.sampled_from(["ann", "bob"]),
    ),
    max_size=10,
)


def act(session: Session, key: ConceptKey, what: str, *, author: str) -> None:
    labels, comments = list_labels(session, key), list_comments(session, key.dictionary, key.concept)
    if what == "label":
        add_label(session, key, f"by {author}", author=author)
    elif what == "comment":
        add_comment(session, key, "odd", author=author)
    elif what == "uncomment" and comments:
        remove_comment(session, comments[-1].uid, author=comments[-1].author)
    elif what == "vote" and labels:
        vote_on_label(session, labels[0].uid, author=author, value=-1)
    elif what == "remove" and labels:
        remove_label(session, labels[0].uid, author=author, seen=labels[0].revision)
    elif what == "edit" and labels:
        edit_label(session, labels[0].uid, f"{labels[0].text}!", author=author, seen=labels[0].revision)


@hypothesis_settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, dictionary=st.uuids().map(lambda one: one.hex))
def test_what_is_read_step_by_step_is_what_is_there(writable: TestClient, acts: Any, dictionary: str) -> None:
    site = site_of(writable)
    watching = Overlays(site.catalog, site.artifacts)
    for what, concept, author in acts:
        with suppress(ConceptoscopeError), site.catalog.session() as session:
            act(session, ConceptKey(dictionary, concept), what, author=author)
        watching.forget()
        assert watching.at(dictionary) == Overlays(site.catalog, site.artifacts).at(dictionary)


def test_labels_of_concepts_that_are_not_here_do_no_harm(writable: TestClient) -> None:
    site = site_of(writable)
    key = ConceptKey(site.overlays.dictionary_of(site.roster.get("tiny-topk")), 5000)
    with site.catalog.session() as session:
        add_label(session, key, "beyond", author="a")
    site.overlays.forget()
    assert get(writable, f"{D}?q=beyond") == []
    assert get(writable, "/api/v1/search?q=beyond")["total"] == 0
