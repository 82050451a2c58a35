"""From a photo to a model's input: one resample of the part that the window sees. Torch is not needed for it."""

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from store.errors import InvalidInput
from store.grid import Window

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}


def resampling_of(interpolation: str) -> Image.Resampling:
    """Pillow's filter for a model's interpolation name; raises ``InvalidInput`` listing the known ones."""
    try:
        return _RESAMPLING[interpolation]
    except KeyError:
        known = ", ".join(sorted(_RESAMPLING))
        raise InvalidInput(f"No interpolation named '{interpolation}'. Known: {known}.") from None


def fit(image: Image.Image, window: Window, interpolation: str = "bicubic") -> UInt8[np.ndarray, "H W 3"]:
    """What ``window.seen`` names, resampled once to the window's size.

    The filter's support may reach beyond the seen part, as it does when a photo is resized first and cropped after.
    """
    seen = window.seen(image.width, image.height)
    box = (
        max(0.0, seen.left * image.width),
        max(0.0, seen.top * image.height),
        min(float(image.width), seen.right * image.width),
        min(float(image.height), seen.bottom * image.height),
    )
    size = (window.width_px, window.height_px)
    return np.asarray(image.resize(size, resampling_of(interpolation), box=box))
