"""Models in the catalog."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.catalog.tables import Model
from store.errors import NotFound


def list_models(session: Session) -> list[Model]:
    """All recorded models, by title."""
    return list(session.scalars(select(Model).order_by(Model.title)))


def get_model(session: Session, slug: str) -> Model:
    """The model of that slug; raises ``NotFound`` with the near ones."""
    found = session.scalar(select(Model).where(Model.slug == slug))
    if found is None:
        raise NotFound("model", slug, known=session.scalars(select(Model.slug)))
    return found


def save_model(session: Session, slug: str, *, title: str, facts: dict[str, Any]) -> Model:
    """Record a model, or renew what is known of it."""
    row = session.scalar(select(Model).where(Model.slug == slug)) or Model(slug=slug)
    row.title, row.facts = title, facts
    session.add(row)
    session.flush()
    return row
