"""The glossary: every number and word with its definition, from the same sources as the pages."""

from collections.abc import Mapping
from typing import Any

from app.makers.class_asking import BESIDE, COLUMNS
from app.views.base import Number
from app.views.terms import GlossaryView, Section
from app.words import BADGES, BANDS, LABELS, METRIC_GROUPS, NEIGHBORS, Word, column_number, metric_number, other_terms
from store.metrics import GROUPS


def make_glossary() -> GlossaryView:
    """All terms by kind."""
    fixed = (
        *(
            Section(key=key, title=METRIC_GROUPS[key].label, terms=tuple(metric_number(metric) for metric in metrics))
            for key, metrics in GROUPS.items()
        ),
        Section(key="columns", title="A concept", terms=tuple(column_number(name) for name in LABELS)),
        Section(key="bands", title="Bands of examples", terms=_terms("band", BANDS)),
        Section(key="neighbors", title="Neighbours", terms=_terms("neighbor", NEIGHBORS)),
        Section(key="badges", title="Warnings", terms=_terms("badge", BADGES)),
        Section(key="class-pages", title="Pages of classes", terms=_terms("class", COLUMNS | BESIDE)),
    )
    others = tuple(
        Section(key=title.lower().replace(" ", "-"), title=title, terms=terms) for title, terms in other_terms().items()
    )
    return GlossaryView(sections=(*fixed, *others))


def _terms(kind: str, words: Mapping[Any, Word]) -> tuple[Number, ...]:
    return tuple(
        Number(key=f"{kind}.{name}", label=word.label, value=None, definition=word.definition)
        for name, word in words.items()
    )
