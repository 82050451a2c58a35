"""Predicted classes beside each other: which are made by the same concepts, and in what two of them differ."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import hypot
from typing import Final

from app import bars, urls
from app.makers.class_asking import ClassAsked
from app.makers.classes import class_name, photos_of
from app.makers.concepts import make_chip
from app.site import Opened
from app.views.base import Links
from app.views.class_confusions import Push
from app.views.classes import AgainstView, ConceptOutput, Difference, NearClass
from app.views.plots import Whisker
from store.atlas.reader import Row
from store.errors import NotFound

N_NEAR: Final = 8
N_EACH: Final = 6
"""Differences shown of each kind, and pushes to either side."""
N_PHOTOS: Final = 6
N_OUTPUTS: Final = 12


def make_outputs(opened: Opened, rows: Sequence[Row]) -> tuple[ConceptOutput, ...]:
    """The predicted classes for which a concept matters most, of all for which it does by size of contrast."""
    slug = opened.entry.slug
    return tuple(
        ConceptOutput(
            output=row["output"],
            class_name=class_name(row),
            links=output_links(slug, row["output"]),
            **{name: row[name] for name in ("n_images", "importance", "standard_error", "contrast", "leading")},
        )
        for row in rows[:N_OUTPUTS]
    )


def output_links(slug: str, output: int) -> Links:
    """A predicted class's addresses."""
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
            links=output_links(slug, row["output"]),
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
    ours, theirs = ({row["concept"]: row for row in opened.atlas.head_concepts(c)} for c in (output, asked.against))
    gaps, pushes = _gaps(ours, theirs), pushes_to(ours, theirs)
    chosen, pushing = _largest_of_each(ours, theirs, gaps), _ends(pushes)
    errors = [_error(ours.get(k), theirs.get(k)) for k in chosen]
    drawn = bars.whiskers(
        [*(gaps[k] for k in chosen), *(pushes[k][0] for k in pushing)], [*errors, *(pushes[k][1] for k in pushing)]
    )
    return AgainstView(
        output=asked.against,
        class_name=class_name(other),
        shared=opened.atlas.outputs_alike(output).get(asked.against, 0.0),
        photos=photos_of(opened, [asked.against], limit=N_PHOTOS).get(asked.against, ()),
        differences=tuple(
            _difference(opened, k, ours, theirs, error=error, bar=bar)
            for k, error, bar in zip(chosen, errors, drawn, strict=False)
        ),
        pushes=tuple(
            Push(concept=make_chip(opened, k), value=pushes[k][0], standard_error=pushes[k][1], bar=bar)
            for k, bar in zip(pushing, drawn[len(chosen) :], strict=True)
        ),
        n_pushes=len(pushes),
        pushed=sum(value for value, _ in pushes.values() if value > 0),
        held=sum(value for value, _ in pushes.values() if value < 0),
        links=output_links(slug, asked.against),
        clear_url=urls.class_page(slug, output, query=replace(asked, against=None).pairs),
        other_way_url=f"{urls.class_page(slug, asked.against, query=replace(asked, against=output).pairs)}#against",
    )


Kept = Mapping[int, Row]
"""Rows of ``head_concept`` of one class, by concept."""


def pushes_to(ours: Kept, theirs: Kept) -> dict[int, tuple[float, float]]:
    """What concepts kept of both classes do on photos of ours to the logit of theirs less that of ours, with errors::

        push_k = mean_i m_ik (s_kb - s_ka) = importance_ka (r_kb / r_ka - 1)
        r_kc   = s_kc / s_k = importance_kc / (importance_kc - contrast_kc)

    so that the mean slope ``s_k`` over all classes, which the atlas does not keep, cancels.
    """
    ratios = {k: (_ratio(ours[k]), _ratio(theirs[k])) for k in ours if k in theirs}
    factors = {k: b / a - 1 for k, (a, b) in ratios.items() if a and b is not None}
    return {k: (ours[k]["importance"] * by, ours[k]["standard_error"] * abs(by)) for k, by in factors.items()}


def _ratio(one: Row) -> float | None:
    gap = one["importance"] - one["contrast"]
    return None if abs(gap) <= 1e-9 * abs(one["importance"]) or not one["importance"] else one["importance"] / gap


def _ends(pushes: Mapping[int, tuple[float, float]]) -> list[int]:
    """The largest to either side, from what pushes most to what holds back most."""
    order = sorted(pushes, key=lambda k: (-pushes[k][0], k))
    towards = [k for k in order if pushes[k][0] > 0][:N_EACH]
    return [*towards, *[k for k in order if pushes[k][0] < 0][-N_EACH:]]


def _gaps(ours: Kept, theirs: Kept) -> dict[int, float]:
    return {k: _contrast(ours.get(k)) - _contrast(theirs.get(k)) for k in {**ours, **theirs}}


def _speaks(here: Row | None, there: Row | None) -> str:
    one, other = _contrast(here) > 0, _contrast(there) > 0
    return "both" if one and other else "here" if one else "there" if other else "neither"


def _largest_of_each(ours: Kept, theirs: Kept, gaps: Mapping[int, float]) -> list[int]:
    """The largest differences of each kind, of those that speak for both what they share most of."""
    kinds: dict[str, list[int]] = {}
    for k in gaps:
        kinds.setdefault(_speaks(ours.get(k), theirs.get(k)), []).append(k)
    sizes = {k: abs(gap) for k, gap in gaps.items()}
    sizes |= {k: min(ours[k]["contrast"], theirs[k]["contrast"]) for k in kinds.get("both", ())}
    chosen = [k for of_kind in kinds.values() for k in sorted(of_kind, key=lambda k: (-sizes[k], k))[:N_EACH]]
    return sorted(chosen, key=lambda k: (-gaps[k], k))


def _difference(opened: Opened, k: int, ours: Kept, theirs: Kept, *, error: float | None, bar: Whisker) -> Difference:
    here, there = ours.get(k), theirs.get(k)
    return Difference(
        concept=make_chip(opened, k),
        here=here and here["contrast"],
        there=there and there["contrast"],
        difference=_contrast(here) - _contrast(there),
        standard_error=error,
        speaks=_speaks(here, there),
        bar=bar,
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
