"""What a concept's page asks for beside the order that the concept was found in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.makers.asking import Asked, ask_page
from app.params import Param
from store.atlas.grammar import BadQuery, Fault, Query
from store.vocabulary import Band

BALANCE: Final = Param(
    "balance", "class: examples from the classes in turn, in each turn the strongest first.", ("class",)
)
CLASS_COLUMNS: Final = ("share", "lift", "coverage", "mean", "importance", "n_images", "class")
BY: Final = Param("by", "Column that the classes are sorted by, best first.", CLASS_COLUMNS, "share")
CONTEXT: Final = Param("context", "Whole photos, or around the peak.", ("photo", "patch"), "photo")
_OWN: Final = (BALANCE, BY, CONTEXT)


@dataclass(frozen=True)
class ConceptAsked:
    """The order and band (``order``), and how examples and classes are shown."""

    order: Asked
    is_balanced: bool = False
    by: str = BY.default
    context: str = CONTEXT.default

    @property
    def band(self) -> Band:
        """Which examples."""
        return self.order.band

    @property
    def own(self) -> tuple[tuple[str, str], ...]:
        """The parameters that the grid does not have; defaults are empty."""
        given = ("class" if self.is_balanced else "", self.by, self.context)
        return tuple((p.name, "" if v == p.default else v) for p, v in zip(_OWN, given, strict=True))

    @property
    def whole(self) -> tuple[tuple[str, str], ...]:
        """All canonical parameters."""
        return (*self.order.pairs, *self.own)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """As other pages' links carry them on: how photos are cut is remembered by the browser, like all of heat."""
        return tuple(pair for pair in self.whole if pair[0] != CONTEXT.name)

    @property
    def twin(self) -> dict[str, str]:
        """What the API is asked for the same; how photos are cut and the order of concepts are the page's own."""
        own = dict(self.own)
        return {"band": dict(self.order.pairs).get("band", ""), "balance": own["balance"], "by": own["by"]}

    def but(self, **changes: str) -> tuple[tuple[str, str], ...]:
        """The same with some parameters changed; empty ones are left out by the link maker."""
        return (*(pair for pair in self.whole if pair[0] not in changes), *changes.items())


def ask_concept(pairs: Sequence[tuple[str, str]]) -> ConceptAsked:
    """What the parameters of a concept's page ask for; raises ``BadQuery``."""
    own = {param.name: param for param in _OWN}
    given = [(name, value.strip()) for name, value in pairs if name in own]
    faults = [_fault(own[name], value) for name, value in given if value and value not in own[name].choices]
    if faults:
        raise BadQuery(*faults)
    values = {name: value for name, value in given if value}
    order = ask_page([pair for pair in pairs if pair[0] not in own])
    return make_asked(values, order=order)


def make_asked(values: dict[str, str], *, order: Asked | None = None) -> ConceptAsked:
    """From values that were read; ``order`` is the grid's, or else that of all concepts with the band given."""
    return ConceptAsked(
        order=order or Asked(Query(), band=Band(values.get("band", Band.TOP))),
        is_balanced=bool(values.get(BALANCE.name)),
        by=values.get(BY.name, BY.default),
        context=values.get(CONTEXT.name, CONTEXT.default),
    )


def _fault(param: Param, value: str) -> Fault:
    return Fault(param.name, f"'{param.name}' cannot be '{value}'.", param.choices)
