"""The label queue's view."""

from dataclasses import replace
from typing import Final

from app import urls
from app.annotating import why_no_notes
from app.blind_photos import N_SHOWN
from app.makers.annotations import make_notes
from app.makers.concept_classes import make_classes
from app.makers.concepts import find_label, make_card
from app.makers.examples import make_rows
from app.makers.queue_asking import IMPORTANCE, ORDERS, RANDOM, REVIEW, Line, Walk, make_line
from app.site import Opened, Site
from app.views.annotations import LabelView
from app.views.base import Choice
from app.views.concepts import Stat
from app.views.queue import QueueView
from app.words import column_number
from store.catalog.label_tests import hits_of
from store.vocabulary import Band, Source

_STATS: Final = ("n_images", "density", "purity", "spatial_size", "position_entropy")
_N_COMING, _N_CLASSES = 24, 5


def make_queue(site: Site, opened: Opened, walk: Walk, *, author: str = "") -> QueueView:
    """The concept that a walk has come to, with its evidence."""
    with site.catalog.session() as session:
        tested = hits_of(session, opened.overlay.dictionary).keys() if opened.overlay.revision else set[str]()
    line = make_line(opened, walk, tested=tested)
    coming = line.coming(walk)
    concept = walk.concept if walk.concept is not None else coming[0] if coming else None
    common = _common(site, opened, walk, line=line, author=author)
    if concept is None:
        return QueueView(**common, **_nothing(), coming=())
    opened.atlas.check(concept)
    after = line.coming(walk.passed(concept, named=False))
    return QueueView(
        **common, **_concept(site, opened, walk, concept=concept, author=author), coming=(concept, *after)[:_N_COMING]
    )


def _common(site: Site, opened: Opened, walk: Walk, *, line: Line, author: str) -> dict[str, object]:
    slug, alive, best = opened.entry.slug, line.whole, opened.overlay.best
    living = opened.atlas.columns["density"] > 0
    return {
        "dictionary": slug,
        "order": walk.order,
        "seed": walk.seed,
        "n_labelled": sum(bool(living[k]) for k in best if k < len(living)),
        "n_alive": int(living.sum()),
        "n_left": len(line.left) if alive else 0,
        "n_done": walk.done,
        "orders": tuple(_order(slug, walk, order) for order in ORDERS),
        "tests_url": urls.label_tests(slug),
        "author": author,
        "why_not": why_no_notes(site),
    }


def _order(slug: str, walk: Walk, order: str) -> Choice:
    label, title = ORDERS[order]
    is_here = walk.order == order
    query = walk.pairs if is_here else (("order", "" if order == IMPORTANCE else order),)
    return Choice(key=order, label=label, url=urls.queue(slug, query), current=is_here, title=title)


def _concept(site: Site, opened: Opened, walk: Walk, *, concept: int, author: str) -> dict[str, object]:
    slug, seed = opened.entry.slug, opened.atlas.columns["label_seed"][concept] or None
    labels = make_notes(site, opened, concept, author=author).labels
    mine = next((one for one in labels if one.author == author and one.source is Source.HUMAN), None)
    shown = labels[0].text if labels else seed or ""
    rows = make_rows(opened, concept, bands=tuple(N_SHOWN), limit=max(N_SHOWN.values()))
    cut = {band: row.model_copy(update={"tiles": row.tiles[: N_SHOWN[band]]}) for band, row in rows.items()}
    here = replace(walk, concept=concept)
    return {
        "card": make_card(opened, concept),
        "seed_label": seed,
        "labels": labels,
        "why": _why(opened, walk, concept=concept, labels=labels),
        "classes": make_classes(opened, concept)[:_N_CLASSES],
        "stats": tuple(_stat(name) for name in _STATS),
        "examples": cut[Band.TOP],
        "near_miss": cut[Band.NEAR_MISS],
        "mine": mine,
        "other": "" if mine and mine.text == shown else shown,
        "form_url": urls.queue(slug, here.pairs),
        "skip_url": urls.queue(slug, walk.passed(concept, named=False).pairs),
        "back_url": urls.queue(slug, walk.back().pairs) if walk.trail else "",
        "concept_url": urls.concept(slug, concept),
    }


def _nothing() -> dict[str, object]:
    absent = dict.fromkeys(("card", "seed_label", "examples", "near_miss", "mine"))
    empty = dict.fromkeys(("why", "other", "form_url", "skip_url", "back_url", "concept_url"), "")
    return {**absent, **empty, "labels": (), "classes": (), "stats": ()}


def _why(opened: Opened, walk: Walk, *, concept: int, labels: tuple[LabelView, ...]) -> str:
    """Why the order asks for this concept."""
    if walk.order == REVIEW and labels:
        return "No blind test has tried this name." if labels[0].tested is None else "This name was tested."
    if labels:
        return "Named already."
    source = find_label(opened, concept)[1]
    by_chance = "Drawn by chance. " if walk.order == RANDOM else ""
    return f"{by_chance}{'Only a guess from classes so far.' if source is Source.SEED else 'Nobody has named it.'}"


def _stat(name: str) -> Stat:
    number = column_number(name)
    return Stat(key=name, label=number.label, unit=number.unit, definition=number.definition, url=number.url)
