"""The ranked concepts of an image: how strong each is for itself, and what it adds to the class that is predicted."""

from collections.abc import Mapping
from typing import Any, Final

from app import urls
from app.makers.class_matrix import contributions_on
from app.makers.classes import class_name
from app.makers.concepts import make_chip
from app.makers.scenes import Scene
from app.render import n3, percent, signed
from app.site import Opened
from app.views.base import Links
from app.views.images import ImageConcept, ImagePrediction
from store.atlas.reader import Row
from store.atlas.surprise import standing

STANDINGS: Final = (
    ("max", 1.0, "its strongest image"),
    ("q99", 0.99, "among its strongest 1 %"),
    ("q95", 0.95, "among its strongest 5 %"),
    ("q75", 0.75, "among its strongest 25 %"),
    ("q50", 0.5, "above its median"),
)
NEARLY: Final = 0.05
"""Ranges of at most this to either side, relative to the middle, are told by their middle."""
Given = tuple[float, float, float]
"""What a concept adds to the logit here, from and to, and in mean over the class's images."""


def find_prediction(opened: Opened, row: Row) -> ImagePrediction | None:
    """What the model names first, where the atlas keeps this image of a class."""
    found = opened.atlas.output_on(row["image"])
    if found is None:
        return None
    slug = opened.entry.slug
    links = Links(html=urls.class_page(slug, found["output"]), api=urls.api_class(slug, found["output"]))
    same = {name: found[name] for name in ("output", "probability", "logit", "rank", "n_kept")}
    return ImagePrediction(class_name=class_name(found), links=links, **same)


def make_ranked(scene: Scene, row: Row, *, chosen: int | None) -> tuple[ImageConcept, ...]:
    """The strongest concepts of an image, relative to each one's max."""
    atlas = scene.opened.atlas
    entries = atlas.image_concepts(row["id"])
    concepts = [entry["concept"] for entry in entries]
    histograms = atlas.histograms(concepts, "image_max")
    given = given_here(scene.opened, row, concepts)
    return tuple(
        _ranked(scene, entry, histogram=histograms.get(entry["concept"]), given=given.get(entry["concept"]), on=chosen)
        for entry in entries
    )


def given_here(opened: Opened, row: Row, concepts: list[int]) -> dict[int, Given]:
    """Contributions to the predicted class on an image, of the concepts that are kept of that class."""
    found = opened.atlas.output_on(row["image"])
    kept = [] if found is None else opened.atlas.head_concepts(found["output"])
    shown = [one for one in kept if one["concept"] in set(concepts)]
    if found is None or not shown:
        return {}
    images = opened.atlas.output_images([found["output"]])
    here = next(place for place, image in enumerate(images) if image["image"] == row["image"])
    ranges = contributions_on(opened, found, shown, images=images)
    pairs = zip(ranges.low[here].tolist(), ranges.high[here].tolist(), strict=True)
    return {one["concept"]: (*pair, one["importance"]) for one, pair in zip(shown, pairs, strict=True)}


def _ranked(
    scene: Scene, entry: Row, *, histogram: Mapping[str, Any] | None, given: Given | None, on: int | None
) -> ImageConcept:
    concept, peak = entry["concept"], entry["peak"]
    at_least, words = _standing(scene.opened.atlas.concept(concept), peak)
    percentile = _percentile(histogram, peak)
    low, high, importance = given or (None, None, None)
    return ImageConcept(
        rank=entry["rank"],
        concept=make_chip(scene.opened, concept),
        peak=peak,
        pooled=entry["pooled"],
        share=scene.share(concept, peak),
        at_least=at_least,
        percentile=percentile,
        given_low=low,
        given_high=high,
        importance=importance,
        standing=words,
        note=_note(words, percentile, given),
        row=entry["row"],
        col=entry["col"],
        current=concept == on,
        show_url=scene.address(concept, None),
    )


def _percentile(histogram: Mapping[str, Any] | None, peak: float) -> float | None:
    if histogram is None:
        return None
    n_images = int(histogram["n_zero"] + sum(histogram["counts"]))
    return standing(histogram, peak, n_images=n_images).percentile


def _note(words: str, percentile: float | None, given: Given | None) -> str:
    above = "" if percentile is None else f"above {percent(percentile)} of all photos"
    return " · ".join(part for part in (words, above, _added(given)) if part)


def _added(given: Given | None) -> str:
    if given is None:
        return ""
    low, high, _ = given
    if n3(low) == n3(high):
        return f"{signed(low)} logits"
    middle, half = (low + high) / 2, (high - low) / 2
    near = half <= NEARLY * abs(middle)
    return f"about {signed(middle)} logits" if near else f"{signed(low)} to {signed(high)} logits"


def _standing(row: Row, peak: float) -> tuple[float, str]:
    """The largest known quantile of the concept's image peaks that this peak reaches."""
    for name, quantile, words in STANDINGS:
        if row[name] is not None and peak >= row[name] * (1 - 1e-6):
            return quantile, words
    return 0.0, "below its median"
