"""The concept page's view and its parts, each of which the API returns by itself, too."""

from collections.abc import Sequence
from itertools import pairwise

from app import charts, urls
from app.makers.annotations import make_notes
from app.makers.asking import SPRITE_BANDS, Asked
from app.makers.class_pairs import make_outputs
from app.makers.concept_streams import find_concept_streams
from app.makers.concepts import concept_name, make_card, make_chip
from app.makers.elsewhere import make_elsewhere
from app.makers.examples import make_rows
from app.makers.facts import provenance
from app.makers.grid import sort_words
from app.pictures import as_rows
from app.site import Opened, Site
from app.views.base import Choice
from app.views.concept import (
    BadgeView,
    ClassRow,
    ConceptView,
    HistogramView,
    Neighbor,
    NeighborList,
    PositionView,
    Step,
)
from app.words import BADGES, BANDS, NEIGHBORS, column_number, numbers
from store.atlas.reader import Row
from store.errors import NotFound
from store.vocabulary import Badge, Band, Neighbors

N_NEIGHBORS = 8
OF = {"patch": "Codes of patches", "image_max": "Peaks of images"}
TABS = (Band.TOP, Band.Q99, Band.Q95, Band.Q75, Band.Q50)


def make_concept(site: Site, opened: Opened, concept: int, *, asked: Asked, author: str = "") -> ConceptView:
    """One concept with all its evidence; ``asked`` is the order that it was found in, ``author`` who looks."""
    row = opened.atlas.concept(concept)
    order = opened.concepts.select(asked.query).tolist()
    place = order.index(concept) if concept in order else None
    grid_band = asked.band if asked.band in SPRITE_BANDS else Band.TOP
    back = tuple(pair for pair in asked.pairs if pair[0] != "band" or grid_band is not Band.TOP)
    tiles = make_rows(opened, concept, bands=(asked.band, Band.NEAR_MISS, Band.RANDOM))
    return ConceptView(
        dictionary=opened.entry.slug,
        card=make_card(opened, concept),
        numbers=tuple(column_number(name, row[name]) for name in numbers(universal=opened.atlas.is_universal)),
        badges=make_badges(opened, concept),
        bands=_tabs(opened, concept, asked),
        band_fragments={b.value: urls.examples_fragment(opened.entry.slug, concept, band=b) for b in Band},
        examples=tiles[asked.band],
        near_miss=tiles[Band.NEAR_MISS],
        random=tiles[Band.RANDOM],
        histograms=tuple(make_histogram(opened, concept, of=of) for of in OF),
        position=_find_position(opened, concept),
        classes=make_classes(opened, concept),
        outputs=make_outputs(opened, concept),
        neighbors=make_neighbors(opened, concept, kinds=tuple(Neighbors)),
        streams=find_concept_streams(site, opened, concept, band=asked.band),
        elsewhere=make_elsewhere(site, opened.entry, concept),
        notes=make_notes(site, opened, concept, author=author, query=asked.pairs),
        provenance=provenance(opened),
        grid_url=urls.concepts(opened.entry.slug, back),
        order=_order_words(place, len(order), asked),
        prev=_step(opened, order, None if place is None else place - 1, asked),
        next=_step(opened, order, 0 if place is None else place + 1, asked),
    )


def make_badges(opened: Opened, concept: int) -> tuple[BadgeView, ...]:
    """Warnings with their evidence."""
    return tuple(_badge(opened, row) for row in opened.atlas.badges(concept))


def make_histogram(opened: Opened, concept: int, *, of: str) -> HistogramView:
    """Histogram of the codes of patches, or of the peaks of images."""
    found = opened.atlas.histogram(concept, of) or {"edges": [], "counts": [], "n_zero": 0}
    fires = sum(found["counts"])
    total = fires + found["n_zero"]
    return HistogramView(
        of=of,
        label=OF[of],
        edges=tuple(found["edges"]),
        counts=tuple(found["counts"]),
        n_zero=found["n_zero"],
        zero_share=found["n_zero"] / total if total else None,
        plot=_plot(opened, concept, found, of=of) if fires else None,
    )


def make_position(opened: Opened, concept: int) -> PositionView:
    """Mean activation map."""
    values, scale = opened.atlas.position(concept)
    url = urls.position(opened.atlas.digest, concept)
    return PositionView(rows=values.shape[0], cols=values.shape[1], scale=scale, map=as_rows(values), url=url)


def _find_position(opened: Opened, concept: int) -> PositionView | None:
    try:
        return make_position(opened, concept)
    except NotFound:
        return None


def make_classes(opened: Opened, concept: int) -> tuple[ClassRow, ...]:
    """The concept's answer to each class, largest share first."""
    slug = opened.entry.slug
    return tuple(
        ClassRow(
            class_name=row["class"],
            url=urls.concepts(slug, {"class": row["class"]}),
            **{name: row[name] for name in ClassRow.model_fields if name not in {"class_name", "url"}},
        )
        for row in opened.atlas.class_table(concept)
    )


def make_neighbors(
    opened: Opened, concept: int, *, kinds: tuple[Neighbors, ...], limit: int = N_NEIGHBORS
) -> tuple[NeighborList, ...]:
    """Neighbours by kind, nearest first."""
    rows = opened.atlas.neighbors(concept, limit=limit)
    return tuple(_neighbor_list(opened, kind, [row for row in rows if row["kind"] == kind]) for kind in kinds)


def _neighbor_list(opened: Opened, kind: Neighbors, rows: list[Row]) -> NeighborList:
    found = (Neighbor(rank=row["rank"], value=row["value"], concept=make_chip(opened, row["other"])) for row in rows)
    word = NEIGHBORS[kind]
    return NeighborList(kind=kind.value, label=word.label, definition=word.definition, neighbors=tuple(found))


def _badge(opened: Opened, row: Row) -> BadgeView:
    other, slug = row["other"], opened.entry.slug
    return BadgeView(
        badge=row["badge"],
        definition=BADGES[Badge(row["badge"])].definition,
        value=row["value"],
        threshold=row["threshold"],
        reason=row["reason"],
        other=other,
        other_name=None if other is None else concept_name(opened, other),
        other_url=None if other is None else urls.concept(slug, other),
        url=urls.concepts(slug, {"badge": row["badge"]}),
    )


def _plot(opened: Opened, concept: int, found: Row, *, of: str) -> charts.BarChart:
    what = "patches" if of == "patch" else "images"
    return charts.histogram(
        found["edges"],
        found["counts"],
        title=OF[of],
        x_label="code" if of == "patch" else "peak code of an image",
        what=what,
        log_y=True,
        spans=_spans(opened.atlas.concept(concept), low=found["edges"][0], high=found["edges"][-1]),
    )


def _spans(row: Row, *, low: float, high: float) -> Sequence[tuple[str, str, float, float]]:
    """The bands as intervals of the code: between quantiles of the image peaks."""
    quantiles = [row[name] for name in ("q50", "q75", "q95", "q99")]
    if any(value is None for value in quantiles):
        return ()
    edges = [low, *quantiles, high]
    bands = (Band.Q50, Band.Q75, Band.Q95, Band.Q99, Band.TOP)
    return [(b.value, BANDS[b].label, a, z) for b, (a, z) in zip(bands, pairwise(edges), strict=True) if z > a]


def _tabs(opened: Opened, concept: int, asked: Asked) -> tuple[Choice, ...]:
    sizes = opened.atlas.band_sizes(concept)
    carried = tuple(pair for pair in asked.pairs if pair[0] != "band")
    return tuple(
        Choice(
            key=band.value,
            label=BANDS[band].label,
            url=urls.concept(
                opened.entry.slug, concept, query=(*carried, ("band", "" if band is Band.TOP else band.value))
            ),
            current=asked.band is band,
            n=sizes.get(band.value, 0),
            title=BANDS[band].definition,
        )
        for band in Band
        if band in TABS or band is asked.band
    )


def _order_words(place: int | None, total: int, asked: Asked) -> str:
    if place is None:
        return f"not among the {total:,} that the filter keeps, {sort_words(asked.query)}"
    return f"{place + 1:,} of {total:,}, {sort_words(asked.query)}"


def _step(opened: Opened, order: Sequence[int], place: int | None, asked: Asked) -> Step | None:
    if place is None or not 0 <= place < len(order):
        return None
    concept = order[place]
    url = urls.concept(opened.entry.slug, concept, query=asked.pairs)
    return Step(id=concept, name=concept_name(opened, concept), url=url)
