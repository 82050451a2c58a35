"""The image index and the image page."""

from dataclasses import dataclass

from app import urls
from app.makers.paging import make_paging
from app.site import Opened
from app.views.base import Choice
from app.views.images import ImageCard, ImageLinks, ImagesView
from store.atlas.cursor import Page, cut_page, make_binding
from store.atlas.reader import Row
from store.vocabulary import Split


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
