"""The map's view: clusters with their names, what is in view, what is selected."""

from dataclasses import replace
from typing import Any, Final

import numpy as np

from app import urls
from app.annotating import why_no_notes
from app.makers.called import Called
from app.makers.concepts import make_card, make_chip
from app.makers.grid_links import condition_words, sort_words
from app.makers.map_asking import MOST_CHOSEN, AskedMap, chosen_ids, colours_of
from app.makers.map_legend import column_choices, make_legend
from app.mapping import channels, picture, sheets
from app.mapping.atlas import NO_CLUSTER, Chart
from app.mapping.clusters import Named
from app.mapping.colours import MOST_CLUSTERS
from app.mapping.places import HEIGHT, WIDTH, Window, to_x, to_y
from app.params import Param
from app.render import plural
from app.site import Opened, Site
from app.views.base import Choice
from app.views.grid import Chip
from app.views.map import MapChoice, MapCluster, MapConcept, MapLinks, MapList, MapPoints, MapView
from app.words import LAYOUTS, numbers
from store.atlas.grammar import COLUMNS, Query
from store.atlas.schema import PLACES
from store.vocabulary import Layout, Neighbors

FIRST: Final = ("x", "y", "cluster", "crops", "importance")
"""Columns that the page loads at once; others when they are chosen."""
N_LISTED: Final = 24
N_SHOWN: Final = 60
N_NEAR: Final = 6
MOST_NAMED: Final = 250
WIDE: Final = 150.0
"""A cluster whose concepts lie further apart than this (median, picture px) has no place for a name."""
_NEAR: Final = 4.0
_NEAREST: Final = {Layout.ATOMS: Neighbors.DECODER, Layout.FIRING: Neighbors.COACTIVATION}
_NEAR_TITLES: Final = {Layout.ATOMS: "Nearest by direction", Layout.FIRING: "Fires most together with"}
_LETTER, _LINE = 7.2, 22.0
COLUMNS_PARAM: Final = Param("columns", "Comma list of channels.", default=",".join(FIRST))


def chart_of(site: Site, opened: Opened, layout: Layout = Layout.ATOMS) -> Chart:
    """The map of an open atlas."""
    return Chart(opened.atlas, opened.concepts, site.drawings, layout=layout)


def make_map(site: Site, opened: Opened, asked: AskedMap, *, with_points: bool = False) -> MapView:
    """The map with everything beside it."""
    chart = chart_of(site, opened, asked.layout)
    called = Called(opened, site.drawings)
    parts = _view(opened, asked) | _choices(opened, asked, called) | _addresses(opened, asked)
    return MapView.model_validate(
        parts
        | {
            "clusters": make_clusters(opened, chart, asked),
            "points": _points(opened, asked) if with_points else None,
            "legend": make_legend(opened, chart, asked),
            "in_view": make_list(opened, asked),
            "chosen": make_choice(site, opened, asked),
            "hues": "".join(str(hue) for hue in _hues_by_number(chart)),
        }
    )


def _view(opened: Opened, asked: AskedMap) -> dict[str, object]:
    """What is drawn, and which part of it is looked at."""
    query, table = asked.query, opened.concepts
    n_matching = int(table.mask(query).sum())
    return {
        "dictionary": opened.entry.slug,
        "dictionary_title": opened.entry.title,
        "n_concepts": opened.atlas.n_concepts,
        "n_placed": int(np.isfinite(table.places(asked.layout)[0]).sum()),
        "n_matching": n_matching,
        "summary": matching_words(opened, query, n_matching),
        "width": WIDTH,
        "height": HEIGHT,
        "x": asked.window.x,
        "y": asked.window.y,
        "zoom": asked.window.zoom,
        "view_box": " ".join(f"{value:.1f}" for value in asked.window.box),
        "layout": asked.layout.value,
        "axes": " ".join(PLACES[asked.layout]),
        "colour": asked.colour,
        "size": asked.size,
    }


def _choices(opened: Opened, asked: AskedMap, called: Called) -> dict[str, object]:
    """How it can be drawn otherwise, and what narrows it."""
    slug = opened.entry.slug
    sizes = ("", *numbers(universal=opened.atlas.is_universal))
    return {
        "layouts": _layouts(opened, asked),
        "colours": column_choices(asked, slug, names=colours_of(opened), of="colour"),
        "sizes": column_choices(asked, slug, names=sizes, of="size"),
        "chips": _chips(opened, asked, called),
        "q": asked.query.q,
        "kept": tuple(pair for pair in asked.pairs if pair[0] not in ("q", "colour", "size")),
    }


def _addresses(opened: Opened, asked: AskedMap) -> dict[str, object]:
    """Where its parts and its neighbours are."""
    slug, query = opened.entry.slug, asked.query
    return {
        "links": _links(opened, asked.layout),
        "clear_url": urls.map_page(slug, asked.with_query(replace(query, conditions=(), q="")).pairs),
        "grid_url": urls.concepts(slug, query.pairs),
        "form_url": urls.map_page(slug),
        "whole_url": urls.map_page(slug, replace(asked, window=Window()).pairs),
        "channel_url": _file(opened, asked.layout, "NAME.bin", version=channels.VERSION),
        "sheet_url": _file(opened, asked.layout, "crops/LEVEL/COL/ROW.webp", version=sheets.VERSION),
    }


def matching_words(opened: Opened, query: Query, n: int) -> str:
    """How many meet the filter: 23 of 384 concepts match."""
    total = plural(opened.atlas.n_concepts, "concept")
    return f"{n:,} of {total} match" if query.conditions or query.q else total


def make_clusters(opened: Opened, chart: Chart, asked: AskedMap) -> tuple[MapCluster, ...]:
    """The clusters with their names, the largest first; on the picture those for which there is room."""
    named = chart.named(opened.overlay.texts, stamp=opened.overlay.stamp)
    lay = chart.lay
    taken: list[tuple[float, float, float]] = []
    made = []
    for at in np.argsort(-lay.sizes, kind="stable")[: MOST_NAMED + 1]:
        if lay.clusters[at] == NO_CLUSTER:
            continue
        one, (x, y) = named[int(lay.clusters[at])], lay.centres[at]
        px, py = float(to_x(x)), float(to_y(y))
        is_wide = bool(lay.spreads[at] > WIDE)
        has_room = one.reason is not None and not is_wide and _take(taken, one, px, py)
        made.append(
            MapCluster(
                cluster=one.cluster,
                name=one.name,
                evidence=one.evidence,
                n=one.n,
                x=float(x),
                y=float(y),
                hue=lay.hues[at],
                picture_x=round(px, 1),
                picture_y=round(py, 1),
                is_wide=is_wide,
                on_picture=has_room,
                url=_nearer(opened, asked, float(x), float(y)),
            )
        )
    return tuple(made)


def _take(taken: list[tuple[float, float, float]], one: Named, x: float, y: float) -> bool:
    """Whether a name fits beside those that stand already; if so it stands, too."""
    half = len(one.name) * _LETTER / 2
    inside = half < x < WIDTH - half and _LINE < y < HEIGHT - _LINE
    free = all(abs(x - ox) > half + other or abs(y - oy) > _LINE for ox, oy, other in taken)
    if inside and free:
        taken.append((x, y, half))
    return inside and free


def _nearer(opened: Opened, asked: AskedMap, x: float, y: float) -> str:
    near = replace(asked, window=Window(x, y, zoom=max(_NEAR, asked.window.zoom)))
    return urls.map_page(opened.entry.slug, near.pairs)


def make_list(opened: Opened, asked: AskedMap) -> MapList:
    """The concepts in view that meet the filter, in the query's order; hits of a search wherever they lie."""
    table, query = opened.concepts, asked.query
    found = table.select(query)
    is_search = bool(query.q)
    if not is_search:
        found = found[asked.window.holds(*table.places(asked.layout))[found]]
    where = "found" if is_search else "in view"
    words = sort_words(query).removeprefix("sorted by ")
    total = len(found)
    return MapList(
        summary=f"{plural(total, 'concept')} {where}, by {words}" if total else f"No concept {where}",
        total=total,
        first=tuple(make_chip(opened, int(concept)) for concept in found[:N_LISTED]),
        grid_url=urls.concepts(opened.entry.slug, query.pairs),
    )


def make_choice(site: Site, opened: Opened, asked: AskedMap) -> MapChoice | None:
    """The selection with what can be done with it; None without one."""
    found, slug = chosen_ids(opened, asked), opened.entry.slug
    if found is None:
        return None
    ids, n = tuple(found[:MOST_CHOSEN]), len(found)
    bounds = asked.area.bounds if asked.area else None
    names = tuple(f"{axis}__{end}" for axis in PLACES[asked.layout] for end in ("gte", "lte"))
    ranges = tuple(zip(names, (f"{end:.0f}" for end in bounds or ()), strict=False))
    text = ",".join(map(str, ids))
    by_ids = (("id__in", text), ("select", text))
    goes_whole = n <= MOST_CHOSEN
    told = f"{plural(n, 'concept')} selected"
    if not goes_whole:
        rest = "; the grid takes all of them" if bounds else ""
        told += f": lists and addresses take the {MOST_CHOSEN} most important{rest}"
    return MapChoice(
        dictionary=slug,
        n=n,
        ids=ids,
        first=tuple(make_chip(opened, concept) for concept in ids[:N_SHOWN]),
        told=told,
        grid_url=urls.concepts(slug, by_ids if goes_whole or not ranges else (*asked.query.pairs, *ranges)),
        clear_url=urls.map_page(slug, replace(asked, select=(), area=None).pairs),
        form_url=urls.map_page(slug, part="map/list"),
        may_write=not why_no_notes(site),
    )


def make_concept(site: Site, opened: Opened, concept: int, *, layout: Layout = Layout.ATOMS) -> MapConcept:
    """A concept beside the map, with its nearest by what the layout shows."""
    card = make_card(opened, concept)
    named = chart_of(site, opened).named(opened.overlay.texts, stamp=opened.overlay.stamp)
    near = [row for row in opened.atlas.neighbors(concept, limit=N_NEAR) if row["kind"] == _NEAREST[layout]]
    return MapConcept(
        card=card,
        cluster=named[card.cluster].name if card.cluster in named else "",
        near_title=_NEAR_TITLES[layout],
        near=tuple(make_chip(opened, row["other"]) for row in near),
        neighbors_url=f"{card.links.html}#near",
    )


def _chips(opened: Opened, asked: AskedMap, called: Called) -> tuple[Chip, ...]:
    query = asked.query
    found = [
        (condition_words(one, called), replace(query, conditions=tuple(c for c in query.conditions if c != one)))
        for one in query.conditions
    ]
    if query.q:
        found.append((f"text “{query.q}”", replace(query, q="")))
    to_url = [(label, urls.map_page(opened.entry.slug, asked.with_query(to).pairs)) for label, to in found]
    return tuple(Chip(label=label, remove_url=url) for label, url in to_url)


def _layouts(opened: Opened, asked: AskedMap) -> tuple[Choice, ...]:
    """The layouts that the atlas has, each with the address of the same map in it."""
    chosen = chosen_ids(opened, asked) or []
    to = {one: asked.with_layout(one, chosen=chosen) for one in opened.concepts.layouts} | {asked.layout: asked}
    return tuple(
        Choice(
            key=one.value,
            label=LAYOUTS[one].label,
            url=urls.map_page(opened.entry.slug, to[one].pairs),
            current=one is asked.layout,
            title=LAYOUTS[one].definition,
        )
        for one in opened.concepts.layouts
    )


def _points(opened: Opened, asked: AskedMap) -> MapPoints:
    columns = opened.atlas.columns
    x, y = PLACES[asked.layout]
    return MapPoints(
        x=tuple(_plain(columns[x])),
        y=tuple(_plain(columns[y])),
        cluster=tuple(_plain(columns["cluster"])),
        value=tuple(_plain(columns[COLUMNS[asked.colour]])),
    )


def _plain(values: Any) -> list[Any]:
    """Numbers and words as JSON has them; of a list its first, absent ones None."""
    return [
        _first(value) if isinstance(value, (list, tuple, np.ndarray)) else _known(value) for value in values.tolist()
    ]


def _first(values: Any) -> Any:
    return values[0] if len(values) else None


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value


def _links(opened: Opened, layout: Layout) -> MapLinks:
    return MapLinks(
        points=_file(opened, layout, f"{','.join(FIRST)}.bin", version=channels.VERSION),
        light=_file(opened, layout, "light.png", version=picture.VERSION),
        dark=_file(opened, layout, "dark.png", version=picture.VERSION),
    )


def _file(opened: Opened, layout: Layout, name: str, *, version: int) -> str:
    return urls.map_file(opened.atlas.digest, name, version=version, layout=layout)


def _hues_by_number(chart: Chart) -> list[int]:
    """The hue of clusters 0, 1, 2, ... as far as one was chosen for them."""
    lay = chart.lay
    hues = dict(zip(lay.clusters.tolist(), lay.hues, strict=True))
    last = min(max(hues, default=-1), MOST_CLUSTERS - 1)
    return [hues.get(number, number % 10) for number in range(last + 1)]
