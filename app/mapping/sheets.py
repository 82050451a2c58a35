"""Sheets of crops: what each concept answers to most, 8 x 8 of them in one picture."""

import io
from collections.abc import Mapping
from typing import Final

from PIL import Image

VERSION: Final = 1
SIDE_PX, ALONE_PX = 64, 96
PER_ROW: Final = 8
_OF_SPRITE: Final = 3
_GREY: Final = (128, 128, 128)


def make_sheet(sprites: Mapping[int, bytes]) -> bytes:
    """The first crop of each sprite at its slot (64 px), as WebP of 512 px; slots without one are grey."""
    sheet = Image.new("RGB", (PER_ROW * SIDE_PX, PER_ROW * SIDE_PX), _GREY)
    for slot, sprite in sprites.items():
        sheet.paste(_first_crop(sprite, SIDE_PX), (slot % PER_ROW * SIDE_PX, slot // PER_ROW * SIDE_PX))
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=72, method=3)
    return buffer.getvalue()


def _first_crop(sprite: bytes, side_px: int) -> Image.Image:
    with Image.open(io.BytesIO(sprite), formats=("WEBP",)) as picture:
        side = picture.width // _OF_SPRITE
        return picture.convert("RGB").resize((side_px, side_px), Image.Resampling.LANCZOS, box=(0, 0, side, side))


def make_crop_heat(heat: bytes) -> bytes:
    """The heat of the first crop of a sprite alone, as grey PNG of its own size."""
    with Image.open(io.BytesIO(heat), formats=("PNG",)) as picture:
        side = picture.width // _OF_SPRITE
        buffer = io.BytesIO()
        picture.crop((0, 0, side, side)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def make_crop(sprite: bytes) -> bytes:
    """The first crop of a sprite alone, as WebP of 96 px: its own size."""
    buffer = io.BytesIO()
    _first_crop(sprite, ALONE_PX).save(buffer, "WEBP", quality=72, method=3)
    return buffer.getvalue()
