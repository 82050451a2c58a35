"""Comments on concepts in the catalog."""

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from store.annotations import COMMENT_MAX, COMMENTS_PER_CONCEPT, ConceptKey, clean_text, make_uid
from store.catalog.annotation_revisions import note_writing
from store.catalog.tables import Comment
from store.errors import Conflict, Forbidden, NotFound


def add_comment(session: Session, key: ConceptKey, text: str, *, author: str) -> Comment:
    """Say something of a concept; raises ``InvalidInput`` for a text that is not taken."""
    text = clean_text("comment", text, most=COMMENT_MAX)
    note_writing(session, key.dictionary)
    n = session.scalar(select(func.count()).where(Comment.dictionary == key.dictionary, Comment.concept == key.concept))
    if (n or 0) >= COMMENTS_PER_CONCEPT:
        raise Conflict(f"Concept {key.concept} has {COMMENTS_PER_CONCEPT} comments already, which is the most.")
    row = Comment(uid=make_uid(), dictionary=key.dictionary, concept=key.concept, text=text, author=author)
    session.add(row)
    session.flush()
    return row


def get_comment(session: Session, uid: str) -> Comment:
    """A comment; raises ``NotFound``."""
    found = session.scalar(select(Comment).where(Comment.uid == uid))
    if found is None:
        raise NotFound("comment", uid, remedy="It may have been removed.")
    return found


def remove_comment(session: Session, uid: str, *, author: str) -> Comment:
    """Take one's own comment back, for good; raises ``Forbidden`` for another's."""
    row = get_comment(session, uid)
    if row.author != author:
        raise Forbidden(f"The comment is by {row.author}, who alone may remove it; you are {author}.")
    note_writing(session, row.dictionary)
    session.execute(delete(Comment).where(Comment.id == row.id))
    return row


def stamp_comments(session: Session, dictionary: str) -> str:
    """Changes whenever a comment on a dictionary's concepts comes or goes."""
    last = select(func.count(), func.max(Comment.id), func.max(Comment.created_at))
    return str(tuple(session.execute(last.where(Comment.dictionary == dictionary)).one()))


def list_comments(session: Session, dictionary: str, concept: int | None = None) -> list[Comment]:
    """The comments on a concept, or on all of a dictionary, oldest first."""
    query = select(Comment).where(Comment.dictionary == dictionary).order_by(Comment.created_at, Comment.id)
    return list(session.scalars(query if concept is None else query.where(Comment.concept == concept)))
