"""The tour's steps, chosen from the store by rule; what a store does not have is left out.

It begins with the concept of the largest importance × purity, among those without a warning that fire on at least
sixteen photos, in the first dictionary that knows what its concepts do to predictions, or else in the first one.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from app import urls
from app.makers.alignment_asking import aligned
from app.makers.concepts import concept_name
from app.makers.examples import make_rows
from app.roster import Entry
from app.site import Opened, Site
from app.touring import PARAM, tour_step
from app.views.concept import ExampleTile
from app.views.tour import TourBar, TourStep
from store.errors import ConceptoscopeError
from store.vocabulary import Band

_LEAST_IMAGES: Final = 16
_Step = tuple[str, str, str, ExampleTile | None]


def make_tour(site: Site) -> tuple[TourStep, ...]:
    """The steps; none in a store without a living concept that can be shown."""
    found = _begin(site)
    if found is None:
        return ()
    entry, concept = found
    with site.opened(entry) as opened:
        steps = list(_steps(site, opened, concept))
    return tuple(
        TourStep(number=number, title=title, sentence=sentence, url=_with_bar(url, number), tile=tile)
        for number, (title, sentence, url, tile) in enumerate(steps, 1)
    )


def find_bar(site: Site) -> TourBar | None:
    """The bar of the step that the address names."""
    number = tour_step()
    steps = make_tour(site) if number else ()
    if not 1 <= number <= len(steps):
        return None
    step = steps[number - 1]
    return TourBar(
        number=number,
        total=len(steps),
        title=step.title,
        sentence=step.sentence,
        prev_url=urls.tour(number - 1) if number > 1 else "",
        next_url=urls.tour(number + 1) if number < len(steps) else "",
        end_url=f"{urls.home()}#tour",
    )


def _begin(site: Site) -> tuple[Entry, int] | None:
    """The dictionary and the concept to begin with."""
    fallback = None
    for entry in site.roster.entries():
        try:
            with site.opened(entry) as opened:
                for concept in choose_concepts(opened):
                    if opened.atlas.outputs:
                        return entry, concept
                    fallback = fallback or (entry, concept)
        except ConceptoscopeError:
            continue
    return fallback


def choose_concepts(opened: Opened, n: int = 1) -> list[int]:
    """Living concepts of the largest importance × purity (1 without classes), each of another top class.

    Rather those without a warning that fire on sixteen photos or more; empty where all are dead.
    """
    columns = opened.atlas.columns
    purity = np.nan_to_num(columns["purity"].astype(np.float64), nan=1.0)
    score = np.maximum(np.nan_to_num(columns["importance"].astype(np.float64), nan=0.0), 0.0) * purity
    warned = np.array([bool(badges is not None and len(badges)) for badges in columns["badges"]])
    alive = columns["density"] > 0
    good = alive & ~warned & (columns["n_images"] >= _LEAST_IMAGES)
    order = np.argsort(-np.where(good if good.any() else alive, score, -np.inf), kind="stable")
    chosen: dict[object, int] = {}
    for concept in order[: int((good if good.any() else alive).sum())]:
        chosen.setdefault(columns["top_class"][concept] or int(concept), int(concept))
        if len(chosen) == n:
            break
    return list(chosen.values())


def _steps(site: Site, opened: Opened, concept: int) -> Iterator[_Step]:
    slug, name = opened.entry.slug, concept_name(opened, concept)
    called = name if name.startswith("#") else f"“{name}”"
    tiles = [*make_rows(opened, concept, bands=(Band.TOP,), limit=6)[Band.TOP].tiles, *[None] * 6]
    others = [_first(opened, other) for other in choose_concepts(opened, 4) if other != concept]
    others += [tiles[3], tiles[4], tiles[5]][len(others) :]
    yield (
        "A concept",
        f"{called} on the photos where it fires most, where on them, and what looks alike but leaves it silent.",
        urls.concept(slug, concept),
        tiles[0],
    )
    top_class = opened.atlas.columns["top_class"][concept]
    among = f"Those of the class {top_class}" if top_class else "All of them"
    yield (
        "All concepts",
        f"{among}, most important first: every number beside them is a filter.",
        urls.concepts(slug, {"class": str(top_class or "")}),
        others[0],
    )
    yield from _class_step(opened, concept, tiles[1])
    yield from _partner_step(site, opened, concept, tiles[2])
    photo = others[1]
    if photo is not None:
        yield (
            "A photo",
            "One photo as the model sees it: point at a patch, and read which concepts fire there.",
            urls.image(photo.image, slug),
            photo,
        )
    yield (
        "An edit",
        "A photo of your own, or one of these: turn its concepts up and down and watch the prediction change.",
        urls.analyze({"d": slug}),
        others[2],
    )


def _first(opened: Opened, concept: int) -> ExampleTile | None:
    return next(iter(make_rows(opened, concept, bands=(Band.TOP,), limit=1)[Band.TOP].tiles), None)


def _class_step(opened: Opened, concept: int, tile: ExampleTile | None) -> Iterator[_Step]:
    """The predicted class that the concept speaks for most."""
    for row in opened.atlas.concept_outputs(concept):
        if row["contrast"] > 0:
            yield (
                "A prediction",
                f"What makes the model say {row['name']}: each concept's part in it, with standard errors.",
                urls.class_page(opened.entry.slug, row["output"]),
                tile,
            )
            return


def _partner_step(site: Site, opened: Opened, concept: int, tile: ExampleTile | None) -> Iterator[_Step]:
    """What answers to it in another model, the one of the largest correlation."""
    found = list(_partners(site, opened.entry, concept))
    if not found:
        return
    correlation, other = max(found, key=lambda one: one[0])
    yield (
        "Another model",
        f"What answers to it in {other.model_title}, both heats on the same photos: correlation {correlation:.2f}.",
        f"{urls.concept(opened.entry.slug, concept)}#elsewhere",
        tile,
    )


def _partners(site: Site, entry: Entry, concept: int) -> Iterator[tuple[float, Entry]]:
    by_digest = {other.digest: other for other in site.roster.entries() if other.model != entry.model}
    for link in site.roster.links():
        other = by_digest.get(link.second if entry.digest == link.first else link.first)
        if entry.digest not in (link.first, link.second) or other is None:
            continue
        with aligned(site, entry.slug, other.slug) as one:
            row = one.alignment.concept(one.a.side, concept)
        if row["best"] is not None and row["best_correlation"] is not None:
            yield float(row["best_correlation"]), other


def _with_bar(url: str, number: int) -> str:
    path, mark, fragment = url.partition("#")
    return f"{path}{'&' if '?' in path else '?'}{PARAM}={number}{mark}{fragment}"
