"""What a grid page or API call asks for, and the concepts that answer: one path for both."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.params import DISPLAY
from app.site import Opened
from store.atlas.cursor import LIMIT_DEFAULT, Page, cut_page, make_binding, parse_limit
from store.atlas.grammar import NUMERIC, BadQuery, Fault, Query, parse_query
from store.vocabulary import Band

SHOWN = ("density", "importance")
SPRITE_BANDS = (Band.TOP, Band.Q50, Band.RANDOM)
_OWN = ("cursor", "limit", "show", "band")


@dataclass(frozen=True)
class Asked:
    """A parsed request for concepts."""

    query: Query
    limit: int = LIMIT_DEFAULT
    cursor: str = ""
    show: tuple[str, ...] = SHOWN
    band: Band = Band.TOP

    @property
    def layout(self) -> tuple[tuple[str, str], ...]:
        """Parameters that change how results look, not which they are; defaults left out."""
        limit = "" if self.limit == LIMIT_DEFAULT else str(self.limit)
        show = "" if self.show == SHOWN else ",".join(self.show)
        band = "" if self.band is Band.TOP else self.band.value
        return tuple((k, v) for k, v in (("band", band), ("limit", limit), ("show", show)) if v)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The canonical parameters of this request, without its cursor."""
        return (*self.query.pairs, *self.layout)


def ask_page(pairs: Sequence[tuple[str, str]]) -> Asked:
    """What the parameters of a grid or concept page ask for; raises ``BadQuery``."""
    own = {name: value.strip() for name, value in pairs if name in _OWN and value.strip()}
    return Asked(
        query=parse_query(pairs, other=(*_OWN, *DISPLAY)),
        limit=parse_limit(own.get("limit", "")),
        cursor=own.get("cursor", ""),
        show=_columns(own.get("show", "")),
        band=_band(own.get("band", "")),
    )


def ask_api(pairs: Sequence[tuple[str, str]], *, other: tuple[str, ...] = ()) -> Asked:
    """What the parameters of an API call ask for; raises ``BadQuery``."""
    own = {name: value.strip() for name, value in pairs if name in ("cursor", "limit")}
    query = parse_query(pairs, other=("cursor", "limit", *other))
    return Asked(query=query, limit=parse_limit(own.get("limit", "")), cursor=own.get("cursor", ""))


def answer(opened: Opened, asked: Asked) -> Page[int]:
    """The concepts on the page that was asked for; raises ``BadQuery`` for a cursor of another query or build."""
    chosen = opened.concepts.select(asked.query).tolist()
    labels = (opened.overlay.stamp,) if asked.query.reads_labels else ()  # nobody's label moves another order
    binding = make_binding(opened.atlas.digest, asked.query.pairs, *labels)
    return cut_page(chosen, cursor=asked.cursor, limit=asked.limit, binding=binding)


def _columns(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip())) or SHOWN
    bad = [name for name in names if name not in NUMERIC or name == "id"]
    if bad:
        allowed = tuple(name for name in NUMERIC if name != "id")
        raise BadQuery(Fault("show", f"Cards cannot show '{bad[0]}'.", allowed))
    return names[:2]


def _band(text: str) -> Band:
    if not text:
        return Band.TOP
    if text not in {band.value for band in Band}:
        raise BadQuery(Fault("band", f"There is no band '{text}'.", tuple(band.value for band in Band)))
    return Band(text)
