"""What was measured between two dictionaries."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from store.catalog.tables import Comparison


def save_comparison(session: Session, one: str, other: str, *, values: Mapping[str, Any]) -> Comparison:
    """Record what was measured between the dictionaries of two digests, in place of an earlier measurement."""
    first, second = sorted((one, other))
    query = select(Comparison).where(Comparison.first_digest == first, Comparison.second_digest == second)
    row = session.scalar(query) or Comparison(first_digest=first, second_digest=second)
    row.values = dict(values)
    session.add(row)
    session.flush()
    return row


def list_comparisons(session: Session, digest: str) -> list[Comparison]:
    """All measurements with this dictionary, oldest first."""
    has_part = or_(Comparison.first_digest == digest, Comparison.second_digest == digest)
    return list(session.scalars(select(Comparison).where(has_part).order_by(Comparison.id)))
