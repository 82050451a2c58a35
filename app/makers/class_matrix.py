"""What concepts contribute on each photo of a class, like photos beside each other."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from app.makers.classes import make_photo
from app.makers.concepts import make_chip
from app.site import Opened
from app.views.class_photos import ClassMatrix
from store.atlas.leaves import leaf_order
from store.atlas.ranges import Range, contribution_ranges, mean_code_ranges
from store.atlas.reader import Row

N_STEPS: Final = 6
"""Steps of colour to either side of zero."""
DEEPEST: Final = 0.98
"""Quantile of sizes that the deepest colour stands for, so that one odd photo does not bleach all others."""


def find_matrix(opened: Opened, row: Row, shown: Sequence[Row], *, images: Sequence[Row]) -> ClassMatrix | None:
    """The concepts ``shown`` (rows of ``head_concept``) on photos kept of a class; None where there is none."""
    if not images or not shown:
        return None
    found = contributions_on(opened, row, shown, images=images)
    scale = float(np.quantile(certain(found), DEEPEST)) or float(certain(found).max()) or 1.0
    wide = found.half > scale / N_STEPS
    drawn = np.where(wide, np.sign(found.middle) * certain(found), found.middle)
    order = leaf_order(drawn)
    steps = np.clip(np.rint(drawn / scale * N_STEPS), -N_STEPS, N_STEPS).astype(int)
    low, high = found.low[order].T, found.high[order].T
    return ClassMatrix(
        concepts=tuple(make_chip(opened, one["concept"]) for one in shown),
        photos=tuple(make_photo(opened, images[place]) for place in order),
        low=_rows(low),
        high=_rows(high),
        middle=_rows((low + high) / 2),
        scale=scale,
        n_exact=int((found.half == 0).sum()),
        n_wide=int(wide.sum()),
        steps=_rows(steps[order].T),
        wide=_rows(wide[order].T),
        ranges=tuple(tuple(zip(*pair, strict=True)) for pair in zip(_short(low), _short(high), strict=True)),
    )


def contributions_on(opened: Opened, row: Row, shown: Sequence[Row], *, images: Sequence[Row]) -> Range:
    """Contributions ``[n c]`` of concepts to a class's logit on images that are kept of it."""
    concepts = [one["concept"] for one in shown]
    codes = mean_code_ranges(opened.atlas, images, concepts)
    slopes = opened.atlas.mean_slopes.at(concepts)
    return contribution_ranges(shown, codes, n_images=row["n_images"], slopes=slopes)


def certain(found: Range) -> Any:
    """The size that a contribution has at least."""
    return np.minimum(np.abs(found.low), np.abs(found.high))


def _rows(values: Any) -> tuple[tuple[Any, ...], ...]:
    return tuple(map(tuple, values.tolist()))


def _short(values: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(f"{value:.4g}") for value in row) for row in values.tolist())
