"""The bands of a concept's examples: tabs, intervals on the strip of peaks, and how the tiles are chosen and cut."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from app import charts, urls
from app.makers.concept_asking import ConceptAsked
from app.makers.concept_sizes import STRENGTHS
from app.site import Opened
from app.views.base import Choice
from app.views.concept import HistogramView
from app.words import BANDS
from store.atlas.reader import Row
from store.vocabulary import Band

OF: Final = {"patch": "Codes of patches", "image_max": "Peaks of images"}
_SILENT: Final[Row] = {"edges": [], "counts": [], "n_zero": 0}
TABS: Final = (*STRENGTHS, Band.RANDOM, Band.NEAR_MISS)


def make_tabs(
    opened: Opened, concept: int, asked: ConceptAsked, *, examples: Mapping[Band, Sequence[Row]]
) -> tuple[Choice, ...]:
    """All bands with the number of their examples."""
    return tuple(
        Choice(
            key=band.value,
            label=BANDS[band].label,
            url=_with(opened, concept, asked, band="" if band is Band.TOP else band.value),
            current=asked.band is band,
            n=len(examples[band]),
            title=BANDS[band].definition,
        )
        for band in TABS
    )


def make_fragments(opened: Opened, concept: int, asked: ConceptAsked) -> dict[str, str]:
    """The address of each band's tiles alone."""
    balance = dict(asked.own)["balance"]
    slug = opened.entry.slug
    return {band.value: urls.examples_fragment(slug, concept, band=band, balance=balance) for band in TABS}


def make_turns(opened: Opened, concept: int, asked: ConceptAsked) -> tuple[Choice, ...]:
    """Strongest first, or the classes in turn."""
    told = (
        ("", "Strongest", "The strongest of the band, whatever their classes"),
        (
            "class",
            "Classes in turn",
            "One example of each class, then a second of each, in each turn the strongest first",
        ),
    )
    return tuple(
        Choice(
            key=key or "strongest",
            label=label,
            title=title,
            url=_with(opened, concept, asked, balance=key),
            current=asked.is_balanced is bool(key),
        )
        for key, label, title in told
    )


def make_contexts(opened: Opened, concept: int, asked: ConceptAsked) -> tuple[Choice, ...]:
    """Whole photos, or around the peak."""
    told = (("photo", "Photo", "The photo, cut only to one shape"), ("patch", "Peak", "A crop around the peak patch"))
    return tuple(
        Choice(
            key=key,
            label=label,
            title=title,
            url=_with(opened, concept, asked, context="" if key == "photo" else key),
            current=asked.context == key,
        )
        for key, label, title in told
    )


def _with(opened: Opened, concept: int, asked: ConceptAsked, **changes: str) -> str:
    return urls.concept(opened.entry.slug, concept, query=asked.but(**changes))


def make_histograms(opened: Opened, concept: int) -> tuple[HistogramView, ...]:
    """Histograms of the codes of patches, and of the peaks of images."""
    found = opened.atlas.histograms_of(concept)
    return tuple(_histogram(opened, concept, found.get(of, _SILENT), of=of) for of in OF)


def _histogram(opened: Opened, concept: int, found: Row, *, of: str) -> HistogramView:
    fires = sum(found["counts"])
    total = fires + found["n_zero"]
    return HistogramView(
        of=of,
        label=OF[of],
        edges=tuple(found["edges"]),
        counts=tuple(found["counts"]),
        n_zero=found["n_zero"],
        zero_share=found["n_zero"] / total if total else None,
        plot=_plot(opened, concept, found, of=of) if fires else None,
    )


def _plot(opened: Opened, concept: int, found: Row, *, of: str) -> charts.BarChart:
    what = "patches" if of == "patch" else "images"
    return charts.histogram(
        found["edges"],
        found["counts"],
        title=OF[of],
        x_label="code (log)" if of == "patch" else "peak code of an image (log)",
        what=what,
        area=charts.THIRD,
        log_y=True,
        spans=_spans(opened.atlas.concept(concept), low=found["edges"][0], high=found["edges"][-1]),
    )


def _spans(row: Row, *, low: float, high: float) -> Sequence[tuple[str, str, float, float]]:
    """The bands as intervals of the code: between quantiles of the image peaks."""
    quantiles = [row[name] for name in ("q50", "q75", "q95", "q99")]
    if any(value is None for value in quantiles):
        return ()
    edges = [low, *quantiles, high]
    bands = reversed(STRENGTHS)
    return [(b.value, BANDS[b].label, a, z) for b, (a, z) in zip(bands, pairwise(edges), strict=True) if z > a]
