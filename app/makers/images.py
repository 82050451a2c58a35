"""The image index and the image page."""

from collections.abc import Sequence
from dataclasses import dataclass

from app import urls
from app.makers.concepts import make_chip
from app.makers.paging import make_paging
from app.makers.places import seen_box
from app.makers.scenes import Patch, Scene
from app.site import Opened
from app.views.base import Choice
from app.views.images import ImageCard, ImageConcept, ImageLinks, ImagesView, ImageView
from store.atlas.cursor import Page, cut_page, make_binding
from store.atlas.reader import Row
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


def find_images(opened: Opened, asked: ImagesAsked) -> Page[Row]:
    """Rows of the images that are asked for."""
    rows = [row for row in opened.atlas.images() if _wanted(row, asked)]
    binding = make_binding(opened.atlas.digest, "images", asked.class_name, asked.split)
    return cut_page(rows, cursor=asked.cursor, limit=asked.limit, binding=binding)


def make_images(opened: Opened, asked: ImagesAsked) -> ImagesView:
    """A page of the images that serve as evidence."""
    page = find_images(opened, asked)
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
    patch: Patch | None,
    knowing: Sequence[Choice] = (),
) -> ImageView:
    """One image: what fires where. ``knowing`` are the dictionaries that know it."""
    row = opened.atlas.image(image_id)
    scene = _scene(opened, row)
    if concept is not None:
        opened.atlas.check(concept)
    if patch is not None:
        scene.check(patch)
    return ImageView(
        dictionary=opened.entry.slug,
        dictionary_title=opened.entry.title,
        image=make_image_card(opened, row),
        seen=scene.seen_box,
        rows=scene.grid.rows,
        cols=scene.grid.cols,
        cells=scene.cells(concept=concept, chosen=patch),
        concepts=tuple(_ranked(scene, entry, chosen=concept) for entry in opened.atlas.image_concepts(image_id)),
        patch=None if patch is None else scene.patch(*patch),
        heat=None if concept is None else scene.heat(concept),
        patches=scene.for_script(),
        dictionaries=tuple(knowing),
        clear_url=urls.image(image_id, opened.entry.slug),
    )


def _scene(opened: Opened, row: Row) -> Scene:
    concepts, codes = opened.atlas.patch_codes(row["id"])
    return Scene(
        opened=opened,
        grid=opened.atlas.streams[0].grid,
        seen=seen_box(opened.atlas, row),
        width=row["thumbnail_width"],
        height=row["thumbnail_height"],
        concepts=concepts,
        codes=codes,
        address=lambda concept, patch: urls.image(row["id"], opened.entry.slug, concept=concept, patch=patch),
    )


def _ranked(scene: Scene, entry: Row, *, chosen: int | None) -> ImageConcept:
    concept, peak = entry["concept"], entry["peak"]
    at_least, words = _standing(scene.opened.atlas.concept(concept), peak)
    return ImageConcept(
        rank=entry["rank"],
        concept=make_chip(scene.opened, concept),
        peak=peak,
        pooled=entry["pooled"],
        share=scene.share(concept, peak),
        at_least=at_least,
        standing=words,
        row=entry["row"],
        col=entry["col"],
        current=concept == chosen,
        show_url=scene.address(concept, None),
    )


def _standing(row: Row, peak: float) -> tuple[float, str]:
    """The largest known quantile of the concept's image peaks that this peak reaches."""
    for name, quantile, words in STANDINGS:
        if row[name] is not None and peak >= row[name] * (1 - 1e-6):
            return quantile, words
    return 0.0, "below its median"
