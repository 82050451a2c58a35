"""Annotations on their way from one catalog to another: all of them as records, and records taken in.

Taking in the same records twice changes nothing. Where both catalogs changed a thing, both texts stay: of a label in
its history (the newest is shown), of notes one below the other.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from store.annotations import AUTHOR_MAX, COMMENT_MAX, LABEL_MAX, TITLE_MAX, check_characters
from store.blind import N_ACTIVE
from store.catalog.annotation_revisions import LISTS, note_writing
from store.catalog.tables import Comment, ConceptList, Label, LabelTest, LabelText, ListItem, Vote
from store.vocabulary import Source

Uid = Annotated[str, Field(pattern=r"^[0-9a-f]{8,32}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
Index = Annotated[int, Field(ge=0, lt=2**31)]
Shown = Annotated[str, AfterValidator(lambda text: check_characters("text", text))]
Author = Annotated[Shown, Field(min_length=1, max_length=AUTHOR_MAX)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TextRecord(_Record):
    """A text that a label had; None where it was removed."""

    text: Annotated[Shown, Field(max_length=LABEL_MAX)] | None
    author: Author
    at: AwareDatetime


class VoteRecord(_Record):
    """A vote on the text at a place of the history, counted from 0."""

    author: Author
    value: Literal[-1, 1]
    of: int = Field(ge=0)
    at: AwareDatetime


class TestRecord(_Record):
    """A judged blind test of the text at a place of the history, counted from 0; its photos stay where they are."""

    __test__ = False
    id: Uid
    author: Author
    of: int = Field(ge=0)
    started_at: AwareDatetime
    answered_at: AwareDatetime
    n_hits: int = Field(ge=0, le=N_ACTIVE)


class LabelRecord(_Record):
    """A label with all its texts, oldest first."""

    kind: Literal["label"] = "label"
    id: Uid
    dictionary: Digest
    concept: Index
    source: Source
    created_at: AwareDatetime
    history: tuple[TextRecord, ...] = Field(min_length=1)
    votes: tuple[VoteRecord, ...] = ()
    tests: tuple[TestRecord, ...] = ()


class CommentRecord(_Record):
    """A comment."""

    kind: Literal["comment"] = "comment"
    id: Uid
    dictionary: Digest
    concept: Index
    text: Shown = Field(min_length=1, max_length=COMMENT_MAX)
    author: Author
    created_at: AwareDatetime


class ItemRecord(_Record):
    """A member of a list."""

    dictionary: Digest
    concept: Index
    note: Shown
    author: Author
    added_at: AwareDatetime


class ListRecord(_Record):
    """A list with its members in order."""

    kind: Literal["list"] = "list"
    id: Uid
    title: Shown = Field(min_length=1, max_length=TITLE_MAX)
    note: Shown
    author: Author
    created_at: AwareDatetime
    edited_at: AwareDatetime
    items: tuple[ItemRecord, ...] = ()


AnyRecord = Annotated[LabelRecord | CommentRecord | ListRecord, Field(discriminator="kind")]


def list_records(session: Session) -> Iterator[LabelRecord | CommentRecord | ListRecord]:
    """All annotations; those written by other programs meanwhile may be among them or not."""
    for label in session.scalars(select(Label).order_by(Label.id)):
        yield _label_record(session, label)
    for comment in session.scalars(select(Comment).order_by(Comment.id)):
        yield CommentRecord(
            id=comment.uid,
            dictionary=comment.dictionary,
            concept=comment.concept,
            text=comment.text,
            author=comment.author,
            created_at=comment.created_at,
        )
    for row in session.scalars(select(ConceptList).order_by(ConceptList.id)):
        yield _list_record(session, row)


def take_in(session: Session, record: LabelRecord | CommentRecord | ListRecord) -> bool:
    """Write what a record has and the catalog has not; whether there was anything."""
    if isinstance(record, LabelRecord):
        return _take_label(session, record)
    return _take_comment(session, record) if isinstance(record, CommentRecord) else _take_list(session, record)


def dictionaries_of(record: LabelRecord | CommentRecord | ListRecord) -> set[str]:
    """Digests of the dictionaries that a record is about."""
    return {item.dictionary for item in record.items} if isinstance(record, ListRecord) else {record.dictionary}


def _label_record(session: Session, label: Label) -> LabelRecord:
    texts = session.scalars(select(LabelText).where(LabelText.label_id == label.id).order_by(LabelText.revision)).all()
    votes = session.scalars(select(Vote).where(Vote.label_id == label.id).order_by(Vote.author))
    tests = session.scalars(_judged(label).order_by(LabelTest.uid))
    return LabelRecord(
        id=label.uid,
        dictionary=label.dictionary,
        concept=label.concept,
        source=Source(label.source),
        created_at=label.created_at,
        history=tuple(TextRecord(text=row.text, author=row.author, at=row.at) for row in texts),
        votes=tuple(VoteRecord(author=v.author, value=v.value, of=v.revision - 1, at=v.at) for v in votes),
        tests=tuple(_test_record(test) for test in tests),
    )


def _judged(label: Label) -> Select[LabelTest]:
    return select(LabelTest).where(LabelTest.label_id == label.id, LabelTest.answered_at.is_not(None))


def _test_record(row: LabelTest) -> TestRecord:
    return TestRecord.model_validate(
        {name: getattr(row, name) for name in ("author", "started_at", "answered_at", "n_hits")}
        | {"id": row.uid, "of": row.revision - 1}
    )


def _take_label(session: Session, record: LabelRecord) -> bool:
    noted = note_writing(session, record.dictionary)
    label = session.scalar(select(Label).where(Label.uid == record.id))
    if label is None:
        known, mine = None, tuple[TextRecord, ...]()
        label = Label(uid=record.id, dictionary=record.dictionary, concept=record.concept, source=record.source.value)
        label.created_at = record.created_at
    else:
        known = _label_record(session, label)
        mine = known.history
    texts = merge_histories(mine, record.history)
    votes = _merge_votes(() if known is None else _placed(known, texts), _placed(record, texts))
    mine_tests = () if known is None else known.tests
    brought = _brought(record, texts, known={test.id for test in mine_tests})
    if known is not None and not brought and (texts, votes) == (known.history, known.votes):
        return False
    label.noted = noted
    _write_label(session, label, texts=texts, votes=votes)
    _move_tests(session, label, before=mine, texts=texts)
    session.add_all(_test_row(label, test) for test in brought)
    session.flush()
    return True


def _brought(record: LabelRecord, texts: tuple[TextRecord, ...], *, known: set[str]) -> list[TestRecord]:
    """The tests that a catalog does not have, by the places that their texts have in a longer history."""
    kept = [test for test in record.tests if test.id not in known and test.of < len(record.history)]
    return [test.model_copy(update={"of": texts.index(record.history[test.of])}) for test in kept]


def _move_tests(
    session: Session, label: Label, *, before: tuple[TextRecord, ...], texts: tuple[TextRecord, ...]
) -> None:
    """Tests stay with their texts when a history gets longer, open ones among them."""
    for row in session.scalars(select(LabelTest).where(LabelTest.label_id == label.id)):
        row.revision = texts.index(before[row.revision - 1]) + 1


def _test_row(label: Label, test: TestRecord) -> LabelTest:
    told = test.model_dump(exclude={"id", "of"})
    return LabelTest(uid=test.id, label_id=label.id, revision=test.of + 1, **told)


def merge_histories(one: Iterable[TextRecord], other: Iterable[TextRecord]) -> tuple[TextRecord, ...]:
    """The texts of both, each once, in the order in which they were written."""
    return tuple(sorted({*one, *other}, key=lambda text: (text.at, text.author, text.text or "", text.text is None)))


def _placed(record: LabelRecord, texts: tuple[TextRecord, ...]) -> tuple[VoteRecord, ...]:
    """The votes of a record by the places that its texts have in a longer history."""
    kept = [vote for vote in record.votes if vote.of < len(record.history)]
    return tuple(vote.model_copy(update={"of": texts.index(record.history[vote.of])}) for vote in kept)


def _merge_votes(one: Iterable[VoteRecord], other: Iterable[VoteRecord]) -> tuple[VoteRecord, ...]:
    """The last vote of each author."""
    last = {vote.author: vote for vote in sorted((*one, *other), key=lambda vote: (vote.at, vote.of, vote.value))}
    return tuple(last[author] for author in sorted(last))


def _write_label(
    session: Session, label: Label, *, texts: tuple[TextRecord, ...], votes: tuple[VoteRecord, ...]
) -> None:
    written = [text for text in texts if text.text is not None]
    label.text, label.author = (written[-1].text or "", written[-1].author) if written else ("", texts[-1].author)
    label.revision, label.edited_at, label.is_removed = len(texts), texts[-1].at, texts[-1].text is None
    session.add(label)
    session.flush()
    for table in (LabelText, Vote):
        session.execute(delete(table).where(table.label_id == label.id))
    for revision, text in enumerate(texts, 1):
        session.add(LabelText(label_id=label.id, revision=revision, text=text.text, author=text.author, at=text.at))
    for vote in votes:
        session.add(Vote(label_id=label.id, author=vote.author, value=vote.value, revision=vote.of + 1, at=vote.at))
    session.flush()
    session.expire_all()


def _take_comment(session: Session, record: CommentRecord) -> bool:
    note_writing(session, record.dictionary)
    if session.scalar(select(Comment.id).where(Comment.uid == record.id)) is not None:
        return False
    session.add(Comment(uid=record.id, **record.model_dump(exclude={"kind", "id"})))
    session.flush()
    return True


def _list_record(session: Session, row: ConceptList) -> ListRecord:
    items = session.scalars(
        select(ListItem).where(ListItem.list_id == row.id).order_by(ListItem.position, ListItem.added_at)
    )
    return ListRecord(
        id=row.uid,
        title=row.title,
        note=row.note,
        author=row.author,
        created_at=row.created_at,
        edited_at=row.edited_at,
        items=tuple(
            ItemRecord(
                dictionary=item.dictionary,
                concept=item.concept,
                note=item.note,
                author=item.author,
                added_at=item.added_at,
            )
            for item in items
        ),
    )


def _take_list(session: Session, record: ListRecord) -> bool:
    note_writing(session, LISTS)
    row = session.scalar(select(ConceptList).where(ConceptList.uid == record.id))
    before = None if row is None else _list_record(session, row)
    if row is None:
        row = ConceptList(uid=record.id, title=record.title, note="", author=record.author, revision=0)
        row.created_at, row.edited_at = record.created_at, record.edited_at
        session.add(row)
        session.flush()
    if record.edited_at > row.edited_at:
        row.title, row.edited_at = record.title, record.edited_at
    row.note = both(row.note, record.note)
    _take_items(session, row, record.items)
    session.flush()
    if before == _list_record(session, row):
        return False
    row.revision += 1
    return True


def _take_items(session: Session, row: ConceptList, items: Iterable[ItemRecord]) -> None:
    mine = session.scalars(select(ListItem).where(ListItem.list_id == row.id)).all()
    known = {(item.dictionary, item.concept): item for item in mine}
    last = max((item.position for item in mine), default=-1)
    for place, record in enumerate(items, last + 1):
        item = known.get((record.dictionary, record.concept))
        if item is None:
            session.add(ListItem(list_id=row.id, position=place, **record.model_dump()))
        elif both(item.note, record.note) != item.note:
            item.note, item.revision = both(item.note, record.note), item.revision + 1


def both(mine: str, other: str) -> str:
    """Two notes as one: the same text once, different ones below each other."""
    return mine if other in mine else other if mine in other else f"{mine}\n{other}"
