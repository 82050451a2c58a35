"""Photos of a class divided among the concepts that speak for it, patch by patch."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Float64

from app.makers.class_tiles import Codes
from app.makers.classes import make_photo
from app.makers.concepts import make_chip
from app.makers.places import in_pixels, seen_box
from app.site import Opened
from app.views.class_photos import ClassParcels, ParcelledPhoto, PhotoRegion
from store.atlas.maps import make_maps
from store.atlas.reader import Row
from store.grid import Box, Grid

N_COLOURS: Final = 8
N_PHOTOS: Final = 8


def find_parcels(
    opened: Opened, images: Sequence[Row], concepts: Sequence[int], *, codes: Mapping[str, Codes]
) -> ClassParcels | None:
    """On each patch the concept whose kept code is largest relative to its largest code in the collection."""
    known = [row for row in images[:N_PHOTOS] if row["id"] in codes]
    chosen = list(concepts[:N_COLOURS])
    if not known or not chosen:
        return None
    kept = [codes[row["id"]] for row in known]
    largest = np.maximum(opened.atlas.columns["max"][chosen], 1e-30)
    relative = make_maps(kept, chosen, n_concepts=opened.atlas.n_concepts) / largest[:, None, None, None]
    photos = tuple(_photo(opened, row, chosen, relative=relative[:, n]) for n, row in enumerate(known))
    n_patches = opened.atlas.streams[0].grid.n_patches
    counts = np.zeros(len(chosen))
    for region in (region for photo in photos for region in photo.regions):
        counts[region.place - 1] += region.n_patches
    return ClassParcels(
        concepts=tuple(make_chip(opened, k) for k in chosen),
        shares=tuple((counts / (n_patches * len(photos))).tolist()),
        photos=photos,
        n_patches=n_patches,
        n_top=kept[0][0].shape[-1],
    )


def dominant(relative: Float64[np.ndarray, "c h w"]) -> Any:
    """The place ``[h w]`` of the largest, of equal ones the first; -1 where all are 0."""
    return np.where(relative.max(axis=0) > 0, relative.argmax(axis=0), -1)


def _photo(opened: Opened, row: Row, chosen: Sequence[int], *, relative: Any) -> ParcelledPhoto:
    seen, grid = seen_box(opened.atlas, row), opened.atlas.streams[0].grid
    owner = dominant(relative)
    size = row["thumbnail_width"], row["thumbnail_height"]
    regions = tuple(
        _region(grid, seen, size, place=place, concept=concept, own=np.where(owner == place, relative[place], 0.0))
        for place, concept in enumerate(chosen)
        if (owner == place).any()
    )
    return ParcelledPhoto(
        photo=make_photo(opened, row),
        seen=in_pixels(seen, width=size[0], height=size[1]),
        regions=regions,
        n_none=int((owner < 0).sum()),
    )


def _region(grid: Grid, seen: Box, size: tuple[int, int], *, place: int, concept: int, own: Any) -> PhotoRegion:
    boxes = [
        in_pixels(grid.patch_box(int(row), int(col), seen=seen), width=size[0], height=size[1])
        for row, col in zip(*np.nonzero(own), strict=True)
    ]
    at = divmod(int(own.argmax()), grid.cols)
    peak = in_pixels(grid.patch_box(*at, seen=seen), width=size[0], height=size[1])
    return PhotoRegion(
        place=place + 1,
        concept=concept,
        n_patches=len(boxes),
        path="".join(f"M{box.x:g} {box.y:g}h{box.width:g}v{box.height:g}h-{box.width:g}z" for box in boxes),
        x=round(peak.x + peak.width / 2, 2),
        y=round(peak.y + peak.height / 2, 2),
    )
