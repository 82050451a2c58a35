"""Dictionaries and their atlases in the catalog."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from store.catalog.tables import Atlas, Collection, Dictionary, Model
from store.catalog.wanted import note_replaced
from store.errors import InvalidInput, NotFound
from store.universal import artifact_kind
from store.vocabulary import Kind


@dataclass(frozen=True)
class DictionaryFacts:
    """What is known of a dictionary when it is recorded."""

    slug: str
    title: str
    model: Model
    collection: Collection
    layer: str
    method: str
    digest: str
    n_concepts: int
    spec: dict[str, Any]
    metrics: dict[str, float]


def list_dictionaries(session: Session, *, with_atlas: bool = True) -> list[Dictionary]:
    """All dictionaries, or those that have an atlas, by model, then title."""
    query = (
        select(Dictionary)
        .join(Dictionary.atlas, isouter=not with_atlas)
        .join(Dictionary.model)
        .options(joinedload(Dictionary.model), joinedload(Dictionary.collection), joinedload(Dictionary.atlas))
        .order_by(Model.title, Dictionary.title)
    )
    return list(session.scalars(query))


def find_dictionary(session: Session, slug: str) -> Dictionary | None:
    """The dictionary of that slug, if there is one."""
    query = (
        select(Dictionary)
        .where(Dictionary.slug == slug)
        .options(joinedload(Dictionary.model), joinedload(Dictionary.collection), joinedload(Dictionary.atlas))
    )
    return session.scalar(query)


def get_dictionary(session: Session, slug: str) -> Dictionary:
    """The dictionary of that slug; raises ``NotFound`` with the near ones."""
    found = find_dictionary(session, slug)
    if found is None:
        raise NotFound("dictionary", slug, known=session.scalars(select(Dictionary.slug)))
    return found


def get_single_dictionary(session: Session, slug: str) -> Dictionary:
    """The dictionary of that slug, which must be of one model; raises ``InvalidInput`` for a universal one."""
    found = get_dictionary(session, slug)
    if artifact_kind(found.method) is Kind.UNIVERSAL:
        raise InvalidInput(
            f"'{slug}' is a universal dictionary, whose concepts are already those of several models "
            f"({found.model.title}): this works with dictionaries of one model. `conceptoscope ls` lists them."
        )
    return found


def save_dictionary(session: Session, facts: DictionaryFacts) -> Dictionary:
    """Record a dictionary, or point its slug to a new build."""
    row = session.scalar(select(Dictionary).where(Dictionary.slug == facts.slug)) or Dictionary(slug=facts.slug)
    if row.digest is not None:  # a fresh row has none
        note_replaced(session, artifact_kind(row.method), row.digest, new=facts.digest)
    row.title, row.model, row.collection, row.layer = facts.title, facts.model, facts.collection, facts.layer
    row.method, row.digest, row.n_concepts = facts.method, facts.digest, facts.n_concepts
    row.spec, row.metrics = facts.spec, facts.metrics
    session.add(row)
    session.flush()
    return row


def switch_atlas(session: Session, dictionary: Dictionary, *, digest: str, headline: dict[str, Any]) -> Atlas:
    """Let the dictionary show this atlas from now on."""
    row = dictionary.atlas or Atlas(dictionary=dictionary)
    note_replaced(session, Kind.ATLAS, row.digest, new=digest)
    row.digest, row.headline = digest, headline
    session.add(row)
    session.flush()
    return row
