"""The glossary: every number and word with its definition, from the same sources as the pages."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.makers.class_asking import BESIDE, COLUMNS
from app.views.base import Number
from app.views.terms import GlossaryView, Section, Term
from app.words import (
    BADGES,
    BANDS,
    LABELS,
    METRIC_GROUPS,
    NEIGHBORS,
    NULL_OF,
    Word,
    column_anchor,
    column_number,
    metric_number,
    other_terms,
)
from store.atlas.readings import READINGS as OF_CONCEPTS
from store.metrics import GROUPS
from store.metrics.readings import READINGS as OF_METRICS
from store.metrics.readings import Reading

_DICTIONARY, _CONCEPT, _CLASS, _MODELS = "A dictionary", "A concept", "Classes", "Several models"
_GROUP_OF: Final = {
    "Examples": _CONCEPT,
    "Classes": _CLASS,
    "Predicted classes": _CLASS,
    "Concepts of predicted classes": _CLASS,
    "Deletion and insertion": _CLASS,
}
_ORDER: Final = (_DICTIONARY, _CONCEPT, _CLASS, _MODELS)
BLIND_TESTS: Final = (
    Term(
        key="test.accuracy",
        label="Accuracy of a label",
        value=None,
        range="0 to 1",
        better="higher",
        definition="Share of right choices in blind tests: of eight photos, four on which the concept fires.",
        formula="hits / (4 × tests)",
        reads="0.5 is guessing. Look at the interval: one test says little.",
        misleads="Who wrote the label after looking at the same photos remembers them; the draw avoids those it can.",
    ),
    Term(
        key="test.interval",
        label="Interval of the accuracy",
        value=None,
        range="0 to 1",
        definition="Wilson's 95 % interval of the accuracy.",
        formula="(p̂ + z²/2n ± z √(p̂(1 − p̂)/n + z²/4n²)) / (1 + z²/n), z = 1.96, n = 4 × tests",
        reads="Above 0.5 altogether: the label says where the concept fires.",
        misleads="Takes choices as independent; four of eight vary less, so that it is a little too wide.",
    ),
    Term(
        key="test.p_value",
        label="Chance of guessing as well",
        value=None,
        range="0 to 1",
        better="lower",
        definition="How often guessing gives as many hits or more, over all tests of a label.",
        formula="P(k of 4) = C(4, k) C(4, 4 − k) / C(8, 4), summed over tests",
        reads="One perfect test: 1/70.",
        misleads="Of many labels some do well by chance alone.",
    ),
)


def make_glossary() -> GlossaryView:
    """All terms by kind."""
    sections = (*_metrics(), *_concepts(), *_others())
    return GlossaryView(sections=tuple(sorted(sections, key=lambda section: _ORDER.index(section.group))))


def _metrics() -> Iterable[Section]:
    for key, metrics in GROUPS.items():
        terms = [
            _term(metric_number(one), OF_METRICS.get(one.key), null_of=NULL_OF.get(one.key, "")) for one in metrics
        ]
        word = METRIC_GROUPS[key]
        yield Section(
            key=key,
            group=_MODELS if key == "streams" else _DICTIONARY,
            title=word.label,
            said=word.definition,
            terms=tuple(terms),
        )


def _concepts() -> Iterable[Section]:
    columns = tuple(
        _term(column_number(name).model_copy(update={"key": column_anchor(name)}), OF_CONCEPTS.get(name))
        for name in LABELS
    )
    for key, title, said, terms in (
        ("columns", "A concept", "What the grid sorts and filters by.", columns),
        ("bands", "Bands of examples", "Where on its own scale an example stands.", _words("band", BANDS)),
        ("neighbors", "Neighbours", "In which ways two concepts can be near.", _words("neighbor", NEIGHBORS)),
        ("badges", "Warnings", "Reasons not to trust a concept, each with evidence.", _words("badge", BADGES)),
        ("tests", "Blind tests of labels", "Whether a label tells where its concept fires.", BLIND_TESTS),
    ):
        yield Section(key=key, group=_CONCEPT, title=title, said=said, terms=terms)


def _others() -> Iterable[Section]:
    columns = _words("class", COLUMNS | BESIDE)
    yield Section(key="class-pages", group=_CLASS, title="Pages of classes", said="", terms=columns)
    for title, terms in other_terms().items():
        key, group = f"atlas-{title.lower().replace(' ', '-')}", _GROUP_OF.get(title, _MODELS)
        yield Section(key=key, group=group, title=title, said="", terms=tuple(_term(one) for one in terms))


def _term(number: Number, reading: Reading | None = None, *, null_of: str = "") -> Term:
    more = {"formula": reading.formula, "reads": reading.reads, "misleads": reading.misleads} if reading else {}
    return Term(**dict(number), **more, null_of=null_of)


def _words(kind: str, words: Mapping[Any, Word]) -> tuple[Term, ...]:
    return tuple(
        Term(key=f"{kind}.{name}", label=word.label, value=None, definition=word.definition)
        for name, word in words.items()
    )
