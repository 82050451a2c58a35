"""Labels in the catalog: every text that a label ever had stays, and an edit of an outdated text writes nothing."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, select, update
from sqlalchemy.orm import Session

from store.annotations import LABEL_MAX, LABELS_PER_CONCEPT, ConceptKey, LabelFacts, clean_line, make_uid
from store.catalog.annotation_revisions import note_writing
from store.catalog.runs import n_changed
from store.catalog.tables import Label, LabelText, Vote
from store.errors import Conflict, InvalidInput, NotFound, Outdated
from store.vocabulary import Source


def add_label(
    session: Session, key: ConceptKey, text: str, *, author: str, source: Source = Source.HUMAN
) -> tuple[LabelFacts, bool]:
    """Give a concept a label; who says what a label says already votes for it. Whether it is new stands beside it.

    Raises ``InvalidInput`` for a text that is not taken, ``Conflict`` for a concept with too many labels.
    """
    text = clean_line("label", text, most=LABEL_MAX)
    noted = note_writing(session, key.dictionary)
    same = _find_same(session, key, text)
    if same is not None:
        same.noted = noted
        if same.is_removed:
            _write(session, same, text, author=author)
        _vote(session, same, author=author, value=1)
        return get_label(session, same.uid), False
    known = select(func.count()).where(Label.dictionary == key.dictionary, Label.concept == key.concept)
    if (session.scalar(known) or 0) >= LABELS_PER_CONCEPT:
        raise Conflict(f"Concept {key.concept} has {LABELS_PER_CONCEPT} labels already: edit or vote for one of them.")
    row = Label(uid=make_uid(), dictionary=key.dictionary, concept=key.concept, noted=noted)
    row.text, row.author, row.source = text, author, source.value
    session.add(row)
    session.flush()
    session.add(LabelText(label_id=row.id, revision=1, text=text, author=author, at=row.edited_at))
    session.flush()
    if source is Source.HUMAN:
        _vote(session, row, author=author, value=1)
    return get_label(session, row.uid), True


def edit_label(session: Session, uid: str, text: str, *, author: str, seen: int) -> LabelFacts:
    """Write a label anew, as somebody does who saw it at revision ``seen``. Votes for the earlier text stay with it.

    Raises ``Outdated`` when it has changed since, ``Conflict`` when another label of the concept says the same.
    """
    text = clean_line("label", text, most=LABEL_MAX)
    row = _hold(session, uid, seen=seen)
    if row.text == text:
        return get_label(session, uid)
    same = _find_same(session, ConceptKey(row.dictionary, row.concept), text)
    if same is not None and not same.is_removed:
        raise Conflict(f"Another label of this concept says '{text}' already: vote for that one.")
    _write(session, row, text, author=author)
    _vote(session, row, author=author, value=1)
    return get_label(session, uid)


def remove_label(session: Session, uid: str, *, author: str, seen: int) -> LabelFacts:
    """Take a label back; its history stays. Raises ``Outdated`` when it has changed since revision ``seen``."""
    row = _hold(session, uid, seen=seen)
    _write(session, row, None, author=author)
    return get_label(session, uid)


def vote_on_label(session: Session, uid: str, *, author: str, value: int, seen: int | None = None) -> LabelFacts:
    """Vote for (1) or against (-1) the present text of a label, or take a vote back (0).

    Raises ``Outdated`` when the voter saw another revision, ``InvalidInput`` for another value.
    """
    if value not in (-1, 0, 1):
        raise InvalidInput(f"A vote is 1, 0 or -1, not {value}.")
    row = _hold(session, uid, seen=seen)
    _vote(session, row, author=author, value=value)
    return get_label(session, uid)


def get_label(session: Session, uid: str) -> LabelFacts:
    """A label, removed or not; raises ``NotFound``."""
    return _facts(session, select(Label).where(Label.uid == uid), uid=uid)[0]


def list_labels(session: Session, key: ConceptKey, *, removed: bool = False) -> list[LabelFacts]:
    """The labels of a concept, oldest first, with the removed ones if so."""
    query = select(Label).where(Label.dictionary == key.dictionary, Label.concept == key.concept)
    return _facts(session, query if removed else query.where(Label.is_removed.is_(False)))


def list_changed_labels(session: Session, dictionary: str, *, since: int = 0) -> dict[int, list[LabelFacts]]:
    """The labels of a dictionary's concepts, by concept, where one was noted after a revision.

    Removed ones are left out: a concept that has no other has an empty list.
    """
    changed = select(Label.concept).where(Label.dictionary == dictionary, Label.noted > since)
    found: dict[int, list[LabelFacts]] = {concept: [] for concept in session.scalars(changed)}
    mine = select(Label).where(Label.dictionary == dictionary, Label.is_removed.is_(False))
    for label in _facts(session, mine.where(Label.concept.in_(changed)) if since else mine):
        found.setdefault(label.key.concept, []).append(label)
    return found


def list_texts(session: Session, uids: Iterable[str]) -> dict[str, list[LabelText]]:
    """Every text that labels had, oldest first, by label."""
    query = select(Label.uid, LabelText).join(LabelText, LabelText.label_id == Label.id)
    found: dict[str, list[LabelText]] = {uid: [] for uid in uids}
    for uid, row in session.execute(query.where(Label.uid.in_(found)).order_by(LabelText.revision)):
        found[uid].append(row)
    return found


def find_votes(session: Session, uids: Iterable[str], *, author: str) -> dict[str, int]:
    """How somebody voted on the present texts of labels, by label."""
    here = and_(Vote.label_id == Label.id, Vote.revision == Label.revision)
    query = select(Label.uid, Vote.value).join(Vote, here).where(Label.uid.in_(list(uids)), Vote.author == author)
    return dict(session.execute(query).all())


_COLUMNS: Final = [
    getattr(Label, name)
    for name in ("uid", "text", "author", "source", "created_at", "edited_at", "revision", "is_removed")
]


def _facts(session: Session, query: Select[Label], *, uid: str = "") -> list[LabelFacts]:
    counts = [func.coalesce(func.sum(case((Vote.value == value, 1), else_=0)), 0) for value in (1, -1)]
    voted = and_(Vote.label_id == Label.id, Vote.revision == Label.revision)
    wanted = query.with_only_columns(Label.dictionary, Label.concept, *counts, *_COLUMNS)
    rows = session.execute(wanted.outerjoin(Vote, voted).group_by(Label.id).order_by(Label.id)).all()
    if uid and not rows:
        raise _unknown(uid)
    return [_fact(*row) for row in rows]


def _fact(dictionary: str, concept: int, n_for: int, n_against: int, *own: Any) -> LabelFacts:
    uid, text, author, source, created_at, edited_at, revision, is_removed = own
    return LabelFacts(
        uid=uid,
        key=ConceptKey(dictionary, concept),
        text=text,
        author=author,
        source=Source(source),
        created_at=created_at,
        edited_at=edited_at,
        revision=revision,
        is_removed=is_removed,
        n_for=int(n_for),
        n_against=int(n_against),
    )


def _unknown(uid: str) -> NotFound:
    return NotFound("label", uid, remedy="Labels of a concept are listed on its page.")


def _hold(session: Session, uid: str, *, seen: int | None) -> Label:
    """The label that is to be written; other writers wait. Raises ``NotFound``, and ``Outdated`` with what it is."""
    dictionary = session.scalar(select(Label.dictionary).where(Label.uid == uid))
    if dictionary is None:
        raise _unknown(uid)
    noted = note_writing(session, dictionary)
    row = session.scalars(select(Label).where(Label.uid == uid).execution_options(populate_existing=True)).one()
    if row.is_removed or (seen is not None and row.revision != seen):
        raise _outdated(session, row)
    row.noted = noted
    return row


def _outdated(session: Session, row: Label) -> Outdated:
    last = session.get_one(LabelText, (row.id, row.revision))
    what = "removed" if last.text is None else f"made '{row.text}'"
    return Outdated(
        f"The label was {what} by {last.author} meanwhile; nothing was written. Look at it, and decide again.",
        current={"id": row.uid, "text": last.text, "author": last.author, "revision": row.revision},
    )


def _write(session: Session, row: Label, text: str | None, *, author: str) -> None:
    """The next revision of a label: a text, or None to remove it. Whoever comes second writes nothing."""
    now, following = datetime.now(UTC), row.revision + 1
    values = {"revision": following, "edited_at": now, "is_removed": text is None}
    values |= {} if text is None else {"text": text, "author": author}
    written = session.execute(
        update(Label).where(Label.id == row.id, Label.revision == row.revision).values(values),
        execution_options={"synchronize_session": False},
    )
    if not n_changed(written):
        session.refresh(row)
        raise _outdated(session, row)
    session.add(LabelText(label_id=row.id, revision=following, text=text, author=author, at=now))
    session.flush()
    session.refresh(row)


def _vote(session: Session, row: Label, *, author: str, value: int) -> None:
    vote = session.get(Vote, (row.id, author))
    if value == 0:
        if vote is not None:
            session.delete(vote)
    elif vote is None:
        session.add(Vote(label_id=row.id, author=author, value=value, revision=row.revision))
    else:
        vote.value, vote.revision, vote.at = value, row.revision, datetime.now(UTC)
    session.flush()


def _find_same(session: Session, key: ConceptKey, text: str) -> Label | None:
    same = Label.dictionary == key.dictionary, Label.concept == key.concept, Label.text == text
    return session.scalars(select(Label).where(*same).order_by(Label.is_removed, Label.id)).first()
