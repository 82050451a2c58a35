"""Two catalogs that take in each other's annotations come to hold the same, whatever was done in either."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from store.annotations import ConceptKey
from store.catalog.comments import add_comment
from store.catalog.labels import add_label, edit_label, list_labels, remove_label, vote_on_label
from store.catalog.lists import edit_list, list_lists, make_list, put_item
from store.catalog.moving import LabelRecord, ListRecord, both, list_records, take_in
from store.catalog.session import Catalog
from store.errors import ConceptoscopeError
from tests.store.catalog.annotating import opened

WORDS = st.sampled_from(["fin", "tail", "gill"])
AUTHORS = st.sampled_from(["ann", "bob"])
ACTS = st.lists(
    st.tuples(st.sampled_from(["label", "edit", "remove", "vote", "comment", "list", "title", "item"]), WORDS, AUTHORS),
    max_size=8,
)
KEYS = [ConceptKey("aaaaaaaa", concept) for concept in (0, 1)]


def act(catalog: Catalog, what: str, word: str, *, author: str) -> None:
    key = KEYS[len(word) % 2]
    with suppress(ConceptoscopeError), catalog.session() as session:
        labels = list_labels(session, key)
        lists = list_lists(session)
        if what == "label":
            add_label(session, key, word, author=author)
        elif what == "edit" and labels:
            edit_label(session, labels[0].uid, f"{word}!", author=author, seen=labels[0].revision)
        elif what == "remove" and labels:
            remove_label(session, labels[0].uid, author=author, seen=labels[0].revision)
        elif what == "vote" and labels:
            vote_on_label(session, labels[0].uid, author=author, value=-1)
        elif what == "comment":
            add_comment(session, key, word, author=author)
        elif what == "list":
            make_list(session, word, author=author)
        elif what == "title" and lists:
            edit_list(session, lists[0][0].uid, title=f"{word}!", seen=lists[0][0].revision)
        elif what == "item" and lists:
            put_item(session, lists[0][0].uid, key, author=author, note=word)


@cache
def empty_catalog() -> bytes:
    """A catalog without a row: migrations take longer than all that is done here."""
    with tempfile.TemporaryDirectory() as folder:
        Catalog(f"sqlite:///{folder}/catalog").close()
        return (Path(folder) / "catalog").read_bytes()


@contextmanager
def two_catalogs() -> Iterator[tuple[Catalog, Catalog]]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for name in ("one", "other"):
            (Path(folder) / name).write_bytes(empty_catalog())
        one, other = (stack.enter_context(opened(f"sqlite:///{Path(folder) / name}")) for name in ("one", "other"))
        yield one, other


def records(catalog: Catalog) -> list[Any]:
    with catalog.session() as session:
        return list(list_records(session))


def send(source: Catalog, target: Catalog) -> list[bool]:
    with target.session() as session:
        return [take_in(session, record) for record in records(source)]


def told(catalog: Catalog) -> dict[str, Any]:
    """What a catalog holds, apart from the order of lists that both changed."""
    return {record.id: _as_sets(record) if isinstance(record, ListRecord) else record for record in records(catalog)}


def _as_sets(record: ListRecord) -> Any:
    members = {(item.concept, *sorted(item.note.split())) for item in record.items}
    return record.title, sorted(record.note.split()), members


@settings(max_examples=20)
@given(ACTS, ACTS, ACTS)
def test_both_come_to_hold_the_same_and_nothing_is_lost(before: Any, here: Any, there: Any) -> None:
    with two_catalogs() as (one, other):
        for what, word, author in before:
            act(one, what, word, author=author)
        send(one, other)
        for what, word, author in here:
            act(one, what, word, author=author)
        for what, word, author in there:
            act(other, what, word, author=author)
        written = {
            (record.id, text)
            for catalog in (one, other)
            for record in records(catalog)
            if isinstance(record, LabelRecord)
            for text in record.history
        }
        send(one, other)
        send(other, one)
        assert not any(send(other, one))
        assert not any(send(one, other))
        assert told(one) == told(other)
        kept = {(r.id, text) for r in records(one) if isinstance(r, LabelRecord) for text in r.history}
        assert kept == written


def test_two_notes_become_one() -> None:
    assert (both("a", "a"), both("", "b"), both("a b", "b"), both("a", "c")) == ("a", "b", "a b", "a\nc")
