"""What is asked of an alignment: which list, filtered and sorted how, and of which two dictionaries."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from app.params import CORRELATION, CURSOR, SHARE, Param, whole
from app.roster import Entry
from app.site import Opened, Site
from store.alignment.reader import Alignment
from store.alignment.sides import Side
from store.atlas.cursor import parse_limit
from store.atlas.grammar import BadQuery, Fault
from store.errors import NotFound
from store.universal import artifact_kind
from store.vocabulary import Kind

SHOW: Final = Param("show", "What is listed.", ("pairs", "fans", "a", "b"), default="pairs")
SORT: Final = Param(
    "sort",
    "Order of pairs, minus for descending.",
    ("-correlation", "-held_out", "correlation", "-jaccard", "-gap"),
    default="-correlation",
)
MINIMUM: Final = Param("min", "Only pairs with at least this correlation.", schema=CORRELATION)
MAXIMUM: Final = Param("max", "Only pairs with at most this correlation.", schema=CORRELATION)
ENERGY: Final = tuple(
    Param(
        f"energy_{side}__{op}",
        f"Only pairs whose concept of {side} has {words} this share of its codes' energy.",
        schema=SHARE,
    )
    for side in ("a", "b")
    for op, words in (("gte", "at least"), ("lte", "at most"))
)
MUTUAL: Final = Param("mutual", "Only pairs that are each other's best.", ("no", "yes"), default="no")
_LIMIT: Final = Param("limit", "How many: 1 to 60.", default="6", schema=whole(1, 60))
PARAMS: Final = (SHOW, SORT, MINIMUM, MAXIMUM, *ENERGY, MUTUAL, CURSOR, _LIMIT)
_LIMIT_MAX: Final = 60


@dataclass(frozen=True)
class Asked:
    """Which part of an alignment, filtered and sorted."""

    show: str
    sort: str
    minimum: float | None
    maximum: float | None
    energy: Mapping[str, float | None]
    """Bounds of the shares of energy, by parameter; None where there is none."""
    mutual: bool
    cursor: str
    limit: int
    query: Mapping[str, str]


def ask_alignment(values: Mapping[str, str]) -> Asked:
    """What declared parameters mean; raises ``BadQuery``."""
    kept = {param.name: values[param.name] for param in PARAMS if values[param.name] != param.default}
    return Asked(
        show=values["show"],
        sort=values["sort"],
        minimum=number_between("min", values["min"]),
        maximum=number_between("max", values["max"]),
        energy={p.name: number_between(p.name, values[p.name], low=0, what="a share") for p in ENERGY},
        mutual=values["mutual"] == "yes",
        cursor=values["cursor"],
        limit=parse_limit(values["limit"], most=_LIMIT_MAX),
        query={name: value for name, value in kept.items() if name != "cursor"},
    )


def number_between(name: str, text: str, *, low: float = -1, what: str = "a correlation") -> float | None:
    """A number from ``low`` to 1, or None when empty; raises ``BadQuery``."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= 1:
        raise BadQuery(Fault(name, f"'{name}' is {what} from {low:g} to 1, not '{text}'."))
    return value


@dataclass(frozen=True)
class Facing:
    """One side as the page has it: its dictionary, its atlas, and which side of the file it is."""

    opened: Opened
    side: Side


@dataclass(frozen=True)
class Aligned:
    """An open alignment between two open dictionaries, in the order that was asked for."""

    alignment: Alignment
    a: Facing
    b: Facing

    def key(self, side: Side) -> str:
        """``a`` or ``b`` on the page for a side of the file."""
        return "a" if self.a.side is side else "b"

    @property
    def columns(self) -> dict[str, Any]:
        """Columns of all pairs, with the page's a and b."""
        pairs = self.alignment.pairs
        if self.a.side is Side.A:
            return pairs
        swapped = {"a": "b", "b": "a", "a_share": "b_share", "b_share": "a_share"}
        return {swapped.get(name, name): values for name, values in pairs.items()}


@contextmanager
def aligned(site: Site, a: str, b: str) -> Iterator[Aligned]:
    """The alignment of two dictionaries; raises ``NotFound`` that says how to make it."""
    one, other = site.roster.get(a), site.roster.get(b)
    link = site.roster.find_link(one, other)
    if link is None:
        raise NotFound("alignment", f"{a}, {b}", remedy=_remedy(one, other))
    with (
        site.alignments.reading(link.digest) as opened,
        site.opened(one) as first,
        site.opened(other) as second,
    ):
        side = opened.alignment.side_of(one.digest)
        yield Aligned(opened.alignment, Facing(first, side), Facing(second, side.other))


def _remedy(one: Entry, other: Entry) -> str:
    for entry in (one, other):
        if artifact_kind(entry.method) is Kind.UNIVERSAL:
            return f"'{entry.slug}' is a universal dictionary; those of one model are aligned with each other."
    return f"Make it with `conceptoscope align {one.slug} {other.slug}`."


def stamp_of(site: Site, a: str, b: str) -> str:
    """Digest of the alignment of two dictionaries; empty where there is none."""
    link = site.roster.find_link(site.roster.get(a), site.roster.get(b))
    return link.digest if link else ""
