"""Small WebP pictures."""

import io

from PIL import Image

QUALITY = 80
_EFFORT = 4
_LONGEST = 4  # a panorama's long side is at most so many times the wished short side


def shrink(image: Image.Image, short_px: int) -> Image.Image:
    """The picture with a short side of ``short_px``, a long side of at most four times that, never enlarged."""
    scale = min(1.0, short_px / min(image.size), _LONGEST * short_px / max(image.size))
    size = tuple(max(1, round(side * scale)) for side in image.size)
    if size == image.size:
        return image
    return image.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=3.0)


def encode_webp(image: Image.Image) -> bytes:
    """The picture as lossy WebP without metadata; equal pictures give equal bytes."""
    target = io.BytesIO()
    image.save(target, "WEBP", quality=QUALITY, method=_EFFORT)
    return target.getvalue()
