"""Predicted classes beside each other: which are made by the same concepts, and in what two of them differ."""

from collections.abc import Sequence
from dataclasses import replace
from math import hypot
from typing import Final

from app import bars, urls
from app.makers.class_asking import ClassAsked
from app.makers.classes import class_name, photos_of
from app.makers.concepts import make_chip
from app.site import Opened
from app.views.base import Links
from app.views.classes import AgainstView, ConceptOutput, Difference, NearClass
from store.atlas.reader import Row
from store.errors import NotFound

N_NEAR: Final = 8
N_DIFFERENCES: Final = 16
N_PHOTOS: Final = 6
N_OUTPUTS: Final = 12


def make_outputs(opened: Opened, concept: int, *, limit: int = N_OUTPUTS) -> tuple[ConceptOutput, ...]:
    """The predicted classes for which a concept matters most, by size of contrast."""
    slug = opened.entry.slug
    return tuple(
        ConceptOutput(
            output=row["output"],
            class_name=class_name(row),
            links=_links(slug, row["output"]),
            **{name: row[name] for name in ("n_images", "importance", "standard_error", "contrast", "leading")},
        )
        for row in opened.atlas.concept_outputs(concept, limit=limit)
    )


def _links(slug: str, output: int) -> Links:
    return Links(html=urls.class_page(slug, output), api=urls.api_class(slug, output))


def make_near(opened: Opened, output: int, rows: Sequence[Row], asked: ClassAsked) -> tuple[NearClass, ...]:
    """The classes for which most of the same concepts speak; ``rows`` are all predicted classes."""
    slug, alike = opened.entry.slug, opened.atlas.outputs_alike(output)
    near = sorted((row for row in rows if row["output"] in alike), key=lambda row: -alike[row["output"]])[:N_NEAR]
    photos = photos_of(opened, [row["output"] for row in near], limit=1)
    return tuple(
        NearClass(
            output=row["output"],
            class_name=class_name(row),
            n_images=row["n_images"],
            shared=alike[row["output"]],
            photo=next(iter(photos.get(row["output"], ())), None),
            links=_links(slug, row["output"]),
            against_url=f"{urls.class_page(slug, output, query=replace(asked, against=row['output']).pairs)}#against",
        )
        for row in near
    )


def find_against(opened: Opened, output: int, asked: ClassAsked) -> AgainstView | None:
    """Another class beside this one, when one is asked for; raises ``NotFound`` when that is not one."""
    if asked.against is None:
        return None
    other = next((row for row in opened.atlas.outputs if row["output"] == asked.against), None)
    if other is None or asked.against == output:
        remedy = f"Classes to set beside it are listed at {urls.classes(opened.entry.slug)}."
        raise NotFound("other predicted class", str(asked.against), remedy=remedy)
    slug = opened.entry.slug
    return AgainstView(
        output=asked.against,
        class_name=class_name(other),
        shared=opened.atlas.outputs_alike(output).get(asked.against, 0.0),
        photos=photos_of(opened, [asked.against], limit=N_PHOTOS).get(asked.against, ()),
        differences=_differences(opened, output, asked.against),
        links=_links(slug, asked.against),
        clear_url=urls.class_page(slug, output, query=replace(asked, against=None).pairs),
    )


def _differences(opened: Opened, here: int, there: int) -> tuple[Difference, ...]:
    ours, theirs = ({row["concept"]: row for row in opened.atlas.head_concepts(output)} for output in (here, there))
    gaps = {k: _contrast(ours.get(k)) - _contrast(theirs.get(k)) for k in ours | theirs}
    largest = sorted(gaps, key=lambda k: (-abs(gaps[k]), k))[:N_DIFFERENCES]
    chosen = sorted(largest, key=lambda k: (-gaps[k], k))
    errors = [_error(ours.get(k), theirs.get(k)) for k in chosen]
    drawn = bars.whiskers([gaps[k] for k in chosen], errors)
    return tuple(
        Difference(
            concept=make_chip(opened, k),
            here=ours[k]["contrast"] if k in ours else None,
            there=theirs[k]["contrast"] if k in theirs else None,
            difference=gaps[k],
            standard_error=error,
            bar=bar,
        )
        for k, error, bar in zip(chosen, errors, drawn, strict=True)
    )


def _contrast(row: Row | None) -> float:
    return 0.0 if row is None else float(row["contrast"])


def _error(here: Row | None, there: Row | None) -> float | None:
    """No image is in both classes, so squares of standard errors add up; None where one is unknown."""
    if here is None or there is None:
        return None
    one, other = contrast_error(here), contrast_error(there)
    return None if one is None or other is None else hypot(one, other)


def contrast_error(one: Row) -> float | None:
    """Standard error of a contrast. It is the mean code times a slope as importance is, so errors go as the means do::

    sd(m_k) |<d_k, w_c - mean w>| / sqrt(n) = standard_error |contrast / importance|
    """
    return one["standard_error"] * abs(one["contrast"] / one["importance"]) if one["importance"] else None
