"""A small map of all concepts with one of them and its neighbours marked."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from app import urls
from app.makers.concepts import concept_name
from app.site import Opened
from app.views.concept import NeighborList
from app.views.evidence import MapMark, MiniMap

WIDTH, HEIGHT, _MARGIN = 240.0, 180.0, 6.0
_MOST_DOTS: Final = 1500
_COLS, _ROWS = 80, 60
_FULL: Final = 65_535
N_MARKED: Final = 5
"""Neighbours of each kind that are marked."""


def make_mini_map(opened: Opened, concept: int, lists: Sequence[NeighborList]) -> MiniMap:
    """The places are ``map_x`` and ``map_y``; many concepts are drawn as cells in three strengths."""
    x, y = _places(opened.atlas.columns["map_x"], WIDTH), _places(opened.atlas.columns["map_y"], HEIGHT)
    is_binned = len(x) > _MOST_DOTS
    kinds = {one.concept.id: near.kind for near in reversed(lists) for one in near.neighbors[:N_MARKED]}
    marked = {**kinds, concept: "self"}
    return MiniMap(
        width=WIDTH,
        height=HEIGHT,
        n=len(x),
        paths=_cells(x, y) if is_binned else (_dots(x, y),),
        is_binned=is_binned,
        marks=tuple(
            MapMark(
                id=k,
                name=concept_name(opened, k),
                kind=kind,
                x=round(float(x[k]), 1),
                y=round(float(y[k]), 1),
                url=urls.concept(opened.entry.slug, k),
            )
            for k, kind in marked.items()
        ),
        url=urls.map_page(opened.entry.slug, {"select": str(concept)}),
    )


def _places(values: Any, size: float) -> Any:
    return _MARGIN + values.astype(np.float64) / _FULL * (size - 2 * _MARGIN)


def _dots(x: Any, y: Any) -> str:
    return "".join(f"M{a:.0f} {b:.0f}h0" for a, b in zip(x, y, strict=True))


def _cells(x: Any, y: Any) -> tuple[str, ...]:
    """Cells that hold concepts, from those with few to those with many: thirds of the largest count's logarithm."""
    columns = np.minimum((x / WIDTH * _COLS).astype(int), _COLS - 1)
    rows = np.minimum((y / HEIGHT * _ROWS).astype(int), _ROWS - 1)
    counts = np.bincount(rows * _COLS + columns, minlength=_ROWS * _COLS)
    levels = np.ceil(3 * np.log1p(counts) / np.log1p(counts.max())).astype(int)
    side = WIDTH / _COLS
    return tuple(
        "".join(f"M{side * (k % _COLS):g} {side * (k // _COLS + 0.5):g}h{side:g}" for k in np.flatnonzero(levels == n))
        for n in (1, 2, 3)
    )
