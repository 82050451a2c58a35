"""Comments and lists."""

from functools import partial

import pytest

from store.annotations import ConceptKey
from store.catalog.annotation_revisions import LISTS, read_revisions
from store.catalog.comments import add_comment, list_comments, remove_comment
from store.catalog.lists import (
    edit_list,
    get_list,
    list_items,
    list_lists,
    make_list,
    put_item,
    remove_item,
    remove_list,
)
from store.catalog.session import Catalog
from store.errors import Forbidden, InvalidInput, NotFound, Outdated
from tests.store.catalog.annotating import FIN


def test_comments_are_their_authors(catalog: Catalog) -> None:
    with catalog.session() as session:
        one = add_comment(session, FIN, "two\r\nlines  \n", author="ann")
        assert one.text == "two\nlines"
        assert [row.uid for row in list_comments(session, FIN.dictionary, FIN.concept)] == [one.uid]
    with pytest.raises(Forbidden, match="by ann, who alone"), catalog.session() as session:
        remove_comment(session, one.uid, author="bob")
    with catalog.session() as session:
        remove_comment(session, one.uid, author="ann")
        assert list_comments(session, FIN.dictionary) == []
    with pytest.raises(NotFound), catalog.session() as session:
        remove_comment(session, one.uid, author="ann")
    with pytest.raises(InvalidInput, match="2,000 are the most"), catalog.session() as session:
        add_comment(session, FIN, "x" * 2001, author="ann")


def test_a_list_keeps_order_and_notes(catalog: Catalog) -> None:
    with catalog.session() as session:
        uid = make_list(session, "Fins", author="ann").uid
        for concept in (5, 6, 7):
            assert put_item(session, uid, ConceptKey("d", concept), author="ann")[1]
        put_item(session, uid, ConceptKey("d", 7), author="bob", position=0)
        put_item(session, uid, ConceptKey("e", 9), author="bob", note="of another", position=1)
        remove_item(session, uid, ConceptKey("d", 5))
        remove_item(session, uid, ConceptKey("d", 5))
    with catalog.session() as session:
        items = list_items(session, get_list(session, uid))
        assert [(item.dictionary, item.concept, item.note) for item in items] == [
            ("d", 7, ""),
            ("e", 9, "of another"),
            ("d", 6, ""),
        ]
        assert [(row.uid, len(members)) for row, members in list_lists(session)] == [(uid, 3)]
        assert read_revisions(session)[LISTS] == 8


def test_a_note_that_was_not_seen_is_not_written_over(catalog: Catalog) -> None:
    key = ConceptKey("d", 5)
    with catalog.session() as session:
        uid = make_list(session, "Fins", author="ann").uid
        item, _ = put_item(session, uid, key, author="ann", note="first")
        assert put_item(session, uid, key, author="bob", note="first")[0].revision == item.revision == 1
        assert put_item(session, uid, key, author="bob", note="second", seen=1)[0].revision == 2
    for seen in (None, 1):
        with pytest.raises(Outdated) as fault, catalog.session() as session:
            put_item(session, uid, key, author="cy", note="third", seen=seen)
        assert fault.value.current["note"] == "second"
    with catalog.session() as session:
        edit_list(session, uid, seen=1, title="Fins and tails")
        edit_list(session, uid, seen=2, note="all of them")
    for act in (partial(edit_list, title="Mine"), remove_list):
        with pytest.raises(Outdated) as fault, catalog.session() as session:
            act(session, uid, seen=1)
        assert fault.value.current["title"] == "Fins and tails"
    with catalog.session() as session:
        remove_list(session, uid, seen=3)
    with pytest.raises(NotFound), catalog.session() as session:
        get_list(session, uid)
