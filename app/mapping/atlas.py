"""The map of one atlas: everything that follows from it alone, made when first asked for and kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from app.mapping.channels import NOWHERE, Channel, channel_names, make_channel, pack
from app.mapping.clusters import LEAST_COUNT, LEAST_LIFT, Named, name_clusters
from app.mapping.colours import cluster_hues
from app.mapping.drawings import Drawings
from app.mapping.levels import by_importance, make_levels
from app.mapping.picture import Dots, as_png, splat
from app.mapping.places import LARGEST, to_x, to_y
from app.mapping.sheets import make_crop, make_sheet
from app.words import numbers
from store.atlas.charting import ClassShare
from store.atlas.query import ConceptTable
from store.atlas.reader import Atlas
from store.errors import NotFound
from store.vocabulary import Layout

NO_CLUSTER = -1
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Lay:
    """Clusters as they lie in a layout: ``clusters [C]`` by number, sizes, centres (medians, map units) and hues."""

    clusters: Array
    sizes: Array
    centres: Array
    spreads: Array
    """Median distance of a cluster's concepts from its centre, in pixels of the picture; of nowhere infinite."""
    hues: tuple[int, ...]
    """The same in every layout: chosen for where clusters lie in the first."""
    of: Array
    """Place of each concept's cluster among them, -1 for none ``[K]``."""


class Chart:
    """Makes and keeps what the map of an atlas needs."""

    def __init__(self, atlas: Atlas, table: ConceptTable, drawings: Drawings, *, layout: Layout = Layout.ATOMS) -> None:
        """The chart of one layout; raises ``NotFound`` where the atlas has no places for it."""
        if layout not in table.layouts:
            raise NotFound("layout of the map", layout.value, known=table.layouts)
        self._atlas, self._table, self._drawings, self.layout = atlas, table, drawings, layout

    @property
    def names(self) -> tuple[str, ...]:
        """All channels."""
        return channel_names(numbers=numbers(universal=self._atlas.is_universal))

    def channel(self, name: str) -> Channel:
        """One column as codes."""
        key = ("channel", self._atlas.digest, self.layout, name)
        return self._drawings.get(
            key,
            lambda: make_channel(self._table, name, known=self.names, layout=self.layout),
            weigh=lambda one: int(one.codes.nbytes),
        )

    def packed(self, columns: tuple[str, ...]) -> bytes:
        """Some channels as a file."""
        return pack([self.channel(name) for name in columns])

    @cached_property
    def lay(self) -> Lay:
        """Clusters as they lie."""
        key = ("lay", self._atlas.digest, self.layout)
        return self._drawings.get(key, self._make_lay, weigh=lambda lay: int(lay.of.nbytes) * 2)

    def picture(self, theme: str) -> bytes:
        """The map as PNG."""
        return self._drawings.get(("picture", self._atlas.digest, self.layout, theme), lambda: self._draw(theme))

    def sheet(self, level: int, col: int, *, row: int) -> bytes:
        """A sheet of crops; raises ``NotFound`` where no concept has its place."""
        key = ("sheet", self._atlas.digest, self.layout, level, col, row)
        return self._drawings.get(key, lambda: self._sheet(level, col, row))

    def crop(self, concept: int) -> bytes:
        """A concept's first crop; raises ``NotFound`` for one that is silent."""
        for sprite in self._atlas.charting.sprites([self._atlas.check(concept)]).values():
            return make_crop(sprite)
        raise NotFound("crop of concept", str(concept), remedy="It fires on no image.")

    def named(self, labels: Mapping[int, str], *, stamp: str) -> dict[int, Named]:
        """Names of all clusters under these labels; ``stamp`` changes when the labels do."""
        key = ("names", self._atlas.digest, stamp)
        return self._drawings.get(key, lambda: self._name(labels), weigh=lambda found: 300 * len(found))

    def _make_lay(self) -> Lay:
        values = np.nan_to_num(self._table.numbers["cluster"], nan=NO_CLUSTER).astype(np.int64)
        clusters, of = np.unique(values, return_inverse=True)
        sizes = np.bincount(of, minlength=len(clusters))
        x, y = self._table.places(self.layout)
        centres = np.stack([_medians(values, of, nowhere=LARGEST / 2) for values in (x, y)], axis=1)
        away = np.hypot(to_x(x) - to_x(centres[of, 0]), to_y(y) - to_y(centres[of, 1]))
        first = self if self.layout is Layout.ATOMS else Chart(self._atlas, self._table, self._drawings)
        hues = cluster_hues(centres, sizes) if first is self else first.lay.hues
        return Lay(clusters, sizes, centres, _medians(away, of, nowhere=np.inf), hues, of)

    def _draw(self, theme: str) -> bytes:
        lay, table = self.lay, self._table
        x, y = table.places(self.layout)
        there = ~np.isnan(x)
        hues = np.array(lay.hues, dtype=np.int64)[lay.of]
        alive = self.channel("crops").codes > 0
        inks, opacities = splat(Dots(to_x(x[there]), to_y(y[there]), hues[there], alive[there]))
        return as_png(inks, opacities, theme=theme)

    def _sheet(self, level: int, col: int, row: int) -> bytes:
        there = np.flatnonzero((self._levels[:, :3] == (level, col, row)).all(axis=1))
        if not len(there):
            raise NotFound("sheet of crops", f"{level}/{col}/{row}", remedy="No concept has its crop there.")
        slots = {int(concept): int(self._levels[concept, 3]) for concept in there}
        sprites = self._atlas.charting.sprites(list(slots))
        return make_sheet({slots[concept]: sprite for concept, sprite in sprites.items()})

    @property
    def _levels(self) -> Array:
        key = ("levels", self._atlas.digest, self.layout)
        return self._drawings.get(key, self._make_levels, weigh=lambda found: int(found.nbytes))

    def _make_levels(self) -> Array:
        order = by_importance(self.channel("importance").codes)
        x, y = self.channel("x").codes, self.channel("y").codes
        shown = order[(self.channel("crops").codes[order] > 0) & (x[order] != NOWHERE)]
        return make_levels(x, y, order=shown)

    def _name(self, labels: Mapping[int, str]) -> dict[int, Named]:
        lay = self.lay
        sizes = {int(c): int(n) for c, n in zip(lay.clusters, lay.sizes, strict=True) if c != NO_CLUSTER}
        values = self._table.numbers["cluster"]
        cluster_of = {k: int(values[k]) for k in labels if k < len(values) and not np.isnan(values[k])}
        return name_clusters(sizes, self._class_shares(), labels, cluster_of=cluster_of)

    def _class_shares(self) -> tuple[ClassShare, ...]:
        """Those that can name a cluster: few of many, and the same whatever people write."""
        return self._drawings.get(
            ("shares", self._atlas.digest),
            lambda: tuple(self._atlas.charting.class_shares(least_top=LEAST_COUNT, least_lift=LEAST_LIFT)),
            weigh=lambda found: 200 * len(found),
        )


def _medians(values: Array, groups: Array, *, nowhere: float) -> Array:
    """The median of each group, the lower one of two; absent values left out."""
    order = np.lexsort([values, groups])  # absent ones last in their group
    counts = np.bincount(groups[~np.isnan(values)], minlength=int(groups.max(initial=-1)) + 1)
    sizes = np.bincount(groups)
    middles = np.cumsum(sizes) - sizes + np.maximum(counts - 1, 0) // 2
    return np.where(counts > 0, values[order][middles], nowhere)
