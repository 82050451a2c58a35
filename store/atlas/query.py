"""Answers queries over all concepts from columns in memory: filter, order, facets, histograms."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from store.atlas.bins import Binned, bin_column
from store.atlas.grammar import COLUMNS, KINDS, NO_SOURCE, NUMERIC, WRITTEN, Condition, Op, Query, SortKey
from store.atlas.schema import PLACES
from store.vocabulary import Layout, Source

Array = np.ndarray[Any, Any]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
LINEAR = frozenset(
    {
        "id",
        "purity",
        "position_entropy",
        "spatial_size",
        *(name for names in PLACES.values() for name in names),
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
        own = [name for name in KINDS if name not in NUMERIC and name not in WRITTEN]
        self._factors = {name: make_factor(columns[COLUMNS[name]]) for name in own}
        seeded = self._factors["label"].where(lambda value: value is not None)
        self._factors["label_source"] = make_factor(np.where(seeded, Source.SEED.value, NO_SOURCE))
        self._factors["cluster"] = make_factor(_as_words(self.numbers["cluster"]))
        self._factors["list"] = Factor(((), None), np.zeros(self.n, dtype=np.int64))
        self._binned: dict[str, Binned] = {}

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """The layouts of the map for which any concept has a place; atlases of schema 3 and before have the first."""
        first, *others = Layout
        return (first, *(one for one in others if not np.isnan(self.numbers[PLACES[one][0]]).all()))

    def places(self, layout: Layout) -> tuple[Array, Array]:
        """Where concepts lie: across and down, 0 to 65535, NaN for those without a place. ``[K]`` each."""
        x, y = PLACES[layout]
        return self.numbers[x], self.numbers[y]

    def with_labels(self, labels: Mapping[int, str], sources: Mapping[int, str] | None = None) -> Self:
        """The same concepts, some of them under other labels; those of concepts that are not here do not count.

        ``sources`` says where those labels come from; from people where it is silent.
        """
        given = sources or {}
        origins = {concept: given.get(concept, Source.HUMAN.value) for concept in labels}
        changed = {"label": self._written("label", labels), "label_source": self._written("label_source", origins)}
        return self._with(changed)

    def with_lists(self, lists: Mapping[int, tuple[str, ...]]) -> Self:
        """The same concepts, some of them on lists: their ids."""
        return self._with({"list": self._written("list", lists)})

    def _with(self, changed: Mapping[str, Factor]) -> Self:
        table = copy(self)
        table._factors = self._factors | dict(changed)
        return table

    def words(self, name: str) -> Factor:
        """A column of words: its distinct values, and the place of each concept's among them."""
        return self._factors[name]

    def _written(self, column: str, values: Mapping[int, Any]) -> Factor:
        factor = self._factors[column]
        texts = np.empty(self.n, dtype=object)
        known = factor.vocabulary
        texts[:] = [known[code] for code in factor.codes.tolist()]
        for concept, value in values.items():
            if concept < self.n:
                texts[concept] = value
        return make_factor(texts)

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
        return self.value_counts(column, self.mask(query.without(column)))

    def value_counts(self, column: str, kept_mask: Mask) -> dict[str, int]:
        """Number of concepts per value of a text or list column among some of them; most first."""
        factor = self._factors[column]
        per_value = np.bincount(factor.codes[kept_mask], minlength=len(factor.vocabulary)).tolist()
        counts: dict[str, int] = {}
        for value, n in zip(factor.vocabulary, per_value, strict=True):
            if not n:
                continue
            for name in value if isinstance(value, tuple) else (value,):
                if name is not None:
                    counts[name] = counts.get(name, 0) + n
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def vocabulary(self, column: str) -> tuple[str, ...]:
        """All values of a text column, sorted."""
        return tuple(value for value in self._factors[column].vocabulary if value is not None)

    def without_each(self, query: Query) -> dict[str, Mask]:
        """For each column with conditions, which concepts meet all the others; "" stands for all conditions. ``[K]``"""
        met: dict[str, Mask] = {}
        for condition in query.conditions:
            found = self._meets(condition)
            met[condition.column] = met[condition.column] & found if condition.column in met else found
        words = self.mask(Query(q=query.q))
        masks = {}
        for column in ("", *met):
            kept = words.copy()
            for other, mask in met.items():
                if other != column:
                    kept &= mask
            masks[column] = kept
        return masks

    def binned(self, column: str) -> Binned:
        """The bins of a numeric column over the whole dictionary, and each concept's; made once."""
        if column not in self._binned:
            self._binned[column] = bin_column(self.numbers[column], log=column not in LINEAR)
        return self._binned[column]

    def histogram(self, column: str, query: Query | None = None) -> ColumnHistogram:
        """A numeric column over the concepts that meet a query, in the bins of the whole dictionary."""
        binned, kept = self.binned(column), self.mask(query or Query())
        values = self.numbers[column][kept]
        present = values[~np.isnan(values)]
        return ColumnHistogram(
            column,
            binned.log,
            binned.edges,
            binned.counts(kept),
            n_null=len(values) - len(present),
            n_zero=int((present <= 0).sum()) if binned.log else 0,
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


def _as_words(values: Array) -> Array:
    """Whole numbers as they are written, None where absent: a column of numbers that are names."""
    return np.array([None if np.isnan(value) else str(int(value)) for value in values.tolist()], dtype=object)


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
