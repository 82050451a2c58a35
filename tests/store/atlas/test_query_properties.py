"""Random filters and orders against a literal twin that looks at one concept after the other."""

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from store.atlas.cursor import cut_page
from store.atlas.grammar import Query, parse_query
from store.atlas.query import ConceptTable
from store.atlas.schema import CONCEPT

Row = dict[str, Any]
NUMBERS = st.sampled_from([None, 0.0, 0.1, 0.25, 0.5, 1.0])
CLASSES = st.sampled_from([None, "disc", "square", "dots"])
BADGES = st.lists(st.sampled_from(["dead", "dense"]), unique=True, max_size=2)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"density": NUMBERS, "max": NUMBERS, "top_class": CLASSES, "label_seed": CLASSES, "badges": BADGES}
    ),
    min_size=1,
    max_size=30,
)
NUMERIC_OPS = ["", "__not", "__gt", "__gte", "__lt", "__lte", "__in", "__isnull"]
CONDITIONS = st.one_of(
    st.tuples(
        st.sampled_from(["density", "max"]), st.sampled_from(NUMERIC_OPS[:7]), st.sampled_from(["0", "0.25", "1"])
    ),
    st.tuples(st.sampled_from(["class", "label"]), st.sampled_from(["", "__not", "__contains"]), st.just("disc")),
    st.tuples(st.just("class"), st.just("__in"), st.sampled_from(["disc,dots", "square"])),
    st.tuples(st.just("badge"), st.sampled_from(["", "__not"]), st.sampled_from(["dead", "dense"])),
    st.tuples(st.sampled_from(["density", "class", "badge"]), st.just("__isnull"), st.sampled_from(["true", "false"])),
    st.tuples(st.just("q"), st.just(""), st.sampled_from(["d", "disc", "dots s", "#3"])),
)
SORTS = st.lists(
    st.tuples(st.sampled_from(["", "-"]), st.sampled_from(["density", "max", "class", "id"])),
    min_size=1,
    max_size=3,
    unique_by=lambda pair: pair[1],
).map(lambda keys: ",".join(sign + name for sign, name in keys))
SOURCES = {"class": "top_class", "label": "label_seed", "badge": "badges"}


def table_of(rows: list[Row]) -> ConceptTable:
    columns: dict[str, Any] = {column.name: np.full(len(rows), np.nan) for column in CONCEPT.columns}
    columns["concept"] = np.arange(len(rows))
    for name in rows[0]:
        values = np.empty(len(rows), dtype=object)
        values[:] = [row[name] for row in rows]
        columns[name] = values if name in ("top_class", "label_seed", "badges") else values.astype(float)
    return ConceptTable(columns)


def in_whole(conditions: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Lists of one column that come in parts as one list; of several ``q`` the last, which alone counts."""
    parts: dict[str, list[str]] = {}
    for name, op, text in conditions:
        if op == "__in":
            parts.setdefault(name, []).append(text)
    rest = [condition for condition in conditions if condition[1] != "__in" and condition[0] != "q"]
    rest += [condition for condition in conditions if condition[0] == "q"][-1:]
    return rest + [(name, "__in", ",".join(texts)) for name, texts in parts.items()]


def passes(row: Row, index: int, condition: tuple[str, str, str]) -> bool:  # noqa: PLR0911 one line per comparison
    name, op, text = condition
    if name == "q":
        return all(_mentions(row, index, word) for word in text.lower().split())
    value = row[SOURCES.get(name, name)]
    if op == "__isnull":
        return (value in (None, [])) == (text == "true")
    if op == "__not":
        return not passes(row, index, (name, "", text))
    if name == "badge":
        return text in value
    if value is None:
        return False
    if op == "__contains":
        return text in value
    if op == "__in":
        return str(value) in text.split(",") if isinstance(value, str) else value in [float(v) for v in text.split(",")]
    if isinstance(value, str):
        return bool(value == text)
    bound = float(text)
    return {
        "": value == bound,
        "__gt": value > bound,
        "__gte": value >= bound,
        "__lt": value < bound,
        "__lte": value <= bound,
    }[op]


def _mentions(row: Row, index: int, word: str) -> bool:
    texts = [row["label_seed"] or "", row["top_class"] or ""]
    return any(word in text for text in texts) or word.removeprefix("#") == str(index)


def sorted_twin(rows: list[Row], chosen: list[int], sort: str) -> list[int]:
    for key in reversed(sort.split(",")):
        name = key.removeprefix("-")
        values = {k: k if name == "id" else rows[k][SOURCES.get(name, name)] for k in chosen}
        present = sorted(
            (k for k in chosen if values[k] is not None), key=lambda k: values[k], reverse=key.startswith("-")
        )
        chosen = present + [k for k in chosen if values[k] is None]
    return chosen


@given(ROWS, st.lists(CONDITIONS, max_size=4), SORTS)
def test_selection_agrees_with_the_literal_twin(
    rows: list[Row], conditions: list[tuple[str, str, str]], sort: str
) -> None:
    query = parse_query([(name + op, text) for name, op, text in conditions] + [("sort", sort)])
    asked = in_whole(conditions)
    chosen = [k for k, row in enumerate(rows) if all(passes(row, k, condition) for condition in asked)]
    assert table_of(rows).select(query).tolist() == sorted_twin(rows, chosen, sort)


@given(ROWS, st.lists(CONDITIONS.filter(lambda c: c[0] != "q"), max_size=3))
def test_facets_agree_with_a_recount(rows: list[Row], conditions: list[tuple[str, str, str]]) -> None:
    query = parse_query([(name + op, text) for name, op, text in conditions])
    table = table_of(rows)
    for column, source in (("class", "top_class"), ("badge", "badges")):
        others = [c for c in in_whole(conditions) if c[0] != column]
        recount: dict[str, int] = {}
        for k, row in enumerate(rows):
            if all(passes(row, k, condition) for condition in others):
                for value in row[source] if column == "badge" else [row[source]]:
                    if value is not None:
                        recount[value] = recount.get(value, 0) + 1
        assert table.facet(column, query) == recount


@given(st.integers(0, 60), st.integers(1, 25))
def test_cursors_walk_the_whole_set_without_gap_or_repeat(n: int, limit: int) -> None:
    items, cursor, seen, pages = list(range(n)), "", [], 0
    while True:
        page = cut_page(items, cursor=cursor, limit=limit, binding="b")
        seen += page.items
        pages += 1
        if page.next is None:
            break
        cursor = page.next
    assert seen == items
    assert pages == max(math.ceil(n / limit), 1)
    for _ in range(pages - 1):
        assert page.prev is not None
        page = cut_page(items, cursor=page.prev, limit=limit, binding="b")
    assert page.prev is None
    assert page.items == tuple(items[:limit])


@given(ROWS, st.sampled_from(["density", "max", "purity"]))
def test_histograms_count_every_value_once(rows: list[Row], column: str) -> None:
    found = table_of(rows).histogram(column)
    assert sum(found.counts) + found.n_null + found.n_zero == len(rows)
    assert len(found.edges) in (0, len(found.counts) + 1)
    assert Query().pairs == ()


@given(ROWS, st.dictionaries(st.integers(0, 40), st.sampled_from(["disc", "a new name", "Zebra"])), SORTS)
def test_other_labels_are_as_if_the_atlas_had_them(rows: list[Row], labels: dict[int, str], sort: str) -> None:
    renamed = [row | {"label_seed": labels.get(index, row["label_seed"])} for index, row in enumerate(rows)]
    seeds, people, literal = table_of(rows), table_of(rows).with_labels(labels), table_of(renamed)
    for text in (
        "q=disc",
        "q=new",
        "label=disc",
        "label__contains=E",
        "label__isnull=true",
        f"sort={sort}",
        "sort=-label",
    ):
        query = parse_query([tuple(text.split("=", 1))])  # type: ignore[list-item]
        assert people.select(query).tolist() == literal.select(query).tolist()
        assert query.reads_labels or people.select(query).tolist() == seeds.select(query).tolist()
