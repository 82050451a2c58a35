"""What narrows the grid: every numeric column with its distribution, every column of words with its values."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from app import urls
from app.makers.asking import Asked
from app.makers.called import Called
from app.makers.grid_links import label_of
from app.render import n3
from app.site import Opened
from app.views.base import Choice
from app.views.grid import RangeFilter, ValueFilter, ValuesView
from app.views.service import Facets, RangeFacet
from app.words import BADGES, LABEL_SOURCES, column_number, numbers
from store.atlas.bins import Binned
from store.atlas.grammar import Condition, Op, join_values
from store.atlas.query import Mask
from store.errors import NotFound
from store.vocabulary import Badge

LEADING = ("density", "importance", "max", "purity", "position_entropy", "spatial_size")
STREAM_LEADING = ("firing_entropy", "stream_correlation_held_out")
WORDS = ("class", "cluster", "badge", "label_source", "list")
FIRST_VALUES = 12
MOST_FOUND, MOST_VALUES = 60, 2000
BIN, HEIGHT = 10, 40


class Counter:
    """Counts under all other filters: each column's own conditions are left out of its counts."""

    def __init__(self, opened: Opened, asked: Asked) -> None:
        self.opened, self.asked = opened, asked

    @cached_property
    def _masks(self) -> dict[str, Mask]:
        return self.opened.concepts.without_each(self.asked.query)

    def kept(self, column: str) -> Mask:
        """Which concepts all filters on other columns keep, ``[K]``."""
        return self._masks.get(column, self._masks[""])

    def counts(self, column: str) -> dict[str, int]:
        """Concepts per value of a column of words, most first."""
        return self.opened.concepts.value_counts(column, self.kept(column))


def range_columns(opened: Opened) -> tuple[str, ...]:
    """All numeric columns in the order of the page; those about streams only of a universal dictionary."""
    universal = opened.atlas.is_universal
    leading = (*STREAM_LEADING, *LEADING) if universal else LEADING
    return (*leading, *(name for name in numbers(universal=universal) if name not in leading))


def word_columns(opened: Opened) -> tuple[str, ...]:
    """The columns of words that are offered; lists only where there are any."""
    streams = ("main_stream",) if opened.atlas.is_universal else ()
    return tuple(name for name in (*streams, *WORDS) if name != "list" or opened.lists)


def make_ranges(counter: Counter) -> tuple[RangeFilter, ...]:
    """All numeric columns."""
    return tuple(make_range(counter, name) for name in range_columns(counter.opened))


def make_facets(counter: Counter) -> Facets:
    """All counts, as the API gives them."""
    return Facets(
        total=int(counter.kept("").sum()),
        classes=counter.counts("class"),
        clusters=counter.counts("cluster"),
        badges=counter.counts("badge"),
        label_sources=counter.counts("label_source"),
        lists=counter.counts("list"),
        main_streams=counter.counts("main_stream"),
        ranges={name: _range_facet(counter, name) for name in range_columns(counter.opened)},
    )


def _range_facet(counter: Counter, name: str) -> RangeFacet:
    binned = counter.opened.concepts.binned(name)
    return RangeFacet(edges=binned.edges, counts=binned.counts(counter.kept(name)), totals=binned.totals)


def make_range(counter: Counter, name: str) -> RangeFilter:
    """One of them."""
    binned = counter.opened.concepts.binned(name)
    counts = binned.counts(counter.kept(name))
    number = column_number(name)
    low, high = (_bound(counter.asked, name, op) for op in (Op.GTE, Op.LTE))
    is_set = any(one.column == name for one in counter.asked.query.conditions)
    return RangeFilter(
        key=name,
        label=number.label,
        unit=number.unit or number.range,
        definition=number.definition,
        log=binned.log,
        min=binned.min,
        max=binned.max,
        edges=binned.edges,
        totals=binned.totals,
        counts=counts,
        n_outside=binned.n_absent + binned.n_zero,
        low_name=f"{name}__gte",
        high_name=f"{name}__lte",
        low=low,
        high=high,
        is_set=is_set,
        is_open=is_set or name in LEADING or name in STREAM_LEADING,
        outline=silhouette(binned.totals, most=max(binned.totals, default=0)),
        filled=silhouette(counts, most=max(binned.totals, default=0)),
        says=_says(number.label, binned, counts),
    )


def silhouette(counts: Sequence[int], *, most: int) -> str:
    """The path of a histogram in a box of 10 n by 40 units; a bin that holds anything is at least two units high."""
    heights = [max(round(HEIGHT * count / most), 2) if count else 0 for count in counts]
    path, last = f"M0 {HEIGHT}", 0
    for height in heights:
        path += (f"v{last - height}" if height != last else "") + f"h{BIN}"
        last = height
    return f"{path}V{HEIGHT}z" if counts else ""


def make_values(counter: Counter, column: str, called: Called) -> ValueFilter:
    """A column of words: what is chosen, and the most frequent values."""
    asked, slug = counter.asked, counter.opened.entry.slug
    counts, chosen = counter.counts(column), chosen_values(asked, column)
    names = _names(counter, column, counts)
    first = names if len(names) <= FIRST_VALUES else names[:FIRST_VALUES]
    shown = [*first, *(name for name in chosen if name not in first)]
    find = urls.concept_values_fragment(slug, column, (*asked.pairs, *asked.selected))
    return ValueFilter(
        key=column,
        label=label_of(column),
        name=f"{column}__in",
        values=tuple(make_value(counter, column, name, n=counts.get(name, 0), called=called) for name in shown),
        n_values=len(names),
        n_chosen=len(chosen),
        find_url=find if len(names) > len(first) else "",
        all_url=urls.concept_values(slug, column, (*asked.pairs, *asked.selected)),
        map_url=urls.map_page(slug, asked.query.pairs) if column == "cluster" else "",
        is_open=bool(chosen) or column in ("class", "badge", "main_stream"),
    )


def make_all_values(
    counter: Counter, column: str, called: Called, *, find: str, most: int, with_chosen: bool = False
) -> ValuesView:
    """All values that a text occurs in, below those that are chosen where these are asked for.

    Raises ``NotFound`` for a column that has none.
    """
    opened, asked = counter.opened, counter.asked
    if column not in word_columns(opened):
        raise NotFound("column of words", column, remedy=f"There are: {', '.join(word_columns(opened))}.")
    counts, sought = counter.counts(column), find.lower()
    known = _names(counter, column, counts)
    names = [name for name in known if sought in called.value(column, name).lower()]
    first = [name for name in chosen_values(asked, column) if with_chosen and name not in names]
    shown = [*first, *names[:most]]
    slug, here = opened.entry.slug, (*asked.pairs, *asked.selected)
    return ValuesView(
        key=column,
        label=label_of(column),
        name=f"{column}__in",
        find=find,
        values=tuple(make_value(counter, column, name, n=counts.get(name, 0), called=called) for name in shown),
        n_values=len(names),
        n_left_out=max(len(names) - most, 0),
        form_url=urls.concept_values(slug, column),
        kept=here,
        grid_url=urls.concepts(slug, here),
    )


def make_value(counter: Counter, column: str, name: str, *, n: int, called: Called) -> Choice:
    """A value with the address that adds it to those chosen, or takes it away."""
    asked = counter.asked
    chosen = chosen_values(asked, column)
    mine = tuple(c for c in asked.query.conditions if c.column == column and c.op in (Op.EQ, Op.IN))
    left = [one for one in chosen if one != name] if name in chosen else [*chosen, name]
    more = (Condition(column, Op.IN, join_values(left)),) if left else ()
    to = asked.but(less=mine, more=more)
    label, title = _value_words(column, name, called)
    return Choice(
        key=join_values((name,)),
        label=label,
        url=urls.concepts(counter.opened.entry.slug, (*to.pairs, *to.selected)),
        current=name in chosen,
        n=n,
        title=title,
    )


def chosen_values(asked: Asked, column: str) -> tuple[str, ...]:
    """The values that are asked for, however that is written."""
    mine = [c for c in asked.query.conditions if c.column == column and c.op in (Op.EQ, Op.IN)]
    return tuple(dict.fromkeys(value for one in mine for value in one.values))


def _names(counter: Counter, column: str, counts: Mapping[str, int]) -> list[str]:
    """All values of the dictionary: those that are counted first, most frequent first, then the others."""
    if column == "badge":
        return [badge.value for badge in Badge]
    if column == "label_source":
        return list(LABEL_SOURCES)
    if column == "list":
        return [*counts, *(one.uid for one in counter.opened.lists if one.uid not in counts)]
    known = counter.opened.concepts.vocabulary(column)
    return [*counts, *(name for name in known if name not in counts)]


def _value_words(column: str, name: str, called: Called) -> tuple[str, str]:
    if column == "badge" and name in set(Badge):
        return BADGES[Badge(name)].label, BADGES[Badge(name)].definition
    if column == "label_source" and name in LABEL_SOURCES:
        return LABEL_SOURCES[name].label, LABEL_SOURCES[name].definition
    return called.value(column, name), called.evidence(column, name)


def _bound(asked: Asked, name: str, op: Op) -> str:
    return next((c.text for c in asked.query.conditions if c.column == name and c.op is op), "")


def _says(label: str, binned: Binned, counts: tuple[int, ...]) -> str:
    total, kept = sum(binned.totals), sum(counts)
    if not total:
        return f"{label}: no concept has a value."
    most = max(range(len(counts)), key=lambda place: counts[place])
    ends = f"{n3(binned.edges[most])} and {n3(binned.edges[most + 1])}"
    return f"{label}: {kept:,} of {total:,} concepts; most of them lie between {ends}."
