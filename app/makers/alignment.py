"""An alignment as a page and an API answer."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from app import charts, urls
from app.makers.alignment_asking import SORT, Aligned, Asked, Facing
from app.makers.alignment_filters import applied_filters, correlation_fields, energy_fields, side_labels
from app.makers.alignment_pairs import chosen_pairs, energies_of, make_pairs
from app.makers.concepts import make_card, make_chip
from app.makers.paging import make_paging
from app.roster import Entry, Link
from app.site import Site
from app.views.alignment import AlignmentCard, AlignmentRow, AlignmentsView, AlignmentView, Fan, Twins
from app.views.alignment import Side as SideView
from app.views.base import Choice, Links, Number
from app.words import ALIGNMENT, Word
from store.alignment.shelf import N_OPEN
from store.alignment.sides import Side
from store.atlas.cursor import Page, cut_page, make_binding
from store.errors import ConceptoscopeError
from store.universal import artifact_kind
from store.vocabulary import Kind

log = logging.getLogger(__name__)

_N_BEST: Final = 3


def make_alignment_cards(site: Site) -> tuple[AlignmentCard, ...]:
    """All alignments between dictionaries that can be shown."""
    return tuple(_card(link, one, other) for link, one, other in _shown(site))


def _shown(site: Site) -> list[tuple[Link, Entry, Entry]]:
    by_digest = {entry.digest: entry for entry in site.roster.entries()}
    found = [(link, by_digest.get(link.first), by_digest.get(link.second)) for link in site.roster.links()]
    return [(link, one, other) for link, one, other in found if one is not None and other is not None]


def make_alignments(site: Site) -> AlignmentsView:
    """The page of all alignments."""
    single = [entry for entry in site.roster.entries() if artifact_kind(entry.method) is Kind.DICTIONARY]
    choices = tuple(Choice(key=entry.slug, label=entry.title, url=urls.dictionary(entry.slug)) for entry in single)
    rows = [
        AlignmentRow(**dict(_card(link, one, other)), best=_best(site, link, one, other) if place < N_OPEN else ())
        for place, (link, one, other) in enumerate(_shown(site))
    ]
    return AlignmentsView(cards=tuple(rows), choices=choices)


def _best(site: Site, link: Link, one: Entry, other: Entry) -> tuple[Twins, ...]:
    """Crops of the matched pairs with the highest correlation; none when the file is damaged."""
    try:
        with site.alignments.reading(link.digest) as opened:
            pairs, side = opened.alignment.pairs, opened.alignment.side_of(one.digest)
    except ConceptoscopeError as fault:
        log.warning("alignment %s is shown without pictures: %s", link.digest, fault)
        return ()
    matched = np.flatnonzero(pairs["is_matched"])
    ranks = matched[np.argsort(-pairs["correlation"][matched], kind="stable")][:_N_BEST]
    places = zip(pairs[side.value][ranks], pairs[side.other.value][ranks], strict=True)
    return tuple(Twins(a=urls.crop(one.atlas, int(a)), b=urls.crop(other.atlas, int(b))) for a, b in places)


def _card(link: Link, one: Entry, other: Entry) -> AlignmentCard:
    return AlignmentCard(
        a=_side("a", one, n_matched=link.headline["n_matched"]),
        b=_side("b", other, n_matched=link.headline["n_matched"]),
        n_matched=link.headline["n_matched"],
        correlation=link.headline["correlation"],
        held_out=link.headline["held_out"],
        links=Links(html=urls.alignment(one.slug, other.slug), api=urls.api_alignments(one.slug, other.slug)),
    )


def _side(key: str, entry: Entry, *, n_matched: int) -> SideView:
    return SideView(
        key=key,
        slug=entry.slug,
        title=entry.title,
        model_title=entry.model_title,
        layer=entry.layer,
        n_concepts=entry.n_concepts,
        n_matched=n_matched,
        links=Links(html=urls.dictionary(entry.slug), api=urls.api_dictionaries(entry.slug)),
    )


def make_alignment(one: Aligned, asked: Asked, *, entries: Sequence[Entry] = ()) -> AlignmentView:
    """The page of an alignment; ``entries`` are all dictionaries, of which a third may be set beside the two."""
    slugs = one.a.opened.entry.slug, one.b.opened.entry.slug
    n_matched = int(one.alignment.pairs["is_matched"].sum())
    rest: dict[str, Sequence[Any]] = {"fans": _fan_keys(one), "a": lonely(one, one.a), "b": lonely(one, one.b)}
    parts = _parts(one, asked, chosen_pairs(one, asked) if asked.show == "pairs" else rest[asked.show])
    return AlignmentView(
        a=_side("a", one.a.opened.entry, n_matched=n_matched),
        b=_side("b", one.b.opened.entry, n_matched=n_matched),
        show=asked.show,
        numbers=_numbers(one),
        grid=(one.alignment.grid.rows, one.alignment.grid.cols),
        n_images=sum(one.alignment.meta["n_images"].values()),
        scores=_scores(one, asked),
        importance=_importance(one, asked),
        tabs=_tabs(one, asked, {"pairs": n_matched} | {key: len(items) for key, items in rest.items()}),
        sorts=_sorts(slugs, asked),
        correlation=correlation_fields(asked),
        energies=energy_fields(one, asked),
        applied=applied_filters(one, asked),
        mutual_only=asked.mutual,
        others=_others(entries, one),
        swap_url=urls.alignment(slugs[1], slugs[0], query=_swapped(asked.query)),
        clear_url=urls.alignment(*slugs),
        **parts,
    )


def _others(entries: Sequence[Entry], one: Aligned) -> tuple[Choice, ...]:
    first, second = one.a.opened.entry, one.b.opened.entry
    return tuple(
        Choice(key=entry.slug, label=entry.title, url=urls.together((first.slug, second.slug, entry.slug)))
        for entry in entries
        if entry.collection_digest == first.collection_digest and entry.slug not in (first.slug, second.slug)
    )


def _swapped(query: Mapping[str, str]) -> dict[str, str]:
    turned = {"a": "b", "b": "a"}
    turned |= {f"energy_{one}__{op}": f"energy_{other}__{op}" for one, other in ("ab", "ba") for op in ("gte", "lte")}
    return {turned.get(k, k): turned.get(value, value) if k == "show" else value for k, value in query.items()}


def cut_list(one: Aligned, asked: Asked, items: Sequence[Any]) -> Page[Any]:
    """The part of a list that is asked for."""
    slugs = one.a.opened.entry.slug, one.b.opened.entry.slug
    binding = make_binding(one.alignment.digest, *slugs, *(f"{name}={value}" for name, value in asked.query.items()))
    return cut_page(items, cursor=asked.cursor, limit=asked.limit, binding=binding)


def _parts(one: Aligned, asked: Asked, items: Sequence[Any]) -> dict[str, Any]:
    """A page of the list that is asked for."""
    slugs = one.a.opened.entry.slug, one.b.opened.entry.slug
    page = cut_list(one, asked, items)
    made: dict[str, Any] = {}
    if asked.show == "pairs":
        made["pairs"] = make_pairs(one, page.items)
    elif asked.show == "fans":
        made["fans"] = tuple(_fan(one, side, concept) for side, concept in page.items)
    else:
        facing = one.a if asked.show == "a" else one.b
        made["alone"] = tuple(make_card(facing.opened, concept) for concept in page.items)

    def at(cursor: str) -> str:
        return urls.alignment(*slugs, query={**asked.query, "cursor": cursor}) + "#list"

    return made | {"paging": make_paging(page, page_url=at)}


# Splits, and concepts without a partner


def _fan_keys(one: Aligned) -> list[tuple[Side, int]]:
    found = []
    for facing in (one.a, one.b):
        rows = one.alignment.fans(facing.side)
        found += [(facing.side, concept) for concept in dict.fromkeys(row["concept"] for row in rows)]
    return found


def _fan(one: Aligned, side: Side, concept: int) -> Fan:
    rows = one.alignment.fan(side, concept)
    here, there = (one.a, one.b) if one.a.side is side else (one.b, one.a)
    return Fan(
        side=one.key(side),
        concept=make_chip(here.opened, concept),
        coverage=rows[0]["covered"],
        others=tuple(make_chip(there.opened, row["other"]) for row in rows),
        shares=tuple(row["share"] for row in rows),
    )


def lonely(one: Aligned, facing: Facing) -> list[int]:
    """Concepts without a partner, the most energetic first."""
    columns = one.alignment.concepts[facing.side]
    alone = np.flatnonzero(columns["status"] == "unmatched")
    return [int(k) for k in alone[np.argsort(-columns["energy"][alone], kind="stable")]]


# What surrounds the list


def _numbers(one: Aligned) -> tuple[Number, ...]:
    columns, kept = one.columns, one.columns["is_matched"].astype(bool)
    smaller = min(len(one.alignment.concepts[facing.side]["concept"]) for facing in (one.a, one.b))
    shares = {
        "matched_share": float(kept.sum()) / smaller if smaller else None,
        "mutual_share": _mean(columns["is_mutual"][kept].astype(float)),
        "median_correlation": _median(columns["correlation"][kept]),
        "median_held_out": _median(columns["held_out"][kept]),
    }
    return tuple(_alignment_number(key, value, ALIGNMENT[key]) for key, value in shares.items())


def _alignment_number(key: str, value: float | None, word: Word) -> Number:
    range_ = "[0, 1]" if key.endswith("_share") else "[-1, 1]"
    return Number(key=key, label=word.label, value=value, definition=word.definition, range=range_)


def _mean(values: Any) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _median(values: Any) -> float | None:
    known = values[~np.isnan(values.astype(np.float64))]
    return float(np.median(known)) if len(known) else None


def _scores(one: Aligned, asked: Asked) -> Any:
    matched, null = one.alignment.histograms["matched"], one.alignment.histograms["null"]
    slugs = one.a.opened.entry.slug, one.b.opened.entry.slug

    def between(low: float, high: float) -> str:
        return urls.alignment(*slugs, query={"min": f"{low:.4g}", "max": f"{high:.4g}"}) + "#list"

    return charts.overlay(
        matched["edges"],
        matched["counts"],
        null=null["counts"],
        title="How alike pairs are, and what chance gives",
        x_label="correlation of codes",
        labels=("pairs", "best of each concept with images permuted"),
        area=charts.THIRD,
        url_for=between if asked.show == "pairs" else None,
    )


def _importance(one: Aligned, asked: Asked) -> Any:
    """Energy of both concepts of each matched pair, with what is picked out of it."""
    columns, kept = one.columns, one.columns["is_matched"].astype(bool)
    a, b = (energies_of(one, facing)[columns[key][kept]] for key, facing in (("a", one.a), ("b", one.b)))
    points = [(float(x), float(y)) for x, y in zip(a, b, strict=True) if x > 0 and y > 0]
    if not points:
        return None
    labels = side_labels(one)
    bounds = [(asked.energy[f"energy_{side}__gte"], asked.energy[f"energy_{side}__lte"]) for side in ("a", "b")]
    return charts.cells(
        points,
        title="Share of energy, pair by pair",
        x_label=f"{labels[0]} (log)",
        y_label=f"{labels[1]} (log)",
        area=charts.THIRD_LOG,
        chosen=(bounds[0], bounds[1]) if any(bound is not None for pair in bounds for bound in pair) else None,
    )


def _tabs(one: Aligned, asked: Asked, counts: Mapping[str, int]) -> tuple[Choice, ...]:
    slugs = one.a.opened.entry.slug, one.b.opened.entry.slug
    labels = {"pairs": "Pairs", "fans": "Splits and merges"}
    labels |= {"a": f"Only in {one.a.opened.entry.title}", "b": f"Only in {one.b.opened.entry.title}"}
    return tuple(
        Choice(
            key=key,
            label=labels[key],
            url=urls.alignment(*slugs, query={} if key == "pairs" else {"show": key}) + "#list",
            current=key == asked.show,
            n=n,
        )
        for key, n in counts.items()
    )


def _sorts(slugs: tuple[str, str], asked: Asked) -> tuple[Choice, ...]:
    labels = {
        "-correlation": "most alike",
        "-held_out": "most alike on held-out photos",
        "correlation": "least alike",
        "-jaccard": "fire together most",
        "-gap": "differ in importance",
    }
    rest = {name: value for name, value in asked.query.items() if name != "sort"}
    return tuple(
        Choice(
            key=key,
            label=label,
            url=urls.alignment(*slugs, query=rest if key == SORT.default else {**rest, "sort": key}) + "#list",
            current=key == asked.sort,
        )
        for key, label in labels.items()
    )
