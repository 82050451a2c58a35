"""Models in the catalog."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.catalog.tables import Model
from store.errors import NotFound
from store.naming import joint_slug, joint_title, marked, model_title
from store.specs import ExtractionSpec


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


def take_model(session: Session, slug: str, *, title: str, facts: dict[str, Any]) -> Model:
    """The row of a model that came from elsewhere; one of that name with other facts stays, and this is marked."""
    there = session.scalar(select(Model).where(Model.slug == slug))
    if there is not None and there.facts == facts:
        return there
    return save_model(session, slug if there is None else marked(slug, facts), title=title, facts=facts)


def save_joint_model(session: Session, streams: Sequence[ExtractionSpec]) -> Model:
    """Record several models read together; the same ones read elsewhere are another row, with a mark in its slug."""
    slug, title = joint_slug(streams), joint_title(streams)
    facts = {"streams": [_stream_facts(stream) for stream in streams]}
    there = session.scalar(select(Model).where(Model.slug == slug))
    if there is not None and there.facts != facts:
        slug = marked(slug, facts)
    return save_model(session, slug, title=title, facts=facts)


def _stream_facts(stream: ExtractionSpec) -> dict[str, Any]:
    return {"model": stream.model, "title": model_title(stream.model), "layer": stream.layer}
