"""Concepts, photos and heats for the design page: drawn here, shaped like real ones."""

import base64
import io
from functools import cache

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from app import urls
from app.pictures import data_uri
from app.views.alignment import Pair, SharedTile
from app.views.base import PixelBox
from app.views.concept import ExampleLinks, ExampleTile
from app.views.concepts import ConceptCard, ConceptLinks
from app.views.images import HeatView, ImageCard, ImageLinks, ImageView, PatchCell
from app.views.together import Photo, Sight

WIDTH, HEIGHT, ROWS, COLS = 240, 160, 6, 9
SEEN = PixelBox(x=0, y=0, width=WIDTH, height=HEIGHT)
HERE = urls.design()
_SPOTS = (
    (0.3, 0.4),
    (0.7, 0.55),
    (0.5, 0.25),
    (0.2, 0.7),
    (0.8, 0.3),
    (0.45, 0.6),
    (0.6, 0.75),
    (0.35, 0.2),
    (0.5, 0.5),
)
_HUES = ((176, 84, 46), (92, 128, 64), (58, 98, 140), (150, 122, 52), (120, 70, 110))


def bump(rows: int, cols: int, at: tuple[float, float], *, width: float) -> Float[np.ndarray, "rows cols"]:
    """``exp(-r^2 / 2 width^2)`` around a place; distances as shares of the height."""
    y, x = np.mgrid[0:rows, 0:cols]
    far = ((y + 0.5) / rows - at[1]) ** 2 + (((x + 0.5) / cols - at[0]) * cols / rows) ** 2
    picture: Float[np.ndarray, "rows cols"] = np.exp(-far / (2 * width**2))
    return picture


@cache
def photo_uri(which: int, *, width: int = WIDTH, height: int = HEIGHT) -> str:
    """A round thing on a ground, as WebP."""
    return _webp(_thing(which, width, height))


@cache
def sprite_uri() -> str:
    """Nine crops."""
    rows = [np.hstack([_thing(3 * row + col, 96, 96) for col in range(3)]) for row in range(3)]
    return _webp(np.vstack(rows))


@cache
def sprite_heat_uri() -> str:
    """The heat of the nine crops."""
    rows = [np.hstack([bump(8, 8, _SPOTS[3 * row + col], width=0.2) for col in range(3)]) for row in range(3)]
    return data_uri(_grey(np.vstack(rows)))


def heat_uri(which: int) -> str:
    """One heat, a pixel per patch."""
    return data_uri(_grey(bump(ROWS, COLS, _SPOTS[which], width=0.22)))


def make_card(index: int, *, label: str | None, badges: tuple[str, ...] = (), silent: bool = False) -> ConceptCard:
    """A concept with all its numbers."""
    value = None if silent else 1 / (index + 2)
    numbers = dict.fromkeys(
        ("density", "importance", "max", "image_coverage", "mean", "mean_active", "energy", "purity", "spatial_size"),
        value,
    )
    links = ConceptLinks(
        html=HERE,
        api=HERE,
        sprite=None if silent else sprite_uri(),
        sprite_heat=None if silent else sprite_heat_uri(),
        crop=None if silent else _webp(_thing(0, 96, 96)),
        crop_heat=None if silent else data_uri(_grey(bump(8, 8, _SPOTS[0], width=0.2))),
    )
    return ConceptCard.model_validate(
        dict.fromkeys(ConceptCard.model_fields)
        | numbers
        | {"id": index, "name": label or f"#{index}", "label": label, "n_crops": 0 if silent else 9, "n_images": 40}
        | {"sprite_alt": f"Nine examples of concept {index}", "badges": badges, "links": links}
    )


def make_tile(which: int, *, value: float, top: float = 8.0) -> ExampleTile:
    """A photo with its heat; without a value one on which the concept is silent."""
    across, down = _SPOTS[which]
    size = WIDTH / COLS
    peak = PixelBox(x=int(across * COLS) * size, y=int(down * ROWS) * size, width=size, height=size)
    return ExampleTile(
        band="top",
        rank=which + 1,
        image=f"{which:016x}",
        class_name="round things",
        split="train",
        row=int(down * ROWS) if value else None,
        col=int(across * COLS) if value else None,
        value=value,
        percentile=0.9,
        likeness=None if value else 0.71,
        heat_scale=value or 1.0,
        rel=value / top,
        width=WIDTH,
        height=HEIGHT,
        seen=SEEN,
        peak=peak if value else None,
        crop=PixelBox(x=peak.x - 30, y=peak.y - 30, width=90, height=90),
        heat_uri=heat_uri(which) if value else data_uri(np.zeros((ROWS, COLS), dtype=np.uint8)),
        alt=f"Example {which + 1}: round things, activation {value}",
        links=ExampleLinks(html=HERE, image=HERE, thumbnail=photo_uri(which), heat=HERE),
    )


def make_pair(a: ConceptCard, b: ConceptCard) -> Pair:
    """Two concepts that fire on the same photos."""
    return Pair(
        rank=1,
        a=a,
        b=b,
        correlation=0.78,
        held_out=0.7,
        percentile=1.0,
        mutual=True,
        jaccard=0.5,
        cosine=None,
        overlap=0.6,
        cofire_a=0.5,
        cofire_b=0.6,
        iou=0.63,
        shared=tuple(_shared(which) for which in range(2)),
    )


def make_photo() -> Photo:
    """A photo as three dictionaries recorded it."""
    kinds = (("map", 7.2, 1.0), ("strongest", 5.1, 0.6), ("none", None, None))
    sights = tuple(
        Sight.model_validate(
            {"slug": "tiny", "source": source, "value": value, "scale": value, "n_top": 8, "iou": iou, "seen": SEEN}
            | {"heat": heat_uri(0), "difference": heat_uri(2) if iou else "", "url": HERE}
        )
        for source, value, iou in kinds
    )
    return Photo(
        image="0" * 16,
        class_name="round things",
        width=WIDTH,
        height=HEIGHT,
        thumbnail=photo_uri(0),
        alt="A round thing",
        sights=sights,
    )


def make_look(concept: ConceptCard) -> ImageView:
    """A photo with its patches, one of them chosen, and a concept's heat."""
    return ImageView(
        dictionary="tiny",
        dictionary_title="Tiny",
        image=_image(),
        seen=SEEN,
        rows=ROWS,
        cols=COLS,
        cells=_cells(),
        prediction=None,
        nearest=(),
        concepts=(),
        patch=None,
        heat=HeatView(concept=concept, scale=7.2, rel=1.0, map=(), uri=heat_uri(1)),
        patches={},
        dictionaries=(),
        analyze_url="",
        clear_url=HERE,
    )


def _cells() -> tuple[PatchCell, ...]:
    size = WIDTH / COLS
    return tuple(
        PatchCell(
            row=row,
            col=col,
            box=PixelBox(x=col * size, y=row * size, width=size, height=size),
            url=HERE,
            label=f"row {row + 1}, column {col + 1}",
            current=(row, col) == (2, 3),
            painted=(row, col) in ((4, 6), (4, 7)),
        )
        for row in range(ROWS)
        for col in range(COLS)
    )


def _image() -> ImageCard:
    return ImageCard(
        id="0" * 16,
        class_name="round things",
        split="train",
        source="round.jpeg",
        width=WIDTH,
        height=HEIGHT,
        thumbnail_width=WIDTH,
        thumbnail_height=HEIGHT,
        alt="A round thing",
        links=ImageLinks(html=HERE, api=HERE, thumbnail=photo_uri(1)),
    )


def _shared(which: int) -> SharedTile:
    return SharedTile(
        image=f"{which:016x}",
        class_name="round things",
        width=WIDTH,
        height=HEIGHT,
        thumbnail=photo_uri(which),
        alt="A round thing",
        value_a=7.2,
        value_b=3.4,
        scale_a=7.2,
        scale_b=3.4,
        iou=0.63,
        seen_a=SEEN,
        seen_b=SEEN,
        heat_a=heat_uri(which),
        heat_b=heat_uri(which + 5),
        difference=heat_uri(which),
        url_a=HERE,
        url_b=HERE,
    )


def _thing(which: int, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
    """A lit disc of some hue on a pale or a dark ground."""
    hue = np.array(_HUES[which % len(_HUES)], dtype=float)
    ground = np.array((236, 234, 226) if which % 3 else (26, 28, 30), dtype=float)
    at = _SPOTS[which % len(_SPOTS)]
    disc = np.clip((bump(height, width, at, width=0.2)[..., None] - 0.55) * 12, 0, 1)
    light = 0.7 + 0.5 * bump(height, width, (at[0] - 0.05, at[1] - 0.08), width=0.12)[..., None]
    mixed = ground * (1 - disc) + hue * light * disc
    pixels: UInt8[np.ndarray, "height width 3"] = np.clip(mixed, 0, 255).astype(np.uint8)
    return pixels


def _grey(values: Float[np.ndarray, "rows cols"]) -> UInt8[np.ndarray, "rows cols"]:
    grey: UInt8[np.ndarray, "rows cols"] = (255 * values / values.max()).astype(np.uint8)
    return grey


def _webp(pixels: UInt8[np.ndarray, "height width 3"]) -> str:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "webp", quality=60)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"
