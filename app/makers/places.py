"""Places on a photo in pixels of its thumbnail."""

from app.views.base import PixelBox
from store.atlas.reader import Atlas, Row
from store.grid import Box

CROP_SHARE = 0.6
"""Side of a crop around the peak, as a share of the shorter side of what the model saw; the sprites' own share."""


def seen_box(atlas: Atlas, row: Row) -> Box:
    """The part of a photo that the grid tiles, as fractions; ``row`` has the photo's width and height."""
    return atlas.seen(width=row["width"], height=row["height"])


def in_pixels(box: Box, *, width: int, height: int) -> PixelBox:
    """A box of fractions on a picture of that size."""
    return PixelBox(
        x=round(box.left * width, 2),
        y=round(box.top * height, 2),
        width=round(box.width * width, 2),
        height=round(box.height * height, 2),
    )


def crop_around(patch: PixelBox, seen: PixelBox, *, width: int, height: int) -> PixelBox:
    """A square around a patch, moved to lie inside the picture."""
    side = CROP_SHARE * min(seen.width, seen.height)
    left = min(max(patch.x + (patch.width - side) / 2, 0.0), max(width - side, 0.0))
    top = min(max(patch.y + (patch.height - side) / 2, 0.0), max(height - side, 0.0))
    return PixelBox(x=round(left, 2), y=round(top, 2), width=round(side, 2), height=round(side, 2))
