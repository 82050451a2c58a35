"""The query grammar over concepts, one for pages and API: ``column__op=value``, ``q``, ``sort``.

``density__gte=1e-4&badge__not=dead&class=tench&q=fin&sort=-importance,id`` keeps the concepts that meet every
condition.
Empty values are ignored, so that an untouched form field asks for nothing. ``not`` is the complement of ``eq``: it
keeps concepts whose value is absent; every other comparison with an absent value is false. An ``in`` list that is given
in several parts, as the boxes of a form send it, is one list; ``\\,`` is a comma inside of a value.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from store.atlas.schema import CONCEPT
from store.errors import InvalidInput

DEFAULT_SORT = "-importance"


class Op(StrEnum):
    """Comparisons; ``eq`` is meant when none is named."""

    EQ = "eq"
    NOT = "not"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    CONTAINS = "contains"
    ISNULL = "isnull"


ColumnKind = Literal["number", "text", "list"]
OPS: dict[ColumnKind, tuple[Op, ...]] = {
    "number": (Op.EQ, Op.NOT, Op.GT, Op.GTE, Op.LT, Op.LTE, Op.IN, Op.ISNULL),
    "text": (Op.EQ, Op.NOT, Op.IN, Op.CONTAINS, Op.ISNULL),
    "list": (Op.EQ, Op.NOT, Op.IN, Op.ISNULL),
}
PUBLIC = {"concept": "id", "top_class": "class", "badges": "badge", "label_seed": "label"}
"""Names in queries, where they differ from the atlas's columns."""

NO_SOURCE = "none"
"""What ``label_source`` says of a concept without a label."""
WRITTEN: dict[str, str] = {
    "label_source": "where the label comes from: human, import (a program), seed (guessed from classes) or none",
    "list": "lists that hold it, by their ids",
}
"""Columns that people make, with what they mean; no atlas has them."""

_KINDS: dict[str, ColumnKind] = {"VARCHAR": "text", "VARCHAR[]": "list"}
COLUMNS: dict[str, str] = {PUBLIC.get(column.name, column.name): column.name for column in CONCEPT.columns}
KINDS: dict[str, ColumnKind] = {
    PUBLIC.get(column.name, column.name): _KINDS.get(column.type, "number") for column in CONCEPT.columns
} | {"label_source": "text", "list": "list"}
SORTABLE = tuple(name for name, kind in KINDS.items() if kind != "list")
NUMERIC = tuple(name for name, kind in KINDS.items() if kind == "number")


@dataclass(frozen=True)
class Fault:
    """One bad parameter: which, why, and what would do."""

    param: str
    message: str
    allowed: tuple[str, ...] = ()


class BadQuery(InvalidInput):
    """Parameters that cannot be used, each with its reason."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__(" ".join(fault.message for fault in faults))


@dataclass(frozen=True)
class Condition:
    """One comparison, as it was written."""

    column: str
    op: Op
    text: str

    @property
    def name(self) -> str:
        """Parameter that says the same."""
        return self.column if self.op is Op.EQ else f"{self.column}__{self.op}"

    @property
    def values(self) -> tuple[str, ...]:
        """The members of an ``in`` list; otherwise the one value."""
        return split_values(self.text) if self.op is Op.IN else (self.text,)

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values of a comparison on a numeric column."""
        return tuple(float(value) for value in self.values)

    @property
    def wants_null(self) -> bool:
        """For ``isnull``: whether absent values are asked for."""
        return self.text.lower() in _TRUE


@dataclass(frozen=True)
class SortKey:
    """A column to sort by; absent values come last either way."""

    column: str
    descending: bool

    @property
    def text(self) -> str:
        """As it is written in ``sort``."""
        return f"-{self.column}" if self.descending else self.column


@dataclass(frozen=True)
class Query:
    """A parsed query."""

    conditions: tuple[Condition, ...] = ()
    q: str = ""
    sort: tuple[SortKey, ...] = (SortKey("importance", descending=True),)

    @property
    def sort_text(self) -> str:
        """Value of the ``sort`` parameter."""
        return ",".join(key.text for key in self.sort)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The canonical parameters, sorted, defaults left out: equal queries give equal pairs."""
        pairs = {(condition.name, condition.text) for condition in self.conditions}
        if self.q:
            pairs.add(("q", self.q))
        if self.sort_text != DEFAULT_SORT:
            pairs.add(("sort", self.sort_text))
        return tuple(sorted(pairs))

    @property
    def reads_labels(self) -> bool:
        """Whether which concepts answer, or their order, depends on what concepts are called."""
        named = [condition.column for condition in self.conditions] + [key.column for key in self.sort]
        return bool(self.q) or not {"label", "label_source"}.isdisjoint(named)

    @property
    def reads_lists(self) -> bool:
        """Whether which concepts answer depends on what lists hold."""
        return any(condition.column == "list" for condition in self.conditions)

    def without(self, column: str) -> "Query":
        """The same query less its conditions on one column."""
        return Query(tuple(c for c in self.conditions if c.column != column), self.q, self.sort)


def split_values(text: str) -> tuple[str, ...]:
    """The values of an ``in`` list."""
    return tuple(part.strip().replace("\\,", ",") for part in re.split(r"(?<!\\),", text))


def join_values(values: Iterable[str]) -> str:
    """The values as an ``in`` list."""
    return ",".join(value.replace(",", "\\,") for value in values)


_TRUE, _FALSE = ("1", "true", "yes"), ("0", "false", "no")


def parse_query(pairs: Iterable[tuple[str, str]], *, other: tuple[str, ...] = ()) -> Query:
    """The query in these parameters; raises ``BadQuery`` with every fault. Names in ``other`` are somebody else's."""
    conditions: list[Condition] = []
    faults: list[Fault] = []
    q, sort = "", DEFAULT_SORT
    for name, raw in pairs:
        value = raw.strip()
        if name in other or not value:
            faults += [] if _is_known(name) or name in other else [_unknown(name, other)]
        elif name == "q":
            q = value
        elif name == "sort":
            sort = value
        else:
            found = _condition(name, value, other=other)
            (conditions if isinstance(found, Condition) else faults).append(found)  # type: ignore[arg-type]
    keys = _sort_keys(sort, faults)
    if faults:
        raise BadQuery(*faults)
    return Query(_joined(conditions), q, keys)


def _joined(conditions: list[Condition]) -> tuple[Condition, ...]:
    """The conditions, the parts of each ``in`` list put together where the first of them stood."""
    texts: dict[str, dict[str, None]] = {}
    for one in conditions:
        if one.op is Op.IN:
            texts.setdefault(one.column, {}).update(dict.fromkeys(one.values))
    lists = {column: Condition(column, Op.IN, join_values(values)) for column, values in texts.items()}
    return tuple(dict.fromkeys(lists[one.column] if one.op is Op.IN else one for one in conditions))


def known_parameters(other: tuple[str, ...] = ()) -> tuple[str, ...]:
    """All parameters that a query over concepts takes; ``__op`` forms are named once per column."""
    columns = tuple(f"{name}[__{'|__'.join(OPS[kind][1:])}]" for name, kind in KINDS.items())
    return ("q", "sort", *other, *columns)


def _is_known(name: str) -> bool:
    column, _, op = name.partition("__")
    return name in ("q", "sort") or (column in KINDS and (op or "eq") in OPS[KINDS[column]])


def _unknown(name: str, other: tuple[str, ...]) -> Fault:
    return Fault(name, f"There is no parameter '{name}'.", known_parameters(other))


def _condition(name: str, value: str, *, other: tuple[str, ...]) -> Condition | Fault:
    column, _, op = name.partition("__")
    if column not in KINDS:
        return _unknown(name, other)
    kind = KINDS[column]
    ops = OPS[kind]
    if (op or "eq") not in ops:
        return Fault(name, f"'{column}' cannot be compared by '{op}'.", tuple(f"{column}__{known}" for known in ops))
    condition = Condition(column, Op(op or "eq"), value)
    if condition.op is Op.ISNULL:
        fine = value.lower() in (*_TRUE, *_FALSE)
        return condition if fine else Fault(name, f"'{name}' is true or false, not '{value}'.", ("true", "false"))
    if kind == "number" and not all(_is_number(part) for part in condition.values):
        return Fault(name, f"'{name}' takes a number, not '{value}'.")
    return condition


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _sort_keys(text: str, faults: list[Fault]) -> tuple[SortKey, ...]:
    keys = [SortKey(part.strip().removeprefix("-"), part.strip().startswith("-")) for part in text.split(",")]
    for key in keys:
        if key.column not in SORTABLE:
            faults.append(Fault("sort", f"Concepts cannot be sorted by '{key.column}'.", SORTABLE))
        elif sum(other.column == key.column for other in keys) > 1:
            faults.append(Fault("sort", f"'{key.column}' stands twice in sort."))
    return tuple(keys)
