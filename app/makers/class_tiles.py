"""Evidence of concepts on the photos of one class: where on them its code is largest."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Float32

from app import urls
from app.makers.places import crop_around, in_pixels, seen_box
from app.pictures import data_uri
from app.site import Opened
from app.views.base import Links
from app.views.classes import ClassTile
from store.atlas.maps import make_maps
from store.atlas.reader import Row

N_TILES: Final = 3
Codes = tuple[Any, Any]
Maps = Float32[np.ndarray, "n h w"]


def make_tiles(
    opened: Opened, images: Sequence[Row], concepts: Sequence[int], *, codes: Mapping[str, Codes]
) -> Mapping[int, tuple[ClassTile, ...]]:
    """For each concept the photos on which its largest code is largest, ties by the photos' order; silent ones never.

    ``codes`` are those that the atlas keeps of a patch, its strongest, by image.
    """
    known = [row for row in images if row["id"] in codes]
    if not known:
        return {}
    maps = make_maps([codes[row["id"]] for row in known], concepts, n_concepts=opened.atlas.n_concepts)
    return {concept: _tiles(opened, known, concept, maps=maps[slot]) for slot, concept in enumerate(concepts)}


def _tiles(opened: Opened, images: Sequence[Row], concept: int, *, maps: Maps) -> tuple[ClassTile, ...]:
    peaks = maps.max(axis=(1, 2))
    order = np.argsort(-peaks, kind="stable")[:N_TILES].tolist()
    return tuple(_tile(opened, images[place], concept, codes=maps[place]) for place in order if peaks[place] > 0)


def _tile(opened: Opened, row: Row, concept: int, *, codes: Any) -> ClassTile:
    atlas, slug = opened.atlas, opened.entry.slug
    width, height = row["thumbnail_width"], row["thumbnail_height"]
    grid, seen = atlas.streams[0].grid, seen_box(atlas, row)
    at = divmod(int(codes.argmax()), grid.cols)
    value, largest = float(codes.max()), float(atlas.columns["max"][concept])
    patch = in_pixels(grid.patch_box(*at, seen=seen), width=width, height=height)
    seen_px = in_pixels(seen, width=width, height=height)
    of = f" of class {row['class']}" if row["class"] else ""
    return ClassTile(
        image=row["id"],
        class_name=row["class"],
        row=at[0],
        col=at[1],
        value=value,
        rel=min(value / largest, 1.0) if largest > 0 else 0.0,
        width=width,
        height=height,
        seen=seen_px,
        peak=patch,
        crop=crop_around(patch, seen_px, width=width, height=height),
        heat_uri=data_uri(np.rint(codes / value * 255).astype(np.uint8)),
        alt=f"Concept {concept} on photo {row['source']}{of}: peak at row {at[0] + 1} column {at[1] + 1}",
        links=Links(
            html=urls.image(row["id"], slug, concept=concept, patch=at),
            api=urls.api_image(row["id"], query={"dictionary": slug, "concept": str(concept)}),
        ),
        thumbnail=urls.thumb(atlas.digest, row["id"]),
    )
