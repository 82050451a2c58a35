"""What a grid page or API call asks for, and the concepts that answer: one path for both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from app.formats import limit_of
from app.params import AT, DISPLAY, is_whole
from app.site import Opened
from store.atlas.cursor import LIMIT_DEFAULT, LIMIT_MAX, Page, cut_page, make_binding, parse_limit
from store.atlas.grammar import NUMERIC, BadQuery, Condition, Fault, Query, parse_query
from store.sheets import Format
from store.vocabulary import Band

CARDS, TABLE = "cards", "table"
VIEWS = (CARDS, TABLE)
SIZES = ("s", "m", "l")
SHOWN = {
    CARDS: ("density", "importance"),
    TABLE: ("density", "max", "importance", "purity", "spatial_size", "class", "badge"),
}
"""Columns that are shown when none are asked for; cards have room for two numbers."""
WORDS_SHOWN = ("class", "badge", "label_source", "main_stream")
SPRITE_BANDS = (Band.TOP, Band.Q50, Band.RANDOM)
SELECT_MAX = 300
_OWN = ("cursor", "limit", "show", "band", "view", "size", "select")


@dataclass(frozen=True)
class Asked:
    """A parsed request for concepts."""

    query: Query
    limit: int = LIMIT_DEFAULT
    cursor: str = ""
    show: tuple[str, ...] = ()
    """Columns that were asked for; empty for the usual ones."""
    band: Band = Band.TOP
    view: str = CARDS
    size: str = ""
    """Size of cards; empty where it is left to the visitor's last choice."""
    select: tuple[int, ...] = ()
    """Concepts that are ticked, in that order."""

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns to show."""
        return self.show or SHOWN[self.view]

    @property
    def layout(self) -> tuple[tuple[str, str], ...]:
        """Parameters that change how results look, not which they are; defaults left out."""
        own = {
            "band": "" if self.band is Band.TOP else self.band.value,
            "limit": "" if self.limit == LIMIT_DEFAULT else str(self.limit),
            "show": "" if self.show == SHOWN[self.view] else ",".join(self.show),
            "size": self.size,
            "view": "" if self.view == CARDS else self.view,
        }
        return tuple((name, value) for name, value in own.items() if value)

    @property
    def selected(self) -> tuple[tuple[str, str], ...]:
        """The parameter that holds the selection."""
        return (("select", ",".join(map(str, self.select))),) if self.select else ()

    def but(self, *, less: Sequence[Condition] = (), more: Sequence[Condition] = ()) -> Self:
        """The first page of the same request with some conditions taken away and some added."""
        kept = tuple(c for c in self.query.conditions if c not in less)
        return replace(self, query=replace(self.query, conditions=(*kept, *more)), cursor="")

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The canonical parameters of this request, without its cursor."""
        return (*self.query.pairs, *self.layout)

    @property
    def whole(self) -> tuple[tuple[str, str], ...]:
        """The same with its cursor and the selection."""
        return (*self.pairs, ("cursor", self.cursor), *self.selected)


def ask_page(pairs: Sequence[tuple[str, str]]) -> Asked:
    """What the parameters of a grid or concept page ask for; raises ``BadQuery``."""
    own: dict[str, str] = {}
    for name, value in pairs:
        if name in _OWN and value.strip():
            in_parts = name in ("show", "select") and name in own  # as the boxes of a form send it
            own[name] = f"{own[name]},{value.strip()}" if in_parts else value.strip()
    return Asked(
        query=parse_query(pairs, other=(*_OWN, *DISPLAY)),
        limit=parse_limit(own.get("limit", "")),
        cursor=own.get("cursor", ""),
        show=_columns(own.get("show", "")),
        band=_band(own.get("band", "")),
        view=_word("view", own.get("view", CARDS), VIEWS),
        size=_word("size", own.get("size", ""), ("", *SIZES)),
        select=_selection(own.get("select", "")),
    )


def ask_api(
    pairs: Sequence[tuple[str, str]],
    *,
    other: tuple[str, ...] = (),
    form: Format | None = None,
    most: int = LIMIT_MAX,
) -> Asked:
    """What the parameters of an API call ask for; raises ``BadQuery``. ``form`` is a table's, which has no limit."""
    own = {name: value.strip() for name, value in pairs if name in ("cursor", "limit")}
    query = parse_query(pairs, other=("cursor", "limit", AT, *other))
    return Asked(query=query, limit=limit_of(own.get("limit", ""), form, most=most), cursor=own.get("cursor", ""))


def answer(opened: Opened, asked: Asked) -> Page[int]:
    """The concepts on the page that was asked for; raises ``BadQuery`` for a cursor of another query or build."""
    chosen = opened.concepts.select(asked.query).tolist()
    labels = (opened.overlay.stamp,) if asked.query.reads_labels else ()  # nobody's label moves another order
    binding = make_binding(opened.atlas.digest, asked.query.pairs, *labels)
    return cut_page(chosen, cursor=asked.cursor, limit=asked.limit, binding=binding)


def _columns(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    allowed = (*(name for name in NUMERIC if name != "id"), *WORDS_SHOWN)
    bad = [name for name in names if name not in allowed]
    if bad:
        raise BadQuery(Fault("show", f"Cards and tables cannot show '{bad[0]}'.", allowed))
    return names


def _word(name: str, text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise BadQuery(Fault(name, f"'{name}' cannot be '{text}'.", tuple(filter(None, allowed))))
    return text


def _selection(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    bad = [part for part in parts if not is_whole(part)]
    if bad:
        raise BadQuery(Fault("select", f"'select' takes indices of concepts, as in 3,17, not '{bad[0]}'."))
    chosen = tuple(dict.fromkeys(int(part) for part in parts))
    if len(chosen) > SELECT_MAX:
        raise BadQuery(Fault("select", f"'select' takes at most {SELECT_MAX} concepts, not {len(chosen)}."))
    return chosen


def _band(text: str) -> Band:
    if not text:
        return Band.TOP
    if text not in {band.value for band in Band}:
        raise BadQuery(Fault("band", f"There is no band '{text}'.", tuple(band.value for band in Band)))
    return Band(text)
