"""Labels: nothing that was written is lost, whoever comes second is told, the best one is shown."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.annotations import ConceptKey, LabelFacts, find_best
from store.catalog.annotation_revisions import read_revisions
from store.catalog.labels import (
    add_label,
    edit_label,
    find_votes,
    get_label,
    list_changed_labels,
    list_labels,
    list_texts,
    remove_label,
    vote_on_label,
)
from store.catalog.session import Catalog
from store.errors import Conflict, InvalidInput, NotFound, Outdated
from store.vocabulary import Source
from tests.store.catalog.annotating import FIN


def add(catalog: Catalog, text: str, *, author: str = "ann", key: ConceptKey = FIN) -> LabelFacts:
    with catalog.session() as session:
        return add_label(session, key, text, author=author)[0]


def texts(catalog: Catalog, uid: str) -> list[tuple[str | None, str]]:
    with catalog.session() as session:
        return [(row.text, row.author) for row in list_texts(session, [uid])[uid]]


def test_every_text_of_a_label_stays(catalog: Catalog) -> None:
    label = add(catalog, "fish fin")
    assert (label.revision, label.n_for, label.source) == (1, 1, Source.HUMAN)
    with catalog.session() as session:
        edited = edit_label(session, label.uid, "  tail\tfin ", author="bob", seen=1)
        assert (edited.text, edited.author, edited.revision, edited.n_for) == ("tail fin", "bob", 2, 1)
        removed = remove_label(session, label.uid, author="cy", seen=2)
        assert removed.is_removed
        assert list_labels(session, FIN) == []
        assert list_changed_labels(session, FIN.dictionary) == {FIN.concept: []}
        assert [one.uid for one in list_labels(session, FIN, removed=True)] == [label.uid]
    assert texts(catalog, label.uid) == [("fish fin", "ann"), ("tail fin", "bob"), (None, "cy")]
    again = add(catalog, "tail fin", author="dee")
    assert (again.uid, again.revision, again.is_removed, again.n_for) == (label.uid, 4, False, 1)
    assert texts(catalog, label.uid)[-1] == ("tail fin", "dee")


def test_whoever_comes_second_is_told_what_the_first_wrote(catalog: Catalog) -> None:
    label = add(catalog, "fin")
    with catalog.session() as session:
        edit_label(session, label.uid, "tail fin", author="bob", seen=1)
    for late in (edit_label, remove_label):
        arguments: dict[str, Any] = {"text": "back fin"} if late is edit_label else {}
        with pytest.raises(Outdated, match="'tail fin' by bob") as fault, catalog.session() as session:
            late(session, label.uid, author="cy", seen=1, **arguments)
        assert fault.value.current == {"id": label.uid, "text": "tail fin", "author": "bob", "revision": 2}
    with catalog.session() as session:
        remove_label(session, label.uid, author="bob", seen=2)
    with pytest.raises(Outdated, match="removed by bob"), catalog.session() as session:
        edit_label(session, label.uid, "back fin", author="cy", seen=2)


def test_writers_who_race_lose_no_word(catalog: Catalog) -> None:
    label = add(catalog, "word 0")
    n_writers, n_words = 4, 5

    def write(writer: int) -> None:
        for number in range(n_words):
            seen, known = 0, ""
            while True:
                try:
                    with catalog.session() as session:
                        text = f"{known} w{writer}.{number}" if seen else "?"
                        edit_label(session, label.uid, text, author=f"writer {writer}", seen=seen)
                    break
                except Outdated as fault:
                    seen, known = fault.current["revision"], fault.current["text"]

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(n_writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with catalog.session() as session:
        found = get_label(session, label.uid)
    said = [f"w{writer}.{number}" for writer in range(n_writers) for number in range(n_words)]
    assert sorted(found.text.split()[2:]) == said
    assert found.revision == 1 + len(said) == len(texts(catalog, label.uid))
    assert [len(text or "") for text, _ in texts(catalog, label.uid)] == sorted(
        len(text or "") for text, _ in texts(catalog, label.uid)
    )


def test_the_same_words_by_two_at_once_are_one_label(catalog: Catalog) -> None:
    threads = [threading.Thread(target=add, args=(catalog, "fin"), kwargs={"author": f"p{n}"}) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with catalog.session() as session:
        (only,) = list_labels(session, FIN)
    assert (only.text, only.n_for) == ("fin", 6)


def test_votes_are_for_a_text(catalog: Catalog) -> None:
    label = add(catalog, "fin")
    with catalog.session() as session:
        vote_on_label(session, label.uid, author="bob", value=1, seen=1)
        assert vote_on_label(session, label.uid, author="cy", value=-1).score == 1
        assert find_votes(session, [label.uid], author="cy") == {label.uid: -1}
        assert vote_on_label(session, label.uid, author="cy", value=0).score == 2
        edit_label(session, label.uid, "tail", author="ann", seen=1)
        assert get_label(session, label.uid).n_for == 1
        assert find_votes(session, [label.uid], author="bob") == {}
    with pytest.raises(Outdated, match="made 'tail'"), catalog.session() as session:
        vote_on_label(session, label.uid, author="bob", value=-1, seen=1)
    with pytest.raises(InvalidInput, match="not 2"), catalog.session() as session:
        vote_on_label(session, label.uid, author="bob", value=2)


def test_what_cannot_be_written_is_refused_in_words(catalog: Catalog) -> None:
    label = add(catalog, "fin")
    other = add(catalog, "tail")
    faults: list[tuple[type[Exception], str, Any]] = [
        (InvalidInput, "is empty", lambda s: add_label(s, FIN, " \n ", author="a")),
        (InvalidInput, "121 characters: 120", lambda s: add_label(s, FIN, "x" * 121, author="a")),
        (InvalidInput, r"U\+0000", lambda s: add_label(s, FIN, "a\x00b", author="a")),
        (InvalidInput, r"U\+202E", lambda s: add_label(s, FIN, "a\u202eb", author="a")),
        (Conflict, "says 'tail' already", lambda s: edit_label(s, label.uid, "tail", author="a", seen=1)),
        (NotFound, "No label", lambda s: edit_label(s, "nobody", "x", author="a", seen=1)),
        (NotFound, "No label", lambda s: get_label(s, other.uid + "0")),
    ]
    for kind, words, act in faults:
        with pytest.raises(kind, match=words), catalog.session() as session:
            act(session)


def test_texts_are_kept_in_their_normal_form(catalog: Catalog) -> None:
    assert add(catalog, "cafe\u0301").text == "caf\u00e9"
    assert add(catalog, "caf\u00e9", author="bob").n_for == 2
    hostile = "'); DROP TABLE label; -- <script>alert(1)</script>"
    assert add(catalog, hostile).text == hostile
    with catalog.session() as session:
        assert len(list_labels(session, FIN)) == 2


def test_each_writing_counts_for_its_dictionary_and_a_refused_one_does_not(catalog: Catalog) -> None:
    other = ConceptKey("e" * 64, 7)
    label = add(catalog, "fin")
    add(catalog, "fin", key=other)
    with pytest.raises(Outdated), catalog.session() as session:
        edit_label(session, label.uid, "x", author="a", seen=9)
    with catalog.session() as session:
        vote_on_label(session, label.uid, author="bob", value=1)
        assert read_revisions(session) == {FIN.dictionary: 2, other.dictionary: 1}
        assert list(list_changed_labels(session, FIN.dictionary)) == [FIN.concept]
        assert list(list_changed_labels(session, FIN.dictionary, since=1)) == [FIN.concept]
        assert list_changed_labels(session, FIN.dictionary, since=2) == {}


LABELS = st.builds(
    LabelFacts,
    uid=st.uuids().map(str),
    key=st.just(FIN),
    text=st.just("x"),
    author=st.just("a"),
    source=st.sampled_from([Source.HUMAN, Source.IMPORT]),
    created_at=st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    edited_at=st.integers(0, 3).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(n)),
    revision=st.just(1),
    is_removed=st.booleans(),
    n_for=st.integers(0, 2),
    n_against=st.integers(0, 2),
)


@given(st.lists(LABELS, max_size=6))
def test_the_label_that_is_shown_beats_all_others(labels: list[LabelFacts]) -> None:
    shown = [one for one in labels if not one.is_removed and one.n_for >= one.n_against]
    best = find_best(labels)
    assert (best is None) == (not shown)
    for other in shown:
        assert best is not None
        if best.source is other.source:
            assert best.score >= other.score
            assert best.score > other.score or best.edited_at >= other.edited_at
        else:
            assert best.source is Source.HUMAN
