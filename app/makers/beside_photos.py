"""Photos on which several concepts of one dictionary fire, each with the heat of every concept."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app import urls
from app.makers.places import in_pixels, seen_box
from app.makers.together import compared
from app.makers.together_photos import NOTHING, Heat, heat_of, strongest_heat
from app.pictures import data_uri
from app.site import Opened
from app.views.beside import BesidePhoto, BesideSight
from store.atlas.reader import Row

N_PHOTOS: Final = 6


def make_photos(opened: Opened, concepts: Sequence[int]) -> tuple[BesidePhoto, ...]:
    """The photos that most of them share; none for one concept alone."""
    maxima = opened.atlas.columns["max"]
    rows = choose_photos(opened.atlas.firings(concepts), {k: float(maxima[k]) for k in concepts}) if concepts else []
    heats = _heats(opened, concepts, [row["id"] for row in rows])
    return tuple(_photo(opened, concepts, row, heats) for row in rows)


def choose_photos(rows: Sequence[Row], maxima: Mapping[int, float], *, limit: int = N_PHOTOS) -> list[Row]:
    """A row for each of the photos on which two concepts or more fire, best first.

    Order: the number of concepts that fire, then the least of ``peak / max`` over these: where all of them are strong.
    """
    peaks: dict[int, dict[int, float]] = {}
    first: dict[int, Row] = {}
    for row in rows:
        first.setdefault(row["image"], row)
        peaks.setdefault(row["image"], {})[row["concept"]] = row["peak"] / (maxima[row["concept"]] or 1.0)
    shared = [image for image, strengths in peaks.items() if len(strengths) > 1]
    shared.sort(key=lambda image: (-len(peaks[image]), -min(peaks[image].values()), image))
    return [first[image] for image in shared[:limit]]


Heats = Mapping[tuple[int, str], Heat]


def _heats(opened: Opened, concepts: Sequence[int], photos: Sequence[str]) -> Heats:
    """Maps that the atlas kept; otherwise each concept as far as it is among the strongest of a place."""
    codes = opened.atlas.codes_on(photos)
    found = {(k, photo): strongest_heat(*codes[photo], concept=k) for photo in codes for k in concepts}
    kept = opened.atlas.maps_on([(k, photo) for photo in photos for k in concepts])
    return found | {key: heat_of(opened, row) for key, row in kept.items()}


def _photo(opened: Opened, concepts: Sequence[int], row: Row, heats: Heats) -> BesidePhoto:
    known = f", class {row['class']}" if row["class"] else ""
    return BesidePhoto(
        image=row["id"],
        class_name=row["class"],
        width=row["thumbnail_width"],
        height=row["thumbnail_height"],
        thumbnail=urls.thumb(opened.atlas.digest, row["id"]),
        alt=f"Photo {row['id'][:6]}{known}",
        sights=tuple(_sight(opened, k, row, heats=heats, first=concepts[0]) for k in concepts),
    )


def _sight(opened: Opened, concept: int, row: Row, *, heats: Heats, first: int) -> BesideSight:
    box, heat = seen_box(opened.atlas, row), heats.get((concept, row["id"]), NOTHING)
    is_known = heat.source != "none"
    beside: dict[str, Any] = compared(
        heats.get((first, row["id"]), NOTHING), heat, boxes=(box, box), is_first=concept == first
    )
    return BesideSight(
        slug=opened.entry.slug,
        concept=concept,
        source=heat.source,
        value=heat.peak if is_known else None,
        scale=heat.scale if is_known else None,
        n_top=heat.n_top,
        seen=in_pixels(box, width=row["thumbnail_width"], height=row["thumbnail_height"]),
        heat=data_uri(heat.values) if is_known else "",
        url=urls.image(row["id"], opened.entry.slug, concept=concept),
        **beside,
    )
