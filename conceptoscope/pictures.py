"""Pictures, and heat drawn over them as the pages draw it."""

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from conceptoscope.arrays import Floats
from conceptoscope.errors import Unexpected
from conceptoscope.optional import need
from conceptoscope.views import PixelBox

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[np.uint8]
STOPS: Final = ("440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725")
"""Viridis, dark to bright."""
GAMMA: Final = 0.6
"""Heat to the power of this, so that weak heat can be told from none."""
OPACITY: Final = 0.65


def open_picture(content: bytes) -> "Image.Image":
    """A picture file as a Pillow image; raises ``MissingPackage`` and ``Unexpected``."""
    pillow = need("PIL.Image", purpose="Pictures")
    try:
        picture: Image.Image = pillow.open(io.BytesIO(content))
        picture.load()
    except OSError as fault:
        raise Unexpected(f"This is no picture that Pillow reads: {fault}") from fault
    return picture


def from_pixels(pixels: Pixels) -> "Image.Image":
    """Pixels ``[H W 3]`` as a Pillow image."""
    picture: Image.Image = need("PIL.Image", purpose="Pictures").fromarray(pixels)
    return picture


def encode_picture(photo: Any) -> bytes:
    """A Pillow image, or pixels ``[H W 3]``, as a PNG file."""
    picture = from_pixels(photo) if isinstance(photo, np.ndarray) else photo
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def overlaid(pixels: Pixels, heat: Floats, *, seen: PixelBox, opacity: float = OPACITY) -> Pixels:
    """A photo ``[H W 3]`` with a map ``[h w]`` in [0, 1] over what the model saw of it.

    ``out = (1 - a) photo + a colour(h^GAMMA)``, ``a = opacity min(1, 1.2 h^GAMMA)``, where ``h`` is the map between the
    centres of its patches (bilinear), and 0 outside of what was seen.
    """
    height, width = pixels.shape[:2]
    rows = _between(height, seen.y, seen.height, heat.shape[0])
    cols = _between(width, seen.x, seen.width, heat.shape[1])
    shade = np.asarray(np.clip(rows @ heat @ cols.T, 0, 1) ** GAMMA, dtype=np.float32)
    alpha = (opacity * np.minimum(1, 1.2 * shade))[..., None]
    return np.asarray(np.rint((1 - alpha) * pixels + alpha * colours(shade)), dtype=np.uint8)


def colours(shade: Floats) -> Floats:
    """Colours ``[... 3]`` in [0, 255] of shades in [0, 1], linear between the stops."""
    stops = np.array([[int(stop[i : i + 2], 16) for i in (0, 2, 4)] for stop in STOPS], dtype=np.float32)
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(shade, places, stops[:, i]) for i in range(3)], axis=-1).astype(np.float32)


def _between(n_pixels: int, start: float, length: float, n_patches: int) -> Floats:
    """Weights ``[pixels patches]`` of bilinear interpolation along one side; zero rows outside of the box."""
    centres = (np.arange(n_pixels, dtype=np.float64) + 0.5 - start) / length * n_patches - 0.5
    places = np.clip(centres, 0, n_patches - 1)
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(n_patches)))
    inside = (centres > -0.5) & (centres < n_patches - 0.5)
    return np.asarray(weights * inside[:, None], dtype=np.float32)


def cropped(picture: "Image.Image", box: PixelBox) -> "Image.Image":
    """The part of a picture within a box."""
    left, top = round(box.x), round(box.y)
    return picture.crop((left, top, left + max(1, round(box.width)), top + max(1, round(box.height))))
