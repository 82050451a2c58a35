"""Pictures of a concept at a glance: nine crops around its peaks, and their heat."""

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from store.collection import Collection
from store.grid import Box, Grid, Window, seen_by_all
from worker.indexing.bands import Example

SIDE = 3
HEAT_PX = 16
_CROP_SHARE = 0.6  # side of a crop, as a share of the shorter side of what the model saw
_QUALITY, _EFFORT = 72, 2  # a fifth of the time of WebP's best effort for a tenth more bytes
_THUMBNAILS_KEPT = 2048


class Sprites:
    """Makes sprites from a collection's thumbnails."""

    def __init__(self, collection: Collection, *, windows: Sequence[Window], grid: Grid, crop_px: int) -> None:
        self._collection, self._windows, self._grid, self._crop_px = collection, windows, grid, crop_px
        self._thumbnail = lru_cache(_THUMBNAILS_KEPT)(self._load)

    def make(self, examples: list[Example], *, largest: float) -> tuple[bytes, bytes]:
        """WebP of up to nine crops and grey PNG of their heat, where 255 stands for ``largest``."""
        crops = Image.new("RGB", (SIDE * self._crop_px, SIDE * self._crop_px), (128, 128, 128))
        heats = Image.new("L", (SIDE * HEAT_PX, SIDE * HEAT_PX), 0)
        for place, example in enumerate(examples[: SIDE * SIDE]):
            row, col = divmod(place, SIDE)
            crop, heat = self._crop(example, brightness=example.value / largest if largest else 0.0)
            crops.paste(crop, (col * self._crop_px, row * self._crop_px))
            heats.paste(heat, (col * HEAT_PX, row * HEAT_PX))
        return _encoded(crops, "WEBP", quality=_QUALITY, method=_EFFORT), _encoded(heats, "PNG", optimize=True)

    def _crop(self, example: Example, *, brightness: float) -> tuple[Image.Image, Image.Image]:
        photo = self._thumbnail(example.image)
        row = self._collection.images[example.image]
        seen = seen_by_all(self._windows, width=row.width, height=row.height)
        box = self._crop_box(example, photo, seen)
        size = (self._crop_px, self._crop_px)
        crop = photo.resize(size, Image.Resampling.BICUBIC, box=_pixels(box, photo.width, photo.height))
        return crop, _heat_crop(example.heat, box, seen, grid=self._grid, brightness=brightness)

    def _crop_box(self, example: Example, photo: Image.Image, seen: Box) -> Box:
        """A square (in pixels) around the peak patch, moved to lie inside the photo; around the middle when silent."""
        side = _CROP_SHARE * min(seen.width * photo.width, seen.height * photo.height)
        at = self._grid.n_patches // 2 + self._grid.cols // 2 if example.patch is None else example.patch
        patch = self._grid.patch_box(*divmod(at, self._grid.cols), seen=seen)
        width, height = side / photo.width, side / photo.height
        left = min(max((patch.left + patch.right - width) / 2, 0.0), 1 - width)
        top = min(max((patch.top + patch.bottom - height) / 2, 0.0), 1 - height)
        return Box(left, top, left + width, top + height)

    def _load(self, image: int) -> Image.Image:
        return Image.open(io.BytesIO(self._collection.thumbnail(image).webp)).convert("RGB")


def _heat_crop(heat: UInt8[np.ndarray, " p"], box: Box, seen: Box, *, grid: Grid, brightness: float) -> Image.Image:
    """The part of an activation map under a box of the photo, ``HEAT_PX`` square; zero outside the seen part."""
    scaled = np.rint(heat.reshape(grid.rows, grid.cols) * brightness).astype(np.uint8)
    x = (box.left + box.width * (np.arange(HEAT_PX) + 0.5) / HEAT_PX - seen.left) / seen.width * grid.cols - 0.5
    y = (box.top + box.height * (np.arange(HEAT_PX) + 0.5) / HEAT_PX - seen.top) / seen.height * grid.rows - 0.5
    return Image.fromarray(np.rint(_bilinear(scaled.astype(np.float64), y, x)).astype(np.uint8))


def _bilinear(
    values: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    y: np.ndarray[tuple[int], np.dtype[np.float64]],
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Bilinear samples of a grid at (y, x), clamped at its edges; ``[len(y) len(x)]``."""
    rows, cols = values.shape
    y, x = np.clip(y, 0, rows - 1), np.clip(x, 0, cols - 1)
    top, left = np.minimum(y.astype(int), max(rows - 2, 0)), np.minimum(x.astype(int), max(cols - 2, 0))
    below, right = np.minimum(top + 1, rows - 1), np.minimum(left + 1, cols - 1)
    v, u = (y - top)[:, None], (x - left)[None, :]
    upper = values[np.ix_(top, left)] * (1 - u) + values[np.ix_(top, right)] * u
    lower = values[np.ix_(below, left)] * (1 - u) + values[np.ix_(below, right)] * u
    blended: np.ndarray[tuple[int, int], np.dtype[np.float64]] = upper * (1 - v) + lower * v
    return blended


def _pixels(box: Box, width: int, height: int) -> tuple[float, float, float, float]:
    return (box.left * width, box.top * height, box.right * width, box.bottom * height)


def _encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()
