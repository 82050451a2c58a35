"""What the colours of a map mean; the legend is the filter of the column that colours."""

import math
from dataclasses import replace
from itertools import pairwise

from app import urls
from app.makers.asking import Asked
from app.makers.called import cluster_name
from app.makers.facets import HEIGHT, Counter, chosen_values, make_range
from app.makers.grid_links import label_of
from app.makers.map_asking import AskedMap
from app.mapping.atlas import Chart
from app.mapping.channels import Channel
from app.mapping.colours import N_HUES
from app.site import Opened
from app.views.base import Choice
from app.views.grid import RangeFilter
from app.views.map import Legend, LegendBar, LegendValue
from app.words import BADGES, column_number, numbers
from store.atlas.grammar import COLUMNS, Condition, Op, join_values
from store.vocabulary import Badge

N_STEPS = 8
MOST_VALUES = 12


def make_legend(opened: Opened, chart: Chart, asked: AskedMap) -> Legend:
    """The legend of the column that colours."""
    if asked.colour in numbers(universal=opened.atlas.is_universal):
        return _of_numbers(opened, chart, asked)
    return _of_words(opened, chart, asked)


def column_choices(asked: AskedMap, slug: str, *, names: tuple[str, ...], of: str) -> tuple[Choice, ...]:
    """Columns to choose from, each with the address of the map that has it."""
    current = asked.colour if of == "colour" else asked.size
    return tuple(
        Choice(
            key=name,
            label=label_of(name) if name else "equal",
            url=urls.map_page(
                slug, (replace(asked, colour=name) if of == "colour" else replace(asked, size=name)).pairs
            ),
            current=name == current,
        )
        for name in names
    )


def _of_numbers(opened: Opened, chart: Chart, asked: AskedMap) -> Legend:
    channel, number = chart.channel(asked.colour), column_number(asked.colour)
    found = make_range(Counter(opened, Asked(asked.query)), asked.colour)
    return Legend(
        column=asked.colour,
        label=number.label,
        definition=number.definition,
        kind="number",
        log=channel.log,
        low=channel.low,
        high=channel.high,
        range=found,
        bars=_bars(channel, found),
    )


def _bars(channel: Channel, found: RangeFilter) -> tuple[LegendBar, ...]:
    """The histogram in the colours of the map, in a box of 10 n by 40 units."""
    most = max(found.totals, default=0)
    heights = [max(round(HEIGHT * count / most), 1) if count else 0 for count in found.counts]
    steps = [_step(channel, low, high) for low, high in pairwise(found.edges)]
    return tuple(LegendBar(step=step, height=height) for step, height in zip(steps, heights, strict=True))


def _step(channel: Channel, low: float, high: float) -> int:
    """The colour in the middle of a bar, 0 to 7."""
    if channel.low is None or channel.high is None or channel.low == channel.high:
        return 0
    scaled = math.log if channel.log else float
    low, high = (max(end, channel.low) if channel.log else end for end in (low, high))
    middle = (scaled(low) + scaled(high)) / 2
    place = (middle - scaled(channel.low)) / (scaled(channel.high) - scaled(channel.low))
    return min(max(int(N_STEPS * place), 0), N_STEPS - 1)


def _of_words(opened: Opened, chart: Chart, asked: AskedMap) -> Legend:
    values = _clusters(opened, chart) if asked.colour == "cluster" else _words(opened, chart, asked)
    chosen = chosen_values(Asked(asked.query), asked.colour)
    shown = [one for at, one in enumerate(values) if at < MOST_VALUES or one.key in chosen]
    rows = [
        one.model_copy(update={"url": _toggled(opened, asked, one.key), "current": one.key in chosen}) for one in shown
    ]
    return Legend(
        column=asked.colour,
        label=label_of(asked.colour),
        definition=column_number(COLUMNS[asked.colour]).definition,
        kind="words",
        values=tuple(rows),
        n_more=len(values) - len(shown),
    )


def _toggled(opened: Opened, asked: AskedMap, value: str) -> str:
    """The map with a value added to those chosen, or taken from them."""
    form = Asked(asked.query)
    chosen = chosen_values(form, asked.colour)
    mine = tuple(c for c in asked.query.conditions if c.column == asked.colour and c.op in (Op.EQ, Op.IN))
    left = [one for one in chosen if one != value] if value in chosen else [*chosen, value]
    more = (Condition(asked.colour, Op.IN, join_values(left)),) if left else ()
    return urls.map_page(opened.entry.slug, asked.with_query(form.but(less=mine, more=more).query).pairs)


def _clusters(opened: Opened, chart: Chart) -> list[LegendValue]:
    named = chart.named(opened.overlay.texts, stamp=opened.overlay.stamp)
    hues = dict(zip(chart.lay.clusters.tolist(), chart.lay.hues, strict=True))
    order = sorted(named.values(), key=lambda one: (-one.n, one.cluster))
    return [
        LegendValue(
            key=str(one.cluster),
            label=cluster_name(one),
            url="",
            n=one.n,
            title=one.evidence,
            hue=hues[one.cluster],
        )
        for one in order
    ]


def _words(opened: Opened, chart: Chart, asked: AskedMap) -> list[LegendValue]:
    counts = opened.concepts.facet(asked.colour, asked.query)
    values = []
    for at, name in enumerate(chart.channel(asked.colour).values):
        word = BADGES[Badge(name)] if asked.colour == "badge" else None
        values.append(
            LegendValue(
                key=name,
                label=word.label if word else name,
                url="",
                n=counts.get(name, 0),
                title=word.definition if word else "",
                hue=at if at < N_HUES else None,
            )
        )
    return values
