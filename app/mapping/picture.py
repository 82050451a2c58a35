"""The map as a picture: what is seen before any script runs, and where none does."""

import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float64, Int64, UInt8
from PIL import Image

from app.mapping.colours import HUES, N_HUES, PAPER, rgb
from app.mapping.places import HEIGHT, WIDTH

VERSION: Final = 1
_OPACITY: Final = 0.82
_FAINT: Final = 0.28
_SHADES: Final = (4, 3, 2, 1)
MOST_BYTES: Final = 58_000
Inks = UInt8[np.ndarray, "rows cols"]
Opacities = Float64[np.ndarray, "rows cols"]


@dataclass(frozen=True)
class Dots:
    """What is drawn: places on the picture, a hue each, and whether it is a concept that fires at all."""

    x: Float64[np.ndarray, " K"]
    y: Float64[np.ndarray, " K"]
    hues: Int64[np.ndarray, " K"]
    alive: Any


def radius_of(n: int) -> float:
    """Radius of a dot in pixels: a part of the distance that n evenly spread ones would have."""
    return float(np.clip(0.22 * np.sqrt(WIDTH * HEIGHT / max(n, 1)), 1.15, 5.5))


def splat(dots: Dots) -> tuple[Inks, Opacities]:
    """Round dots, dense where they are dense: the hue that covers most of each pixel, and its opacity::

        opacity(p) = 1 - (1 - a)^(sum_k c_k(p)),   c_k(p) = clip(r + 1/2 - |p - p_k|, 0, 1)

    with a = 0.82 where concepts fire and a third of that for dead ones.
    """
    at, cover, shine = _covered(dots, radius_of(len(dots.x)))
    size = WIDTH * HEIGHT
    hue = np.repeat(dots.hues, len(at) // max(len(dots.x), 1))
    inks, most = np.zeros(size, dtype=np.uint8), np.zeros(size)
    for one in range(N_HUES):
        mine = np.bincount(at[hue == one], weights=cover[hue == one], minlength=size)
        inks[mine > most] = one
        most = np.maximum(mine, most)
    opacities = 1 - np.exp(np.bincount(at, weights=shine, minlength=size))
    return inks.reshape(HEIGHT, WIDTH), opacities.reshape(HEIGHT, WIDTH)


def _covered(dots: Dots, radius: float) -> tuple[Any, Any, Any]:
    """Pixels that dots touch ``[K k k]`` flat, how far they cover them, and the logarithm of what shines through."""
    reach = int(np.ceil(radius)) + 1
    steps = np.arange(-reach, reach + 1)
    cols, rows = np.rint(dots.x - 0.5).astype(np.int64), np.rint(dots.y - 0.5).astype(np.int64)
    px = cols[:, None, None] + steps[None, None, :]
    py = rows[:, None, None] + steps[None, :, None]
    away = np.hypot(px + 0.5 - dots.x[:, None, None], py + 0.5 - dots.y[:, None, None])
    inside = (px >= 0) & (px < WIDTH) & (py >= 0) & (py < HEIGHT)
    cover = np.clip(radius + 0.5 - away, 0, 1) * inside
    shine = np.log1p(-np.where(dots.alive, _OPACITY, _FAINT))[:, None, None]
    at = np.clip(py, 0, HEIGHT - 1) * WIDTH + np.clip(px, 0, WIDTH - 1)
    return at.ravel(), cover.ravel(), (cover * shine).ravel()


def as_png(inks: Inks, opacities: Opacities, *, theme: str) -> bytes:
    """A PNG with as many shades of each hue as 58 KB hold, so that it can come first."""
    for n_shades in _SHADES:
        content = _shaded(inks, opacities, theme=theme, n_shades=n_shades)
        if len(content) <= MOST_BYTES:
            break
    return content


def _shaded(inks: Inks, opacities: Opacities, *, theme: str, n_shades: int) -> bytes:
    """Colour 0 is the paper, 1 + n hue + s a hue over it with opacity (s + 1) / n."""
    shades = np.rint(opacities * n_shades).astype(np.int64)
    picture = Image.fromarray(np.where(shades > 0, n_shades * inks + shades, 0).astype(np.uint8), "P")
    paper, hues = np.array(rgb(PAPER[theme])), np.array([rgb(hue) for hue in HUES[theme]])
    parts = np.arange(1, n_shades + 1)[None, :, None] / n_shades
    mixed = paper + (hues[:, None, :] - paper) * parts
    picture.putpalette(np.rint([paper, *mixed.reshape(-1, 3)]).astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
