"""Examples of a concept, band by band."""

from collections import Counter
from collections.abc import Sequence

from app import urls
from app.makers.places import crop_around, in_pixels, seen_box
from app.pictures import data_uri
from app.site import Opened
from app.views.concept import ExampleLinks, ExampleRow, ExampleTile
from app.words import BANDS
from store.atlas.reader import Row
from store.atlas.stream import Stream
from store.vocabulary import Band

N_TILES = 16
N_EVERY = 256
"""No band of an atlas has more examples."""


def make_examples(
    opened: Opened, concept: int, *, band: Band, limit: int = N_TILES, is_balanced: bool = False
) -> ExampleRow:
    """The tiles of one band: the strongest, or the classes in turn."""
    rows = opened.atlas.examples(concept, band, limit=N_EVERY if is_balanced else limit)
    return make_row(opened, concept, band=band, rows=in_turn(rows)[:limit] if is_balanced else rows)


def in_turn(rows: Sequence[Row]) -> list[Row]:
    """The first of each class, then the second of each, ...; within a turn they stay in their order.

    Sorted by (earlier examples of the same class, rank); those without class count as one class.
    """
    turns: Counter[str | None] = Counter()
    places = []
    for row in rows:
        places.append(turns[row["class"]])
        turns[row["class"]] += 1
    return [rows[k] for k in sorted(range(len(rows)), key=lambda k: (places[k], k))]


def make_rows(opened: Opened, concept: int, *, bands: Sequence[Band], limit: int = N_TILES) -> dict[Band, ExampleRow]:
    """The tiles of several bands."""
    found = opened.atlas.examples_of(concept, bands, limit=limit)
    return {band: make_row(opened, concept, band=band, rows=rows) for band, rows in found.items()}


def make_row(opened: Opened, concept: int, *, band: Band, rows: Sequence[Row]) -> ExampleRow:
    """The tiles of some examples of one band."""
    stream = opened.atlas.streams[0]
    largest = float(opened.atlas.columns["max"][concept])
    return ExampleRow(
        dictionary=opened.entry.slug,
        concept=concept,
        band=band.value,
        label=BANDS[band].label,
        definition=BANDS[band].definition,
        rows=stream.grid.rows,
        cols=stream.grid.cols,
        tiles=tuple(_tile(opened, stream, row, largest=largest) for row in rows),
    )


def _tile(opened: Opened, stream: Stream, row: Row, *, largest: float) -> ExampleTile:
    width, height = row["thumbnail_width"], row["thumbnail_height"]
    seen = seen_box(opened.atlas, row)
    fires = row["value"] > 0
    at = (row["row"], row["col"]) if fires else (stream.grid.rows // 2, stream.grid.cols // 2)
    patch = in_pixels(stream.grid.patch_box(*at, seen=seen), width=width, height=height)
    seen_px = in_pixels(seen, width=width, height=height)
    return ExampleTile(
        band=row["band"],
        rank=row["rank"],
        image=row["id"],
        class_name=row["class"],
        split=row["split"],
        row=at[0] if fires else None,
        col=at[1] if fires else None,
        value=row["value"],
        percentile=row["percentile"],
        likeness=row["likeness"],
        heat_scale=row["heat_scale"],
        rel=min(row["heat_scale"] / largest, 1.0) if largest > 0 else 0.0,
        width=width,
        height=height,
        seen=seen_px,
        peak=patch if fires else None,
        crop=crop_around(patch, seen_px, width=width, height=height),
        heat_uri=data_uri(opened.atlas.as_map(row["heat"])),
        alt=_alt(row, fires=fires),
        links=_links(opened, row, patch=at if fires else None),
    )


def _links(opened: Opened, row: Row, *, patch: tuple[int, int] | None) -> ExampleLinks:
    slug, concept = opened.entry.slug, row["concept"]
    return ExampleLinks(
        html=urls.image(row["id"], slug, concept=concept, patch=patch),
        image=urls.image(row["id"], slug, concept=concept),
        thumbnail=urls.thumb(opened.atlas.digest, row["id"]),
        heat=urls.api_concept(slug, concept, part=f"examples/{row['rank']}/heat.png", query={"band": row["band"]}),
    )


def _alt(row: Row, *, fires: bool) -> str:
    of = f"class {row['class']}, " if row["class"] else ""
    head = f"Example {row['rank'] + 1} of concept {row['concept']}: {of}"
    if not fires:
        return f"{head}the concept is silent"
    share = f"{100 * row['percentile']:.0f}th percentile"
    return f"{head}peak at row {row['row'] + 1} column {row['col'] + 1}, activation {row['value']:.3g}, {share}"
