"""A concept of a universal dictionary in each of its models, on the same photos."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app import urls
from app.makers.places import in_pixels, seen_box
from app.makers.streams import stream_cards
from app.pictures import data_uri
from app.site import Opened, Site
from app.views.base import Links
from app.views.streams import ConceptStreams, StreamCard, StreamConcept, StreamPair, StreamPhoto, StreamTile
from app.words import BANDS, column_docs
from store.atlas.reader import Row
from store.atlas.universal import COFIRE, STREAM_CONCEPT
from store.errors import NotFound
from store.vocabulary import Band

N_PHOTOS = 6
_PAIR = ("co_fire", "co_fire_chance", "jaccard", "correlation", "image_correlation", "image_correlation_held_out")
_IN_STREAM = (
    "firing_share",
    "density",
    "n_images",
    "energy",
    "length",
    "max",
    "mean_active",
    "co_fire",
    "co_fire_chance",
)


def find_concept_streams(site: Site, opened: Opened, concept: int, *, band: Band) -> ConceptStreams | None:
    """The same for a page: nothing for a dictionary of one model."""
    return make_concept_streams(site, opened, concept, band=band) if opened.atlas.is_universal else None


def make_concept_streams(
    site: Site, opened: Opened, concept: int, *, band: Band, limit: int = N_PHOTOS
) -> ConceptStreams:
    """Numbers by stream and pair of streams, and the photos of a band. Raises ``NotFound`` for one stream."""
    atlas, slug = opened.atlas, opened.entry.slug
    if not atlas.is_universal:
        raise NotFound("stream", slug, remedy="The dictionary reads one model alone; ask for a universal one.")
    cards = {card.stream: card for card in stream_cards(site, opened)}
    titles = {number: card.model_title for number, card in cards.items()}
    grid, rows = atlas.streams[0].grid, atlas.stream_concepts(concept)
    largest = max((row["max"] for row in rows), default=0.0)
    found = atlas.examples_by_stream(concept, (band,), limit=limit)[band]
    return ConceptStreams(
        dictionary=slug,
        concept=concept,
        band=band.value,
        label=BANDS[band].label,
        definition=BANDS[band].definition,
        rows=grid.rows,
        cols=grid.cols,
        streams=tuple(_in_stream(cards[row["stream"]], row) for row in rows),
        pairs=tuple(_pair(row, titles=titles) for row in atlas.cofire(concept)),
        photos=tuple(_photo(opened, concept, together, seen, largest=largest) for together, seen in _by_photo(found)),
        defined=column_docs(COFIRE),
        defined_in_stream=column_docs(STREAM_CONCEPT),
        links=Links(
            html=urls.concept(slug, concept, query={"band": "" if band is Band.TOP else band.value}),
            api=urls.api_concept(slug, concept, part="streams", query={"band": band.value}),
        ),
    )


def _in_stream(card: StreamCard, row: Row) -> StreamConcept:
    return StreamConcept(stream=card, **{name: row[name] for name in _IN_STREAM})


def _pair(row: Row, *, titles: Mapping[int, str]) -> StreamPair:
    source, target = row["source"], row["target"]
    names = (titles[source], titles[target])
    return StreamPair(source=source, target=target, names=names, **{name: row[name] for name in _PAIR})


def _by_photo(found: Mapping[int, Sequence[Row]]) -> list[tuple[Row, list[Row]]]:
    """For each photo its row of all streams together and those of the streams; the reader gives all in one order."""
    streams = [rows for stream, rows in sorted(found.items()) if stream]
    return [(row, [rows[place] for rows in streams]) for place, row in enumerate(found.get(0, ()))]


def _photo(
    opened: Opened,
    concept: int,
    together: Row,
    seen_by: Sequence[Row],
    *,
    largest: float,
) -> StreamPhoto:
    width, height = together["thumbnail_width"], together["thumbnail_height"]
    seen = seen_box(opened.atlas, together)
    maps = [opened.atlas.as_map(row["heat"], stream=row["stream"]) for row in seen_by]
    codes = np.stack([grey * (row["heat_scale"] / 255) for grey, row in zip(maps, seen_by, strict=True)])
    box = in_pixels(seen, width=width, height=height)
    if together["row"] is not None:
        patch = opened.atlas.streams[0].grid.patch_box(together["row"], together["col"], seen=seen)
        box = in_pixels(patch, width=width, height=height)
    difference, overlap = spread(codes)
    known = f", class {together['class']}" if together["class"] else ""
    return StreamPhoto(
        image=together["id"],
        class_name=together["class"],
        split=together["split"],
        width=width,
        height=height,
        thumbnail=urls.thumb(opened.atlas.digest, together["id"]),
        overlap=overlap,
        tiles=tuple(_tile(opened, row, grey, largest=largest) for row, grey in zip(seen_by, maps, strict=True)),
        alt=f"Photo {together['id'][:6]}{known}",
        seen=in_pixels(seen, width=width, height=height),
        at=(box.x + box.width / 2, box.y + box.height / 2),
        difference=data_uri(difference),
        url=urls.image(together["id"], opened.entry.slug, concept=concept),
    )


def _tile(opened: Opened, row: Row, grey: Any, *, largest: float) -> StreamTile:
    peak = None
    if row["row"] is not None:
        patch = opened.atlas.streams[0].grid.patch_box(row["row"], row["col"], seen=seen_box(opened.atlas, row))
        peak = in_pixels(patch, width=row["thumbnail_width"], height=row["thumbnail_height"])
    return StreamTile(
        stream=row["stream"],
        value=row["value"],
        row=row["row"],
        col=row["col"],
        scale=row["heat_scale"],
        rel=min(row["heat_scale"] / largest, 1.0) if largest > 0 else 0.0,
        heat=data_uri(grey),
        peak=peak,
    )


def spread(codes: Any) -> tuple[Any, float | None]:
    """Of common codes ``[M h w]``: largest less least at each patch as grey, and ``sum min / sum max`` in [0, 1].

    255 stands for the largest code of all; the overlap is None where nothing fires.
    """
    most, least = codes.max(axis=0), codes.min(axis=0)
    top, whole = float(most.max()), float(most.sum())
    grey = np.rint((most - least) / (top or 1.0) * 255).astype(np.uint8)
    return grey, float(least.sum()) / whole if whole else None
