"""What the model says of the groups of photos that a predicted class is made of, where the collection has groups."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from app import urls
from app.makers.class_asking import ClassAsked
from app.makers.classes import class_name, namesake, photos_of
from app.site import Opened
from app.views.base import Links
from app.views.class_confusions import ConfusedGroup, ConfusedWith
from app.views.class_photos import ClassPhoto
from store.atlas.reader import Row

N_GROUPS: Final = 2
N_OTHERS: Final = 7
_N_CALLED: Final = N_OTHERS + 1


def make_confusions(opened: Opened, row: Row, asked: ClassAsked, *, groups: Sequence[Row]) -> tuple[ConfusedGroup, ...]:
    """The groups that most of its photos are in, that of its own name first, with all that the model calls them."""
    own = namesake(row["name"], [one["class"] for one in opened.atlas.classes])
    order = [*([own] if own else []), *(one["class"] for one in groups if one["class"] != own)][:N_GROUPS]
    called: dict[str, list[Row]] = {name: [] for name in order}
    for one in opened.atlas.group_outputs(order):
        called[one["class"]].append(one)
    sizes = {one["class"]: one["n_images"] for one in opened.atlas.classes}
    outputs = {one["output"] for found in called.values() for one in found[:_N_CALLED]}
    photos = photos_of(opened, sorted(outputs), limit=1)
    return tuple(
        _group(
            opened, row, name, called=called[name], photos=photos, n_images=sizes[name], is_own=name == own, asked=asked
        )
        for name in order
    )


def _group(
    opened: Opened,
    row: Row,
    name: str,
    *,
    called: Sequence[Row],
    photos: Mapping[int, tuple[ClassPhoto, ...]],
    n_images: int,
    is_own: bool,
    asked: ClassAsked,
) -> ConfusedGroup:
    here = next((one["n_images"] for one in called if one["output"] == row["output"]), 0)
    shown = called[:_N_CALLED]
    return ConfusedGroup(
        class_name=name,
        n_images=n_images,
        is_own=is_own,
        recall=here / n_images,
        precision=here / row["n_images"],
        called=tuple(
            ConfusedWith(
                output=one["output"],
                class_name=class_name(one),
                n_images=one["n_images"],
                share=one["n_images"] / n_images,
                is_this=one["output"] == row["output"],
                photo=next(iter(photos.get(one["output"], ())), None),
                links=_links(opened.entry.slug, one["output"]),
                against_url=_against(opened.entry.slug, row["output"], one["output"], asked),
            )
            for one in shown
        ),
        n_classes=len(called),
        n_untold=n_images - sum(one["n_images"] for one in called),
        n_more=sum(one["n_images"] for one in called[_N_CALLED:]),
        url=urls.images(opened.entry.slug, {"class": name}),
    )


def _links(slug: str, output: int) -> Links:
    return Links(html=urls.class_page(slug, output), api=urls.api_class(slug, output))


def _against(slug: str, output: int, other: int, asked: ClassAsked) -> str:
    if other == output:
        return ""
    return f"{urls.class_page(slug, output, query=replace(asked, against=other).pairs)}#against"
