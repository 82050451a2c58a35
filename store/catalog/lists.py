"""Lists of concepts in the catalog."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from store.annotations import (
    ITEMS_PER_LIST,
    LISTS_MAX,
    NOTE_MAX,
    TITLE_MAX,
    ConceptKey,
    clean_line,
    clean_text,
    make_uid,
)
from store.catalog.annotation_revisions import LISTS, note_writing
from store.catalog.runs import n_changed
from store.catalog.tables import ConceptList, ListItem
from store.errors import Conflict, NotFound, Outdated


def make_list(session: Session, title: str, *, note: str = "", author: str) -> ConceptList:
    """A new list; raises ``InvalidInput`` for texts that are not taken, ``Conflict`` when there are too many."""
    title = clean_line("title", title, most=TITLE_MAX)
    note = clean_text("note", note, most=NOTE_MAX, may_be_empty=True)
    note_writing(session, LISTS)
    if (session.scalar(select(func.count()).select_from(ConceptList)) or 0) >= LISTS_MAX:
        raise Conflict(f"There are {LISTS_MAX:,} lists already: remove one that nobody needs.")
    row = ConceptList(uid=make_uid(), title=title, note=note, author=author)
    session.add(row)
    session.flush()
    return row


def get_list(session: Session, uid: str) -> ConceptList:
    """A list; raises ``NotFound``."""
    query = select(ConceptList).where(ConceptList.uid == uid).execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        raise NotFound("list", uid, remedy="It may have been removed.")
    return found


def list_lists(session: Session) -> list[tuple[ConceptList, list[ListItem]]]:
    """All lists with their members in order, the one that was edited last first."""
    lists = session.scalars(select(ConceptList).order_by(ConceptList.edited_at.desc(), ConceptList.id)).all()
    members: dict[int, list[ListItem]] = {row.id: [] for row in lists}
    for item in session.scalars(select(ListItem).order_by(ListItem.position, ListItem.added_at)):
        members.setdefault(item.list_id, []).append(item)
    return [(row, members[row.id]) for row in lists]


def list_items(session: Session, row: ConceptList) -> list[ListItem]:
    """The members of a list, in order."""
    mine = select(ListItem).where(ListItem.list_id == row.id)
    query = mine.order_by(ListItem.position, ListItem.added_at, ListItem.dictionary, ListItem.concept)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def edit_list(session: Session, uid: str, *, seen: int, title: str | None = None, note: str | None = None) -> None:
    """Write title or note anew, as somebody does who saw revision ``seen``; raises ``Outdated``."""
    row = _hold(session, uid, seen=seen)
    row.title = row.title if title is None else clean_line("title", title, most=TITLE_MAX)
    row.note = row.note if note is None else clean_text("note", note, most=NOTE_MAX, may_be_empty=True)
    if session.is_modified(row):
        row.revision, row.edited_at = row.revision + 1, datetime.now(UTC)
    session.flush()


def remove_list(session: Session, uid: str, *, seen: int) -> None:
    """Remove a list with its notes, for good; raises ``Outdated`` when it changed since revision ``seen``."""
    row = _hold(session, uid, seen=seen)
    session.execute(delete(ListItem).where(ListItem.list_id == row.id))
    session.execute(delete(ConceptList).where(ConceptList.id == row.id))


def put_item(
    session: Session,
    uid: str,
    key: ConceptKey,
    *,
    author: str,
    note: str | None = None,
    position: int | None = None,
    seen: int | None = None,
) -> tuple[ListItem, bool]:
    """Put a concept on a list, or change its note or place there; whether it is new stands beside it.

    A new one goes last. Raises ``Outdated`` when a note is to be written over that was not seen (``seen`` is the
    revision of the member), ``Conflict`` for a list that is full.
    """
    note = None if note is None else clean_text("note", note, most=NOTE_MAX, may_be_empty=True)
    note_writing(session, LISTS)
    row = get_list(session, uid)
    items = list_items(session, row)
    found = next((item for item in items if (item.dictionary, item.concept) == (key.dictionary, key.concept)), None)
    item = found or _append(session, row, items, key=key, author=author, note=note or "")
    if found is not None and note is not None and note != item.note:
        if item.note and seen != item.revision:
            raise _outdated_item(item)
        item.note, item.revision = note, item.revision + 1
    if position is not None:
        _move([*items, item] if found is None else items, item, position)
    row.edited_at = datetime.now(UTC)
    session.flush()
    return item, found is None


def put_items(session: Session, uid: str, keys: Sequence[ConceptKey], *, author: str) -> int:
    """Put concepts at the end of a list in their order; those that are on it stay where they are. How many are new.

    Raises ``NotFound``, and ``Conflict`` when they don't all fit: then none is put there.
    """
    note_writing(session, LISTS)
    row = get_list(session, uid)
    items = list_items(session, row)
    known = {(item.dictionary, item.concept) for item in items}
    fresh = [key for key in dict.fromkeys(keys) if (key.dictionary, key.concept) not in known]
    if len(items) + len(fresh) > ITEMS_PER_LIST:
        room = ITEMS_PER_LIST - len(items)
        raise Conflict(
            f"A list holds {ITEMS_PER_LIST:,} concepts; '{row.title}' has room for {room:,} more, not for "
            f"{len(fresh):,}: narrow the filter, or begin another list."
        )
    first = max((item.position for item in items), default=-1) + 1
    for place, key in enumerate(fresh, first):
        session.add(
            ListItem(
                list_id=row.id, dictionary=key.dictionary, concept=key.concept, note="", position=place, author=author
            )
        )
    row.edited_at = datetime.now(UTC)
    session.flush()
    return len(fresh)


def remove_item(session: Session, uid: str, key: ConceptKey) -> None:
    """Take a concept off a list; one that is not on it is off it."""
    note_writing(session, LISTS)
    row = get_list(session, uid)
    there = ListItem.list_id == row.id, ListItem.dictionary == key.dictionary, ListItem.concept == key.concept
    if n_changed(session.execute(delete(ListItem).where(*there))):
        row.edited_at = datetime.now(UTC)


def _append(
    session: Session, row: ConceptList, items: list[ListItem], *, key: ConceptKey, author: str, note: str
) -> ListItem:
    if len(items) >= ITEMS_PER_LIST:
        raise Conflict(f"The list '{row.title}' has {ITEMS_PER_LIST:,} concepts, which is the most: begin another one.")
    last = max((item.position for item in items), default=-1)
    item = ListItem(
        list_id=row.id, dictionary=key.dictionary, concept=key.concept, note=note, position=last + 1, author=author
    )
    session.add(item)
    session.flush()
    return item


def _move(items: list[ListItem], item: ListItem, position: int) -> None:
    """Number all members again, with one of them at a place counted from 0."""
    others = [other for other in items if other is not item]
    others.insert(max(0, min(position, len(others))), item)
    for place, other in enumerate(others):
        other.position = place


def _hold(session: Session, uid: str, *, seen: int) -> ConceptList:
    note_writing(session, LISTS)
    row = get_list(session, uid)
    if row.revision != seen:
        raise Outdated(
            f"Title or note of the list '{row.title}' were changed meanwhile; nothing was written. "
            "Look at it, and decide again.",
            current={"id": row.uid, "title": row.title, "note": row.note, "revision": row.revision},
        )
    return row


def _outdated_item(item: ListItem) -> Outdated:
    return Outdated(
        f"The note on concept {item.concept} was changed meanwhile, or not seen; nothing was written. "
        "Look at it, and decide again.",
        current={"concept": item.concept, "note": item.note, "author": item.author, "revision": item.revision},
    )
