"""Bins whose ranges are queries: counts under random filters against a literal recount."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from store.atlas.bins import bin_column
from store.atlas.grammar import parse_query
from tests.store.atlas.test_query_properties import CONDITIONS, ROWS, Row, in_whole, passes, table_of

VALUES = st.lists(
    st.one_of(st.none(), st.floats(0, 1e6, allow_subnormal=False), st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0])),
    max_size=60,
)


@given(values=VALUES, log=st.booleans(), ends=st.tuples(st.integers(0, 23), st.integers(0, 23)))
def test_a_range_of_bins_is_a_query(values: list[float | None], log: bool, ends: tuple[int, int]) -> None:
    column = np.array([np.nan if value is None else value for value in values], dtype=float)
    binned = bin_column(column, log=log)
    assert list(binned.edges) == sorted(binned.edges)
    n = len(binned.totals)
    assert sum(binned.totals) + binned.n_absent + binned.n_zero == len(values)
    if not n:
        return
    first, last = min(*ends, n - 1), min(max(ends), n - 1)
    low, high = binned.edges[first], binned.edges[last + 1]
    literal = sum(value is not None and low <= value <= high and (value > 0 or not log) for value in values)
    assert sum(binned.totals[first : last + 1]) == literal


@given(rows=ROWS, conditions=st.lists(CONDITIONS, max_size=4))
def test_counts_under_all_other_filters(rows: list[Row], conditions: list[tuple[str, str, str]]) -> None:
    table = table_of(rows)
    query = parse_query([(name + op, text) for name, op, text in conditions])
    masks = table.without_each(query)
    for column, source in (("density", "density"), ("max", "max")):
        binned = table.binned(column)
        others = [one for one in in_whole(conditions) if one[0] != column]
        kept = [row for index, row in enumerate(rows) if all(passes(row, index, one) for one in others)]
        counts = binned.counts(masks.get(column, masks[""]))
        for place, count in enumerate(counts):
            assert count == sum(_is_in(row[source], binned.edges, place, log=binned.log) for row in kept)
    for column, source in (("class", "top_class"), ("badge", "badges")):
        others = [one for one in in_whole(conditions) if one[0] != column]
        kept = [row for index, row in enumerate(rows) if all(passes(row, index, one) for one in others)]
        found = table.value_counts(column, masks.get(column, masks[""]))
        for name in ("disc", "square", "dots", "dead", "dense"):
            assert found.get(name, 0) == sum(name in _names(row[source]) for row in kept)


def _is_in(value: float | None, edges: tuple[float, ...], place: int, *, log: bool) -> bool:
    if value is None or (log and value <= 0):
        return False
    is_last = place == len(edges) - 2
    return edges[place] <= value and (value < edges[place + 1] or (is_last and value <= edges[-1]))


def _names(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (value,)
