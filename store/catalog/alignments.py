"""Alignments in the catalog: which artifact shows two dictionaries side by side."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from store.catalog.tables import Alignment
from store.catalog.wanted import note_replaced
from store.vocabulary import Kind


def save_alignment(session: Session, one: str, other: str, *, digest: str, headline: Mapping[str, Any]) -> Alignment:
    """Record the alignment of the dictionaries of two digests, in place of an earlier one."""
    first, second = sorted((one, other))
    row = find_alignment(session, one, other) or Alignment(first_digest=first, second_digest=second)
    note_replaced(session, Kind.ALIGNMENT, row.digest, new=digest)
    row.digest, row.headline = digest, dict(headline)
    session.add(row)
    session.flush()
    return row


def find_alignment(session: Session, one: str, other: str) -> Alignment | None:
    """The alignment of two dictionaries, whichever is named first."""
    first, second = sorted((one, other))
    query = select(Alignment).where(Alignment.first_digest == first, Alignment.second_digest == second)
    return session.scalar(query)


def list_alignments(session: Session, digests: Iterable[str] | None = None) -> list[Alignment]:
    """All alignments, or those with any of these dictionaries, oldest first."""
    query = select(Alignment).order_by(Alignment.id)
    if digests is not None:
        wanted = set(digests)
        query = query.where(or_(Alignment.first_digest.in_(wanted), Alignment.second_digest.in_(wanted)))
    return list(session.scalars(query))
