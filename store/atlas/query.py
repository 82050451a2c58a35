"""Answers queries over all concepts from columns in memory: filter, order, facets, histograms."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from store.atlas.grammar import COLUMNS, KINDS, NUMERIC, Condition, Op, Query, SortKey

Array = np.ndarray[Any, Any]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
LINEAR = frozenset(
    {
        "id",
        "purity",
        "position_entropy",
        "spatial_size",
        "map_x",
        "map_y",
        "cluster",
        "firing_entropy",
        "firing_jaccard",
        "stream_correlation",
        "stream_correlation_held_out",
    }
)
"""Columns whose histogram has evenly spaced edges; all others are spread over decades and get log-spaced ones."""


@dataclass(frozen=True)
class ColumnHistogram:
    """How a numeric column is spread over all concepts. ``edges [n + 1]``, ``counts [n]``."""

    column: str
    log: bool
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    n_null: int
    n_zero: int
    """Values at or below 0, which have no place on a logarithmic axis."""
    min: float | None
    max: float | None


@dataclass(frozen=True)
class Factor:
    """A column of words as places in its sorted list of distinct values: ``codes [K]``; None comes last."""

    vocabulary: tuple[Any, ...]
    codes: np.ndarray[Any, np.dtype[np.int64]]

    def where(self, test: Callable[[Any], bool]) -> Mask:
        """Where the value passes; each distinct value is tested once."""
        passed = np.array([bool(test(value)) for value in self.vocabulary], dtype=np.bool_)
        return np.asarray(passed[self.codes])


class ConceptTable:
    """The scalar columns of all concepts, ready to be asked. ``columns`` are those of ``Atlas.columns``: ``[K]``."""

    def __init__(self, columns: Mapping[str, Array]) -> None:
        self.n = len(columns["concept"])
        self.numbers = {name: _as_numbers(columns[COLUMNS[name]]) for name in NUMERIC}
        """Numeric columns by public name, float64, NaN where absent."""
        self._factors = {name: make_factor(columns[COLUMNS[name]]) for name in KINDS if name not in NUMERIC}

    def with_labels(self, labels: Mapping[int, str]) -> Self:
        """The same concepts, some of them under other labels; those of concepts that are not here do not count."""
        factor = self._factors["label"]
        texts = np.array(factor.vocabulary, dtype=object)[factor.codes]
        here = {concept: label for concept, label in labels.items() if concept < self.n}
        texts[list(here)] = list(here.values())
        table = copy(self)
        table._factors = self._factors | {"label": make_factor(texts)}
        return table

    def mask(self, query: Query) -> Mask:
        """Which concepts meet all conditions, ``[K]``."""
        kept = np.ones(self.n, dtype=np.bool_)
        for condition in query.conditions:
            kept &= self._meets(condition)
        for word in query.q.lower().split():
            kept &= self._mentions(word)
        return kept

    def select(self, query: Query) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Indices of the concepts that meet the query, in its order; equal ones by index. ``[n]``"""
        chosen = np.flatnonzero(self.mask(query))
        keys: list[Array] = [chosen]
        for key in reversed(query.sort):
            keys += self._order(key, chosen)
        return np.asarray(chosen[np.lexsort(keys)], dtype=np.int64)

    def facet(self, column: str, query: Query) -> dict[str, int]:
        """Number of concepts per value of a text or list column, under the query's other conditions; most first."""
        factor = self._factors[column]
        kept = factor.codes[self.mask(query.without(column))]
        counts: dict[str, int] = {}
        for value, n in zip(factor.vocabulary, np.bincount(kept, minlength=len(factor.vocabulary)), strict=True):
            for name in value if isinstance(value, tuple) else (value,):
                if name is not None and n:
                    counts[name] = counts.get(name, 0) + int(n)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def histogram(self, column: str, query: Query | None = None, *, n_bins: int = 24) -> ColumnHistogram:
        """Histogram of a numeric column over the concepts that meet the query (all when none is given)."""
        values = self.numbers[column] if query is None else self.numbers[column][self.mask(query)]
        present = values[~np.isnan(values)]
        log = column not in LINEAR
        shown = present[present > 0] if log else present
        edges = _edges(shown, n_bins=n_bins, log=log)
        counts = np.histogram(shown, edges)[0] if len(shown) else np.zeros(0, dtype=np.int64)
        return ColumnHistogram(
            column,
            log,
            tuple(edges.tolist()),
            tuple(counts.tolist()),
            n_null=len(values) - len(present),
            n_zero=len(present) - len(shown),
            min=float(present.min()) if len(present) else None,
            max=float(present.max()) if len(present) else None,
        )

    def _meets(self, condition: Condition) -> Mask:
        if condition.op is Op.NOT:
            return ~self._meets(Condition(condition.column, Op.EQ, condition.text))
        if condition.column in self.numbers:
            return _compare(self.numbers[condition.column], condition)
        factor = self._factors[condition.column]
        if condition.op is Op.ISNULL:
            return factor.where(lambda value: (not value) == condition.wants_null)
        if condition.op is Op.CONTAINS:
            part = condition.text.lower()
            return factor.where(lambda value: value is not None and part in value.lower())
        wanted = set(condition.values)
        return factor.where(lambda value: not wanted.isdisjoint(value if isinstance(value, tuple) else (value,)))

    def _mentions(self, word: str) -> Mask:
        found = self._factors["label"].where(lambda value: value is not None and word in value.lower())
        found |= self._factors["class"].where(lambda value: value is not None and word in value.lower())
        number = word.removeprefix("#")
        if number.isdecimal():
            found |= self.numbers["id"] == float(number)
        return found

    def _order(self, key: SortKey, chosen: Array) -> list[Array]:
        """Keys for ``lexsort``, weakest first: the values, then whether they are absent."""
        if key.column in self.numbers:
            values = self.numbers[key.column][chosen]
            absent = np.isnan(values)
        else:
            factor = self._factors[key.column]
            values = factor.codes[chosen].astype(np.float64)
            absent = factor.where(lambda value: value is None)[chosen]
        filled = np.where(absent, 0, values)
        return [-filled if key.descending else filled, absent]


def _as_numbers(values: Array) -> np.ndarray[Any, np.dtype[np.float64]]:
    if values.dtype.kind == "O":
        values = np.array([np.nan if value is None else value for value in values])
    return values.astype(np.float64)


def make_factor(values: Array) -> Factor:
    """The factor of a column ``[K]``: lists become tuples of names (an absent one is empty), texts stay."""
    plain = [tuple(map(str, v)) if isinstance(v, (list, tuple, np.ndarray)) else v for v in values.tolist()]
    known = sorted({value for value in plain if value is not None})
    place: dict[Any, int] = {value: index for index, value in enumerate(known)}
    codes = np.array([len(known) if value is None else place[value] for value in plain], dtype=np.int64)
    return Factor((*known, None), codes)


def _compare(values: Array, condition: Condition) -> Mask:
    if condition.op is Op.ISNULL:
        return np.asarray(np.isnan(values) == condition.wants_null)
    if condition.op is Op.IN:
        return np.asarray(np.isin(values, condition.numbers), dtype=np.bool_)
    compare = {Op.EQ: np.equal, Op.GT: np.greater, Op.GTE: np.greater_equal, Op.LT: np.less, Op.LTE: np.less_equal}
    return np.asarray(compare[condition.op](values, condition.numbers[0]), dtype=np.bool_)


def _edges(values: Array, *, n_bins: int, log: bool) -> Array:
    """Edges that cover all values; a single value gets one bin of its own."""
    if not len(values):
        return np.zeros(0)
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low, np.nextafter(high, np.inf)])
    edges = np.geomspace(low, high, n_bins + 1) if log else np.linspace(low, high, n_bins + 1)
    edges[0], edges[-1] = low, high  # geomspace may round the ends past the values
    return np.asarray(edges)
