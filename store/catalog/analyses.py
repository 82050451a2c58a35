"""Analyses of visitors' photos in the catalog."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from store.catalog.tables import Analysis


@dataclass(frozen=True)
class Room:
    """How much all analyses take that are kept."""

    n: int
    n_bytes: int


def save_analysis(
    session: Session,
    public_id: str,
    *,
    result: dict[str, Any],
    n_bytes: int,
    created_at: datetime,
    expires_at: datetime,
) -> Analysis:
    """Write a new one down."""
    row = Analysis(public_id=public_id, created_at=created_at, expires_at=expires_at, n_bytes=n_bytes, result=result)
    session.add(row)
    session.flush()
    return row


def find_analysis(session: Session, public_id: str, *, now: datetime) -> Analysis | None:
    """The analysis of that id, unless it has expired."""
    return session.scalar(select(Analysis).where(Analysis.public_id == public_id, Analysis.expires_at > now))


def take_room(session: Session) -> Room:
    """What is taken, expired ones that were not deleted yet included."""
    n, n_bytes = session.execute(select(func.count(), func.coalesce(func.sum(Analysis.n_bytes), 0))).one()
    return Room(int(n), int(n_bytes))


def list_expired(session: Session, *, now: datetime) -> list[str]:
    """Public ids of those whose time is over."""
    return list(session.scalars(select(Analysis.public_id).where(Analysis.expires_at <= now)))


def list_kept(session: Session) -> set[str]:
    """Public ids of all."""
    return set(session.scalars(select(Analysis.public_id)))


def forget_analyses(session: Session, public_ids: Iterable[str]) -> None:
    """Remove their rows."""
    wanted = list(public_ids)
    for start in range(0, len(wanted), 500):
        session.execute(delete(Analysis).where(Analysis.public_id.in_(wanted[start : start + 500])))
