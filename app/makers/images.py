"""The image index and the image page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app import urls
from app.makers.concepts import concept_name, make_chip
from app.makers.paging import make_paging
from app.makers.places import in_pixels, seen_box
from app.pictures import as_rows, data_uri
from app.site import Opened
from app.views.base import Choice, PixelBox
from app.views.images import (
    HeatView,
    ImageCard,
    ImageConcept,
    ImageLinks,
    ImagesView,
    ImageView,
    PatchCell,
    PatchConcept,
    PatchView,
)
from store.atlas.cursor import cut_page, make_binding
from store.atlas.reader import Row
from store.errors import NotFound
from store.vocabulary import Split

STANDINGS = (
    ("max", 1.0, "its strongest image"),
    ("q99", 0.99, "among its strongest 1 %"),
    ("q95", 0.95, "among its strongest 5 %"),
    ("q75", 0.75, "among its strongest 25 %"),
    ("q50", 0.5, "above its median"),
)


@dataclass(frozen=True)
class ImagesAsked:
    """A request for evidence images."""

    class_name: str = ""
    split: str = ""
    cursor: str = ""
    limit: int = 48

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Canonical parameters without the cursor."""
        limit = "" if self.limit == 48 else str(self.limit)
        return tuple((k, v) for k, v in (("class", self.class_name), ("limit", limit), ("split", self.split)) if v)


def make_images(opened: Opened, asked: ImagesAsked) -> ImagesView:
    """A page of the images that serve as evidence."""
    rows = [row for row in opened.atlas.images() if _wanted(row, asked)]
    binding = make_binding(opened.atlas.digest, "images", asked.class_name, asked.split)
    page = cut_page(rows, cursor=asked.cursor, limit=asked.limit, binding=binding)
    slug = opened.entry.slug
    return ImagesView(
        dictionary=slug,
        dictionary_title=opened.entry.title,
        total=page.total,
        summary=f"{page.total:,} {'image' if page.total == 1 else 'images'}",
        cards=tuple(make_image_card(opened, row) for row in page.items),
        classes=_class_choices(opened, asked),
        splits=_split_choices(slug, asked),
        paging=make_paging(page, page_url=lambda cursor: urls.images(slug, (*asked.pairs, ("cursor", cursor)))),
    )


def _wanted(row: Row, asked: ImagesAsked) -> bool:
    return asked.class_name in ("", row["class"]) and asked.split in ("", row["split"])


def make_image_card(opened: Opened, row: Row) -> ImageCard:
    """An evidence image."""
    of = f" of class {row['class']}" if row["class"] else ""
    return ImageCard(
        id=row["id"],
        class_name=row["class"],
        split=row["split"],
        source=row["source"],
        width=row["width"],
        height=row["height"],
        thumbnail_width=row["thumbnail_width"],
        thumbnail_height=row["thumbnail_height"],
        alt=f"Photo {row['source']}{of}",
        links=ImageLinks(
            html=urls.image(row["id"], opened.entry.slug),
            api=urls.api_image(row["id"], opened.entry.slug),
            thumbnail=urls.thumb(opened.atlas.digest, row["id"]),
        ),
    )


def _class_choices(opened: Opened, asked: ImagesAsked) -> tuple[Choice, ...]:
    classes = opened.atlas.classes
    if not classes:
        return ()
    options = [("", "All classes", None), *((row["class"], row["class"], row["n_images"]) for row in classes)]
    return tuple(
        Choice(
            key=key,
            label=label,
            n=n,
            current=asked.class_name == key,
            url=urls.images(opened.entry.slug, ImagesAsked(key, asked.split, limit=asked.limit).pairs),
        )
        for key, label, n in options
    )


def _split_choices(slug: str, asked: ImagesAsked) -> tuple[Choice, ...]:
    options = [("", "All"), (Split.TRAIN.value, "Learned from"), (Split.HELD_OUT.value, "Held out")]
    return tuple(
        Choice(
            key=key,
            label=label,
            current=asked.split == key,
            url=urls.images(slug, ImagesAsked(asked.class_name, key, limit=asked.limit).pairs),
        )
        for key, label in options
    )


def make_image(
    opened: Opened,
    image_id: str,
    *,
    concept: int | None,
    patch: tuple[int, int] | None,
    knowing: Sequence[Choice] = (),
) -> ImageView:
    """One image: what fires where. ``knowing`` are the dictionaries that know it."""
    row = opened.atlas.image(image_id)
    stream = opened.atlas.streams[0]
    scene = _Scene(opened, row, *opened.atlas.patch_codes(image_id))
    if concept is not None:
        opened.atlas.check(concept)
    if patch is not None:
        scene.check(patch)
    return ImageView(
        dictionary=opened.entry.slug,
        dictionary_title=opened.entry.title,
        image=make_image_card(opened, row),
        seen=in_pixels(seen_box(opened.atlas, row), width=row["thumbnail_width"], height=row["thumbnail_height"]),
        rows=stream.grid.rows,
        cols=stream.grid.cols,
        cells=tuple(
            scene.cell(r, c, concept=concept, chosen=patch)
            for r in range(stream.grid.rows)
            for c in range(stream.grid.cols)
        ),
        concepts=tuple(scene.ranked(entry, chosen=concept) for entry in opened.atlas.image_concepts(image_id)),
        patch=None if patch is None else scene.patch(*patch),
        heat=None if concept is None else scene.heat(concept),
        patches=scene.for_script(),
        dictionaries=tuple(knowing),
        clear_url=urls.image(image_id, opened.entry.slug),
    )


@dataclass(frozen=True)
class _Scene:
    """One image with the strongest concepts of each patch: ``concepts`` and ``codes [rows cols n_top]``."""

    opened: Opened
    row: Row
    concepts: np.ndarray[Any, Any]
    codes: np.ndarray[Any, Any]

    def check(self, patch: tuple[int, int]) -> None:
        rows, cols = self.codes.shape[:2]
        if not (patch[0] < rows and patch[1] < cols):
            remedy = f"Rows go from 0 to {rows - 1}, columns from 0 to {cols - 1}."
            raise NotFound("patch", f"{patch[0]},{patch[1]}", remedy=remedy)

    def max_of(self, concept: int) -> float:
        return float(self.opened.atlas.columns["max"][concept])

    def share(self, concept: int, value: float) -> float:
        largest = self.max_of(concept)
        return min(value / largest, 1.0) if largest > 0 else 0.0

    def url(self, *, concept: int | None = None, patch: tuple[int, int] | None = None) -> str:
        return urls.image(self.row["id"], self.opened.entry.slug, concept=concept, patch=patch)

    def box(self, row: int, col: int) -> PixelBox:
        stream = self.opened.atlas.streams[0]
        box = stream.grid.patch_box(row, col, seen=seen_box(self.opened.atlas, self.row))
        return in_pixels(box, width=self.row["thumbnail_width"], height=self.row["thumbnail_height"])

    def cell(self, row: int, col: int, *, concept: int | None, chosen: tuple[int, int] | None) -> PatchCell:
        fires = self.codes[row, col, 0] > 0
        top = int(self.concepts[row, col, 0])
        name = concept_name(self.opened, top)
        called = name if name == f"#{top}" else f"{name} (#{top})"
        return PatchCell(
            row=row,
            col=col,
            box=self.box(row, col),
            url=self.url(concept=concept, patch=(row, col)),
            label=f"row {row + 1}, column {col + 1}: {called if fires else 'nothing fires'}",
            current=chosen == (row, col),
        )

    def patch(self, row: int, col: int) -> PatchView:
        found = [
            PatchConcept(
                concept=make_chip(self.opened, int(concept)),
                value=float(value),
                share=self.share(int(concept), float(value)),
                show_url=self.url(concept=int(concept), patch=(row, col)),
            )
            for concept, value in zip(self.concepts[row, col], self.codes[row, col], strict=True)
            if value > 0
        ]
        return PatchView(row=row, col=col, box=self.box(row, col), concepts=tuple(found))

    def heat(self, concept: int) -> HeatView:
        values = np.where(self.concepts == concept, self.codes, 0).max(axis=-1).astype(np.float64)
        scale = float(values.max())
        shades = np.rint(values / (scale or 1.0) * 255).astype(np.uint8)
        return HeatView(
            concept=make_chip(self.opened, concept),
            scale=scale,
            rel=self.share(concept, scale),
            map=as_rows(shades),
            uri=data_uri(shades),
        )

    def ranked(self, entry: Row, *, chosen: int | None) -> ImageConcept:
        concept, peak = entry["concept"], entry["peak"]
        at_least, words = _standing(self.opened.atlas.concept(concept), peak)
        return ImageConcept(
            rank=entry["rank"],
            concept=make_chip(self.opened, concept),
            peak=peak,
            pooled=entry["pooled"],
            share=self.share(concept, peak),
            at_least=at_least,
            standing=words,
            row=entry["row"],
            col=entry["col"],
            current=concept == chosen,
            show_url=self.url(concept=concept),
        )

    def for_script(self) -> dict[str, Any]:
        fires = self.codes > 0
        known = [int(k) for k in np.unique(self.concepts[fires])]
        places = np.searchsorted(known, self.concepts) if known else np.zeros(self.concepts.shape, dtype=np.int64)
        chips = [make_chip(self.opened, k) for k in known]
        return {
            "rows": self.codes.shape[0],
            "cols": self.codes.shape[1],
            "n_top": self.codes.shape[2],
            "concepts": known,
            "names": [chip.name for chip in chips],
            "urls": [chip.links.html for chip in chips],
            "sprites": [chip.links.sprite for chip in chips],
            "max": [chip.max for chip in chips],
            "density": [chip.density for chip in chips],
            "index": np.where(fires, places, -1).ravel().tolist(),
            "values": [float(f"{value:.3g}") for value in self.codes.ravel()],
        }


def _standing(row: Row, peak: float) -> tuple[float, str]:
    """The largest known quantile of the concept's image peaks that this peak reaches."""
    for name, quantile, words in STANDINGS:
        if row[name] is not None and peak >= row[name] * (1 - 1e-6):
            return quantile, words
    return 0.0, "below its median"
