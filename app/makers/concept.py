"""The concept page's view and its parts, each of which the API returns by itself, too."""

from collections.abc import Sequence

from app import urls
from app.makers.annotations import make_notes
from app.makers.asking import SPRITE_BANDS
from app.makers.class_pairs import make_outputs
from app.makers.concept_asking import ConceptAsked
from app.makers.concept_bands import make_contexts, make_fragments, make_histograms, make_tabs, make_turns
from app.makers.concept_classes import make_class_orders, make_classes
from app.makers.concept_effects import make_effects
from app.makers.concept_map import make_mini_map
from app.makers.concept_sizes import find_sizes
from app.makers.concept_streams import find_concept_streams
from app.makers.concepts import concept_name, make_card, make_chip
from app.makers.elsewhere import make_elsewhere
from app.makers.examples import N_EVERY, N_TILES, in_turn, make_row
from app.makers.facts import provenance
from app.makers.grid_links import sort_words
from app.pictures import as_rows
from app.site import Opened, Site
from app.views.concept import (
    BadgeView,
    ConceptView,
    ExampleRow,
    Neighbor,
    NeighborList,
    PositionView,
    Step,
)
from app.words import BADGES, EVIDENCE, NEIGHBORS, column_number, numbers
from store.atlas.reader import Row
from store.errors import NotFound
from store.vocabulary import Badge, Band, Neighbors

N_NEIGHBORS = 8


def make_concept(site: Site, opened: Opened, concept: int, *, asked: ConceptAsked, author: str = "") -> ConceptView:
    """One concept with all its evidence; ``asked`` is the order that it was found in, ``author`` who looks."""
    slug, row = opened.entry.slug, opened.atlas.concept(concept)
    order = opened.concepts.select(asked.order.query).tolist()
    place = order.index(concept) if concept in order else None
    examples = opened.atlas.examples_of(concept, tuple(Band), limit=N_EVERY)
    shown = examples[asked.band]
    outputs = opened.atlas.concept_outputs(concept)
    neighbors = make_neighbors(opened, concept, kinds=tuple(Neighbors))
    return ConceptView(
        dictionary=slug,
        card=make_card(opened, concept),
        numbers=tuple(column_number(name, row[name]) for name in numbers(universal=opened.atlas.is_universal)),
        badges=make_badges(opened, concept),
        bands=make_tabs(opened, concept, asked, examples=examples),
        band_fragments=make_fragments(opened, concept, asked),
        turns=make_turns(opened, concept, asked),
        contexts=make_contexts(opened, concept, asked),
        examples=_tiles(opened, concept, asked.band, in_turn(shown) if asked.is_balanced else shown),
        near_miss=_tiles(opened, concept, Band.NEAR_MISS, examples[Band.NEAR_MISS]),
        random=_tiles(opened, concept, Band.RANDOM, examples[Band.RANDOM]),
        histograms=make_histograms(opened, concept),
        position=_find_position(opened, concept),
        classes=make_classes(opened, concept, by=asked.by),
        class_orders=make_class_orders(opened, concept, asked),
        sizes=find_sizes(opened, concept, examples),
        effects=make_effects(opened, concept, outputs, strongest=next(iter(examples[Band.TOP]), None)),
        outputs=make_outputs(opened, outputs),
        neighbors=neighbors,
        map=make_mini_map(opened, concept, neighbors),
        beside_url=urls.beside(slug, {"c": str(concept)}),
        streams=find_concept_streams(site, opened, concept, band=asked.band),
        elsewhere=make_elsewhere(site, opened.entry, concept),
        notes=make_notes(site, opened, concept, author=author, query=asked.pairs),
        provenance=provenance(opened),
        grid_url=urls.concepts(slug, _back(asked)),
        order=_order_words(place, len(order), asked),
        prev=_step(opened, order, None if place is None else place - 1, asked),
        next=_step(opened, order, 0 if place is None else place + 1, asked),
    )


def _tiles(opened: Opened, concept: int, band: Band, rows: Sequence[Row]) -> ExampleRow:
    return make_row(opened, concept, band=band, rows=rows[:N_TILES])


def _back(asked: ConceptAsked) -> tuple[tuple[str, str], ...]:
    """The grid's own parameters, without a band that it has no pictures of."""
    return tuple(pair for pair in asked.order.pairs if pair[0] != "band" or asked.band in SPRITE_BANDS)


def make_badges(opened: Opened, concept: int) -> tuple[BadgeView, ...]:
    """Warnings with their evidence."""
    return tuple(_badge(opened, row) for row in opened.atlas.badges(concept))


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


def make_neighbors(
    opened: Opened, concept: int, *, kinds: tuple[Neighbors, ...], limit: int = N_NEIGHBORS
) -> tuple[NeighborList, ...]:
    """Neighbours by kind, nearest first."""
    rows = opened.atlas.neighbors(concept, limit=limit)
    return tuple(_neighbor_list(opened, kind, [row for row in rows if row["kind"] == kind]) for kind in kinds)


def _neighbor_list(opened: Opened, kind: Neighbors, rows: list[Row]) -> NeighborList:
    found = (
        Neighbor(
            rank=row["rank"],
            value=row["value"],
            concept=make_chip(opened, row["other"]),
            beside_url=urls.beside(opened.entry.slug, {"c": f"{row['concept']},{row['other']}"}),
        )
        for row in rows
    )
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
        evidence_url=_evidence_url(slug, row),
        evidence=EVIDENCE[Badge(row["badge"])].label,
        url=urls.concepts(slug, {"badge": row["badge"]}),
    )


def _evidence_url(slug: str, row: Row) -> str:
    """The part of the page that shows what a warning rests on, or both concepts side by side."""
    if row["other"] is not None:
        return urls.beside(slug, {"c": f"{row['concept']},{row['other']}"})
    return f"#{EVIDENCE[Badge(row['badge'])].definition}"


def _order_words(place: int | None, total: int, asked: ConceptAsked) -> str:
    if place is None:
        return f"not among the {total:,} that the filter keeps, {sort_words(asked.order.query)}"
    return f"{place + 1:,} of {total:,}, {sort_words(asked.order.query)}"


def _step(opened: Opened, order: Sequence[int], place: int | None, asked: ConceptAsked) -> Step | None:
    if place is None or not 0 <= place < len(order):
        return None
    concept = order[place]
    url = urls.concept(opened.entry.slug, concept, query=asked.pairs)
    return Step(id=concept, name=concept_name(opened, concept), url=url)
