"""What was measured between two dictionaries, and all that is known of one."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from store.catalog.tables import Comparison, Dictionary


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


def metrics_of(session: Session, row: Dictionary) -> dict[str, float]:
    """What was measured when it was trained, and the means of what was measured against dictionaries of other seeds."""
    compared = [one.values for one in list_comparisons(session, row.digest)]
    keys = {key for values in compared for key in values}
    return {**row.metrics, **{key: fmean(values[key] for values in compared if key in values) for key in keys}}
