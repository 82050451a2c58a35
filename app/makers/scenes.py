"""A photo with the strongest concepts of each patch: cells, lists, heat, and what scripts read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.makers.concepts import concept_name, make_chip
from app.makers.places import in_pixels
from app.pictures import as_rows, data_uri
from app.site import Opened
from app.views.base import PixelBox
from app.views.images import HeatView, PatchCell, PatchConcept, PatchView
from store.errors import NotFound
from store.grid import Box, Grid

Patch = tuple[int, int]
Address = Callable[[int | None, Patch | None], str]
"""Where the page shows a concept and a patch."""


@dataclass(frozen=True)
class Scene:
    """``concepts`` and ``codes [rows cols n_top]``, strongest first; ``seen`` is what the grid covers of the photo."""

    opened: Opened
    grid: Grid
    seen: Box
    width: int  # px of the photo on the page
    height: int
    concepts: np.ndarray[Any, Any]
    codes: np.ndarray[Any, Any]
    address: Address
    largest: np.ndarray[Any, Any] | None = None
    """Each concept's largest code in the collection, where it is not that of the atlas's first stream."""

    def check(self, patch: Patch) -> None:
        """Raise ``NotFound`` for a patch outside the grid."""
        rows, cols = self.codes.shape[:2]
        if not (patch[0] < rows and patch[1] < cols):
            remedy = f"Rows go from 0 to {rows - 1}, columns from 0 to {cols - 1}."
            raise NotFound("patch", f"{patch[0]},{patch[1]}", remedy=remedy)

    @property
    def seen_box(self) -> PixelBox:
        """What the grid covers, in pixels of the page's photo."""
        return in_pixels(self.seen, width=self.width, height=self.height)

    def max_of(self, concept: int) -> float:
        """A concept's largest code in the collection."""
        return float(self.maxima[concept])

    @property
    def maxima(self) -> np.ndarray[Any, Any]:
        """The same of all concepts."""
        return self.opened.atlas.columns["max"] if self.largest is None else self.largest

    def share(self, concept: int, value: float) -> float:
        """A code relative to that, at most 1."""
        largest = self.max_of(concept)
        return min(value / largest, 1.0) if largest > 0 else 0.0

    def cells(self, *, concept: int | None, chosen: Patch | None, painted: Sequence[int] = ()) -> tuple[PatchCell, ...]:
        """All patches, row by row."""
        places = ((row, col) for row in range(self.grid.rows) for col in range(self.grid.cols))
        found = [self._cell(row, col, concept=concept, chosen=chosen) for row, col in places]
        for place in painted:
            found[place] = found[place].model_copy(update={"painted": True})
        return tuple(found)

    def patch(self, row: int, col: int) -> PatchView:
        """What fires on one patch."""
        found = self.firing(self.concepts[row, col], self.codes[row, col], patch=(row, col))
        return PatchView(row=row, col=col, box=self._box(row, col), concepts=found)

    def firing(
        self, concepts: np.ndarray[Any, Any], codes: np.ndarray[Any, Any], *, patch: Patch | None
    ) -> tuple[PatchConcept, ...]:
        """What fires on one token."""
        return tuple(
            PatchConcept(
                concept=make_chip(self.opened, int(concept)),
                value=float(value),
                share=self.share(int(concept), float(value)),
                show_url=self.address(int(concept), patch),
            )
            for concept, value in zip(concepts, codes, strict=True)
            if value > 0
        )

    def together(self, places: Sequence[int]) -> tuple[PatchConcept, ...]:
        """What fires on several patches, by the sum of its codes there, the largest first."""
        rows = np.array(places, dtype=np.int64)
        concepts, codes = (array.reshape(-1, array.shape[-1])[rows] for array in (self.concepts, self.codes))
        sums = np.bincount(concepts[codes > 0].astype(np.int64), weights=codes[codes > 0])
        order = [int(k) for k in np.argsort(-sums, kind="stable") if sums[k] > 0]
        return tuple(
            PatchConcept(
                concept=make_chip(self.opened, k),
                value=float(sums[k]),
                share=float(sums[k] / sums[order[0]]),
                show_url=self.address(k, None),
            )
            for k in order
        )

    def heat(self, concept: int) -> HeatView:
        """One concept's map."""
        values = np.where(self.concepts == concept, self.codes, 0).max(axis=-1, initial=0).astype(np.float64)
        scale = float(values.max())
        shades = np.rint(values / (scale or 1.0) * 255).astype(np.uint8)
        return HeatView(
            concept=make_chip(self.opened, concept),
            scale=scale,
            rel=self.share(concept, scale),
            map=as_rows(shades),
            uri=data_uri(shades),
        )

    def codes_for_script(self, *, n_top: int | None = None) -> dict[str, Any]:
        """The strongest concepts of every patch: concepts by position, their max, and codes."""
        concepts, codes = self.concepts[..., :n_top], self.codes[..., :n_top]
        fires = codes > 0
        known = [int(k) for k in np.unique(concepts[fires])]
        places = np.searchsorted(known, concepts) if known else np.zeros(concepts.shape, dtype=np.int64)
        largest = self.maxima
        return {
            "rows": codes.shape[0],
            "cols": codes.shape[1],
            "n_top": codes.shape[2],
            "concepts": known,
            "max": [float(f"{largest[k]:.6g}") for k in known],
            "index": np.where(fires, places, -1).ravel().tolist(),
            "values": [float(f"{value:.3g}") for value in codes.ravel()],
        }

    def for_script(self, *, n_top: int | None = None) -> dict[str, Any]:
        """The same with names, addresses and pictures of the concepts."""
        found = self.codes_for_script(n_top=n_top)
        chips = [make_chip(self.opened, k) for k in found["concepts"]]
        return found | {
            "names": [chip.name for chip in chips],
            "urls": [chip.links.html for chip in chips],
            "crops": [chip.links.crop for chip in chips],
            "heats": [chip.links.crop_heat for chip in chips],
            "max": [chip.max if self.largest is None else self.max_of(chip.id) for chip in chips],
            "density": [chip.density for chip in chips],
        }

    def _box(self, row: int, col: int) -> PixelBox:
        box = self.grid.patch_box(row, col, seen=self.seen)
        return in_pixels(box, width=self.width, height=self.height)

    def _cell(self, row: int, col: int, *, concept: int | None, chosen: Patch | None) -> PatchCell:
        fires = self.codes.shape[2] > 0 and self.codes[row, col, 0] > 0
        top = int(self.concepts[row, col, 0]) if fires else 0
        name = concept_name(self.opened, top)
        called = name if name == f"#{top}" else f"{name} (#{top})"
        return PatchCell(
            row=row,
            col=col,
            box=self._box(row, col),
            url=self.address(concept, (row, col)),
            label=f"row {row + 1}, column {col + 1}: {called if fires else 'nothing fires'}",
            current=chosen == (row, col),
        )
