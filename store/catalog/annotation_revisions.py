"""How often the annotations of each dictionary were written: what says whether an answer that shows them is fresh."""

from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from store.catalog.tables import AnnotationRevision

LISTS: Final = "lists"
"""The scope of all lists; that of anything else is the digest of its dictionary."""
_NOTE: Final = text(
    "INSERT INTO annotation_revision (scope, revision) VALUES (:scope, 1) "
    "ON CONFLICT (scope) DO UPDATE SET revision = annotation_revision.revision + 1 RETURNING revision"
)


def note_writing(session: Session, scope: str) -> int:
    """Count one more writing of a scope; gives the count. First in a transaction, it lets the scope's others wait."""
    return int(session.execute(_NOTE, {"scope": scope}).scalar_one())


def read_revisions(session: Session) -> dict[str, int]:
    """All counts, by scope."""
    rows = session.execute(select(AnnotationRevision.scope, AnnotationRevision.revision))
    return {scope: int(revision) for scope, revision in rows}
