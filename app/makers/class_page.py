"""A class that the model predicts: which concepts make it, what they add up to, whether their order is right."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from app import bars, charts, urls
from app.makers.class_asking import CONCEPT_SORTS, MEASURES, ClassAsked
from app.makers.class_confusions import make_confusions
from app.makers.class_matrix import find_matrix
from app.makers.class_pairs import contrast_error, find_against, make_near
from app.makers.class_parcels import find_parcels
from app.makers.class_tiles import Codes, make_tiles
from app.makers.classes import class_name, make_photo, predicted_card, predicted_rows, why_missing
from app.makers.concepts import concept_name, make_chip
from app.makers.paging import make_paging
from app.site import Opened
from app.views.base import Choice, Paging
from app.views.class_photos import ClassPhoto
from app.views.classes import ClassConcept, ClassConcepts, ClassCurve, ClassView, Group, Part
from app.views.plots import LineChart
from store.atlas.cursor import cut_page, make_binding
from store.atlas.reader import Row
from store.errors import NotFound

N_SHOWN: Final = 20
N_LEAST_SURE: Final = 8
N_PHOTOS: Final = 20
"""Photos of which the model is surest; evidence is sought on them alone, so that a page loads few photos."""
N_KEPT: Final = 50
ORDERINGS: Final = {
    "most": "most important first",
    "random": "random orders",
    "least": "least important first",
}
WALKS: Final = {"deletion": "Taking concepts away", "insertion": "Putting concepts back"}


def parse_output(opened: Opened, text: str) -> int:
    """A predicted class from an address; raises ``NotFound`` that says why there is none."""
    if not opened.atlas.outputs:
        raise NotFound("predicted class", text, remedy=why_missing(opened))
    listed = f"Those that are told of are listed at {urls.classes(opened.entry.slug)}."
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise NotFound("predicted class", text, remedy=f"A class goes by its number among the outputs. {listed}")
    if int(text) not in {row["output"] for row in opened.atlas.outputs}:
        remedy = f"The model names none, or names it first for fewer than two images here. {listed}"
        raise NotFound("predicted class", text, remedy=remedy)
    return int(text)


def make_class(opened: Opened, output: int, asked: ClassAsked) -> ClassView:
    """Everything about one predicted class; raises ``NotFound`` for another class that is not one."""
    atlas, slug = opened.atlas, opened.entry.slug
    rows = predicted_rows(opened)
    place = next(i for i, row in enumerate(rows) if row["output"] == output)
    row, kept = rows[place], atlas.head_concepts(output)
    shown = sorted(kept, key=lambda one: (-abs(one[asked.by]), one["rank"]))[:N_SHOWN]
    curves, groups = make_curves(opened, output), atlas.output_groups(output)
    images = atlas.output_images([output], limit=N_KEPT)
    surest = images[:N_PHOTOS]
    codes = atlas.codes_on([image["id"] for image in surest])
    return ClassView(
        dictionary=slug,
        dictionary_title=opened.entry.title,
        card=predicted_card(opened, row, photos=tuple(make_photo(opened, image) for image in surest)),
        n_collection=opened.entry.n_images,
        groups=_groups(opened, row, groups),
        by=asked.by,
        measures=_measures(slug, output, asked),
        n_kept=len(kept),
        concepts=_concepts(opened, row, shown, by=asked.by, images=surest, codes=codes),
        matrix=find_matrix(opened, row, shown, images=images),
        parcels=find_parcels(opened, surest, [one["concept"] for one in shown if one[asked.by] > 0], codes=codes),
        confusions=make_confusions(opened, row, asked, groups=groups),
        least_sure=_least_sure(opened, images[N_PHOTOS:]),
        parts=_parts(opened, row, shown),
        n_curve=row["n_curve"],
        whole=row["whole"],
        through=row["through"],
        remainder=row["remainder"],
        curves=curves,
        plots=tuple(_plot(curves, walk, n_concepts=row["n_concepts"]) for walk in WALKS),
        near=make_near(opened, output, rows, asked),
        against=find_against(opened, output, asked),
        index_url=urls.classes(slug),
        place=f"{place + 1:,} of {len(rows):,}, most images first",
        prev=_step(slug, rows, place - 1),
        next=_step(slug, rows, place + 1),
    )


def _least_sure(opened: Opened, rest: Sequence[Row]) -> tuple[ClassPhoto, ...]:
    """Of the kept photos that the page does not show anyway those of the smallest probability."""
    return tuple(make_photo(opened, row) for row in reversed(rest[-N_LEAST_SURE:]))


def make_concepts(
    opened: Opened, output: int, *, sort: str, limit: int, cursor: str, with_curves: bool
) -> tuple[ClassConcepts, Paging]:
    """The concepts kept of a class in an order; raises ``BadQuery`` for a cursor of another one."""
    assert sort in CONCEPT_SORTS
    name, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1
    (row,) = (row for row in predicted_rows(opened) if row["output"] == output)
    ordered = sorted(opened.atlas.head_concepts(output), key=lambda one: (sign * one[name], one["rank"]))
    binding = make_binding(opened.atlas.digest, "class concepts", output, sort)
    page = cut_page(ordered, cursor=cursor, limit=limit, binding=binding)
    images = opened.atlas.output_images([output], limit=N_PHOTOS)
    codes = opened.atlas.codes_on([image["id"] for image in images])
    found = ClassConcepts(
        concepts=_concepts(opened, row, page.items, by="importance", images=images, codes=codes),
        curves=make_curves(opened, output) if with_curves else None,
    )
    return found, make_paging(page, page_url=lambda cursor: cursor)


def _concepts(
    opened: Opened, row: Row, shown: Sequence[Row], *, by: str, images: Sequence[Row], codes: Mapping[str, Codes]
) -> tuple[ClassConcept, ...]:
    tiles = make_tiles(opened, images, [one["concept"] for one in shown], codes=codes)
    errors = [contrast_error(one) if by == "contrast" else one["standard_error"] for one in shown]
    drawn = bars.whiskers([one[by] for one in shown], errors)
    same = ("rank", "importance", "standard_error", "contrast", "leading")
    return tuple(
        ClassConcept(
            concept=make_chip(opened, one["concept"]),
            contrast_error=contrast_error(one),
            leading_share=one["leading"] / row["n_images"],
            tiles=tiles.get(one["concept"], ()),
            bar=bar,
            **{name: one[name] for name in same},
        )
        for one, bar in zip(shown, drawn, strict=True)
    )


def _parts(opened: Opened, row: Row, shown: Sequence[Row]) -> tuple[Part, ...]:
    """``logit = bias + shown concepts + others + residual``; what is not kept of a class is among the others."""
    slug, n_others = opened.entry.slug, row["n_concepts"] - len(shown)
    listed = sum(one["importance"] for one in shown)
    others = row["logit"] - row["bias"] - row["residual"] - listed
    largest = sorted(shown, key=lambda one: (-one["importance"], one["rank"]))
    steps: list[tuple[str, str, int | None, float]] = [("bias", "Without any concept", None, row["bias"])]
    steps += [("concept", _called(opened, one["concept"]), one["concept"], one["importance"]) for one in largest]
    if n_others > 0:
        steps.append(("others", f"{n_others:,} other concepts", None, others))
    steps.append(("residual", "What the dictionary misses", None, row["residual"]))
    zero, starts, boxes = bars.parts([*(value for *_, value in steps)])
    total = bars.parts([*(value for *_, value in steps), -row["logit"]])[2][-1]
    found = [
        Part(
            kind=kind,
            label=label,
            concept=concept,
            value=value,
            start=start,
            bar=box,
            zero=zero,
            url="" if concept is None else urls.concept(slug, concept),
        )
        for (kind, label, concept, value), start, box in zip(steps, starts, boxes, strict=True)
    ]
    return (*found, Part(kind="logit", label="Mean logit", value=row["logit"], start=0.0, bar=total, zero=zero))


def _called(opened: Opened, concept: int) -> str:
    name = concept_name(opened, concept)
    return name if name == f"#{concept}" else f"{name} #{concept}"


def make_curves(opened: Opened, output: int) -> tuple[ClassCurve, ...]:
    """Deletion and insertion in the order of contrast, in random orders and the other way round."""
    groups = groupby(opened.atlas.head_curves(output), key=lambda row: (row["walk"], row["ordering"]))
    found = {key: list(rows) for key, rows in groups}
    keys = [(walk, ordering) for walk in WALKS for ordering in ORDERINGS if (walk, ordering) in found]
    return tuple(_curve(found[key]) for key in keys)


def _curve(rows: Sequence[Row]) -> ClassCurve:
    first = rows[0]
    return ClassCurve(
        walk=first["walk"],
        ordering=first["ordering"],
        label=ORDERINGS[first["ordering"]],
        taken=tuple(row["taken"] for row in rows),
        probability=tuple(row["probability"] for row in rows),
        standard_error=tuple(row["standard_error"] for row in rows),
        area=first["area"],
        area_spread=first["area_spread"],
    )


def _plot(curves: Sequence[ClassCurve], walk: str, *, n_concepts: int) -> LineChart:
    series = [
        charts.Series(
            key=one.ordering,
            label=f"{one.label}, area {charts.tick_label(one.area)}",
            points=tuple((n / n_concepts, p) for n, p in zip(one.taken, one.probability, strict=True)),
        )
        for one in curves
        if one.walk == walk
    ]
    what = "taken away" if walk == "deletion" else "put back"
    x_label = f"share of {n_concepts:,} concepts {what}"
    return charts.curves(series, title=WALKS[walk], x_label=x_label, y_label="probability", area=charts.THIRD)


def _groups(opened: Opened, row: Row, groups: Sequence[Row]) -> tuple[Group, ...]:
    return tuple(
        Group(
            class_name=one["class"],
            n_images=one["n_images"],
            share=one["n_images"] / row["n_images"],
            url=urls.images(opened.entry.slug, {"class": one["class"]}),
        )
        for one in groups
    )


def _measures(slug: str, output: int, asked: ClassAsked) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            key=key,
            label=word.label,
            title=word.definition,
            current=key == asked.by,
            url=urls.class_page(slug, output, query=replace(asked, by=key).pairs),
        )
        for key, word in MEASURES.items()
    )


def _step(slug: str, rows: Sequence[Row], place: int) -> Choice | None:
    if not 0 <= place < len(rows):
        return None
    row = rows[place]
    return Choice(key=str(row["output"]), label=class_name(row), url=urls.class_page(slug, row["output"]))
