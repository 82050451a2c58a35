"""How large a concept is on photos: the distribution by band, from the maps that the atlas keeps."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import numpy as np

from app.charts import Scale
from app.site import Opened
from app.views.evidence import SizeStrip, SizesView
from app.views.plots import Area
from app.words import BANDS
from store.atlas.reader import Row
from store.vocabulary import Band

STRENGTHS: Final = (Band.TOP, Band.Q99, Band.Q95, Band.Q75, Band.Q50)
"""Bands of images in which a concept fires, strongest first."""
_AREA: Final = Area(width=340, height=196, left=80, top=10, right=334, bottom=152)


def find_sizes(opened: Opened, concept: int, examples: Mapping[Band, Sequence[Row]]) -> SizesView | None:
    """Sizes of a concept's examples by band; None of a silent one.

    ``size = |{patches: heat > 0}| / patches`` of one map.
    """
    known = [(band, shares) for band in STRENGTHS if (shares := [size_of(opened, row) for row in examples[band]])]
    if not known:
        return None
    grid = opened.atlas.streams[0].grid
    n_patches = grid.rows * grid.cols
    x = Scale(1 / n_patches, 1.0, _AREA.left, _AREA.right, log=True)
    step = (_AREA.bottom - _AREA.top) / len(known)
    mean = opened.atlas.concept(concept)["spatial_size"]
    strips = tuple(
        _strip(band, shares, x=x, y=_AREA.top + (place + 0.5) * step) for place, (band, shares) in enumerate(known)
    )
    return SizesView(
        n_patches=n_patches,
        mean=mean,
        strips=strips,
        area=_AREA,
        x=x.axis("share of patches (log)"),
        mean_at=x(mean) if mean else None,
        description="; ".join(f"{one.label}: median {one.median:.3g} of {one.n} examples" for one in strips) + ".",
    )


def size_of(opened: Opened, row: Row) -> float:
    """Share of patches on which an example's map is above 0."""
    return float(np.mean(opened.atlas.as_map(row["heat"]) > 0))


def _strip(band: Band, shares: Sequence[float], *, x: Scale, y: float) -> SizeStrip:
    middle = median(shares)
    return SizeStrip(
        band=band.value,
        label=BANDS[band].label,
        n=len(shares),
        lowest=min(shares),
        median=middle,
        highest=max(shares),
        shares=tuple(shares),
        y=round(y, 1),
        at=tuple(x(share) for share in shares),
        middle=x(middle),
    )
