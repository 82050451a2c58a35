"""Blind tests in the catalog: judged once, of a text, and moved with their labels."""

from pathlib import Path

import pytest

from store.annotations import ConceptKey, LabelFacts
from store.catalog.label_tests import Drawn, TestFacts, answer_test, begin_test, get_test, hits_of, list_tests
from store.catalog.labels import add_label, edit_label, remove_label
from store.catalog.moving import LabelRecord, list_records, take_in
from store.catalog.session import Catalog
from store.errors import Conflict, InvalidInput, NotFound
from tests.store.catalog.annotating import opened

KEY = ConceptKey("aaaaaaaa", 3)
PHOTOS = [
    Drawn(f"{number:016x}", "top" if number % 2 else "random", number, fires=bool(number % 2)) for number in range(8)
]
RIGHT = (1, 3, 5, 7)


def named(catalog: Catalog, text: str = "fin") -> LabelFacts:
    with catalog.session() as session:
        return add_label(session, KEY, text, author="ann")[0]


def taken(catalog: Catalog, label: LabelFacts, chosen: tuple[int, ...] = RIGHT) -> TestFacts:
    with catalog.session() as session:
        begun = begin_test(session, label.uid, PHOTOS, author="bob", atlas="d" * 64)
    with catalog.session() as session:
        return answer_test(session, begun.uid, chosen)


def test_a_choice_is_judged_once(catalog: Catalog) -> None:
    label = named(catalog)
    found = taken(catalog, label, (1, 3, 5, 6))
    assert (found.n_hits, found.chosen, found.revision, found.photos) == (3, (1, 3, 5, 6), 1, tuple(PHOTOS))
    assert found.seconds is not None
    assert found.seconds >= 0
    with catalog.session() as session, pytest.raises(Conflict, match="answered before"):
        answer_test(session, found.uid, RIGHT)
    with catalog.session() as session:
        assert hits_of(session, KEY.dictionary) == {label.uid: [3]}


@pytest.mark.parametrize("chosen", [(), (1, 3, 5), (1, 1, 3, 5), (1, 3, 5, 7, 6), (1, 3, 5, 8), (-1, 1, 3, 5)])
def test_another_number_of_photos_is_no_answer(catalog: Catalog, chosen: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="Choose 4 of the 8 photos"):
        taken(catalog, named(catalog), chosen)
    with catalog.session() as session:
        assert hits_of(session, KEY.dictionary) == {}


def test_an_edit_begins_anew_and_keeps_the_earlier_tests(catalog: Catalog) -> None:
    label = named(catalog)
    taken(catalog, label)
    with catalog.session() as session:
        edit_label(session, label.uid, "tail fin", author="bob", seen=1)
    with catalog.session() as session:
        assert hits_of(session, KEY.dictionary) == {}
        assert [test.revision for test in list_tests(session, [label.uid])[label.uid]] == [1]
        remove_label(session, label.uid, author="bob", seen=2)
    with catalog.session() as session, pytest.raises(Conflict, match="removed"):
        begin_test(session, label.uid, PHOTOS, author="bob", atlas="d" * 64)
    with catalog.session() as session, pytest.raises(NotFound, match="begin another"):
        get_test(session, "f" * 24)


def test_tests_move_with_their_texts(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path / 'one'}") as one, opened(f"sqlite:///{tmp_path / 'other'}") as other:
        label = named(one)
        send(one, other)
        with other.session() as session:
            edit_label(session, label.uid, "gill", author="cy", seen=1)
        with one.session() as session:
            edit_label(session, label.uid, "tail", author="bob", seen=1)
        late = taken(one, label)  # of 'tail', the third text when both are merged
        assert late.revision == 2
        for _ in range(2):
            assert send(one, other) == [not _]
        assert send(other, one) == [True]
        for catalog in (one, other):
            with catalog.session() as session:
                [record] = list_records(session)
                assert isinstance(record, LabelRecord)
                assert [record.history[test.of].text for test in record.tests] == ["tail"]
                assert hits_of(session, KEY.dictionary) == {label.uid: [4]}
        with one.session() as session:
            assert get_test(session, late.uid).chosen == RIGHT
        with other.session() as session:
            assert get_test(session, late.uid).photos == ()


def send(source: Catalog, target: Catalog) -> list[bool]:
    with source.session() as session:
        records = list(list_records(session))
    with target.session() as session:
        return [take_in(session, record) for record in records]
