"""The grid as a table: columns that sort, and a small drawing of each concept's peaks."""

import math
from collections.abc import Sequence

from app.makers.asking import TABLE, WORDS_SHOWN, Asked
from app.makers.grid_links import Links, label_of
from app.render import n3
from app.site import Opened
from app.views.grid import Column, Spark, TableColumn
from app.words import column_number, numbers
from store.atlas.grammar import SORTABLE
from store.atlas.reader import Row

SPARK_HEIGHT, SPARK_BIN = 16, 4
_ORDERS = {True: "descending", False: "ascending"}


def make_columns(links: Links) -> tuple[TableColumn, ...]:
    """The columns that are shown, after the one with the concept itself."""
    return tuple(make_column(links, name) for name in ("label", *links.asked.shown))


def make_column(links: Links, name: str) -> TableColumn:
    """A column whose heading sorts: numbers largest first, words from A; the other way when it is followed again."""
    is_number = name not in (*WORDS_SHOWN, "label")
    first = links.asked.query.sort[0]
    order = _ORDERS[first.descending] if first.column == name else ""
    descending = order != "descending" if is_number else order == "ascending"
    number = column_number(name) if is_number else None
    return TableColumn(
        key=name,
        label="Concept" if name == "label" else label_of(name),
        unit=(number.unit or number.range) if number else "",
        definition=number.definition if number else "",
        is_number=is_number,
        sort_url=links.sort_url(f"-{name}" if descending else name) if name in SORTABLE else None,
        order=order,
    )


def make_choosable(opened: Opened, asked: Asked) -> tuple[Column, ...]:
    """All columns that cards or the table can show."""
    universal = opened.atlas.is_universal
    words = tuple(name for name in WORDS_SHOWN if universal or name != "main_stream") if asked.view == TABLE else ()
    names = (*numbers(universal=universal), *words)
    return tuple(Column(key=name, label=label_of(name), is_shown=name in asked.shown) for name in names)


def make_sparks(opened: Opened, concepts: Sequence[int]) -> dict[int, Spark]:
    """How the peaks of each concept's images are spread, of those that fire."""
    found = opened.atlas.histograms(concepts, "image_max")
    return {concept: make_spark(row) for concept, row in found.items() if sum(row["counts"])}


def make_spark(row: Row) -> Spark:
    """Bars of log(1 + count) over the concept's own range, from its weakest peak to its max."""
    counts, edges = row["counts"], row["edges"]
    top = math.log1p(max(counts))
    path = "".join(
        f"M{SPARK_BIN * place} {SPARK_HEIGHT}v-{max(round(SPARK_HEIGHT * math.log1p(count) / top), 1)}h3V{SPARK_HEIGHT}"
        for place, count in enumerate(counts)
        if count
    )
    says = f"Peaks of {sum(counts):,} images, from {n3(edges[0])} to {n3(edges[-1])}"
    return Spark(path=path, width=SPARK_BIN * len(counts), says=says)
