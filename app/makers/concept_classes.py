"""A concept's answer to the classes of the collection."""

from typing import Any

from app import urls
from app.makers.concept_asking import BY, CLASS_COLUMNS, ConceptAsked
from app.site import Opened
from app.views.base import Choice
from app.views.concept import ClassRow
from app.words import class_column
from store.atlas.reader import Row

_OTHER = {"class_name", "url"}


def make_classes(opened: Opened, concept: int, *, by: str = BY.default) -> tuple[ClassRow, ...]:
    """Its rows by a column, largest first (names from A); what has no value last, equal ones by share."""
    slug = opened.entry.slug
    return tuple(
        ClassRow(
            class_name=row["class"],
            url=urls.concepts(slug, {"class": row["class"]}),
            **{name: row[name] for name in ClassRow.model_fields if name not in _OTHER},
        )
        for row in sorted(opened.atlas.class_table(concept), key=lambda row: _key(row, by))
    )


def _key(row: Row, by: str) -> tuple[bool, Any]:
    value = row[by]
    return (value is None, "" if value is None else value.lower() if by == "class" else -value)


def make_class_orders(opened: Opened, concept: int, asked: ConceptAsked) -> tuple[Choice, ...]:
    """What a click on each heading leads to."""
    slug = opened.entry.slug
    return tuple(
        Choice(
            key=name,
            label=class_column(name).label,
            title=class_column(name).definition,
            url=urls.concept(slug, concept, query=asked.but(by="" if name == BY.default else name)) + "#classes-title",
            current=name == asked.by,
        )
        for name in CLASS_COLUMNS
    )
