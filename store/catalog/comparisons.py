"""What was measured between two dictionaries, and all that is known of one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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


def list_comparisons(session: Session, digests: Iterable[str]) -> list[Comparison]:
    """All measurements with any of these dictionaries, oldest first, by one query."""
    wanted = set(digests)
    has_part = or_(Comparison.first_digest.in_(wanted), Comparison.second_digest.in_(wanted))
    return list(session.scalars(select(Comparison).where(has_part).order_by(Comparison.id)))


def metrics_of(session: Session, row: Dictionary) -> dict[str, float]:
    """What was measured when it was trained, and the means of what was measured against dictionaries of other seeds."""
    return metrics_of_all(session, [row])[0]


def metrics_of_all(session: Session, rows: Sequence[Dictionary]) -> list[dict[str, float]]:
    """The metrics of each of several dictionaries, in their order, by one query."""
    compared: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in list_comparisons(session, (row.digest for row in rows)):
        for digest in {one.first_digest, one.second_digest}:
            compared[digest].append(one.values)
    return [{**row.metrics, **_means(compared[row.digest])} for row in rows]


def _means(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    keys = {key for values in found for key in values}
    return {key: fmean(values[key] for values in found if key in values) for key in keys}
