"""Three or four dictionaries side by side, as a page and an API answer."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from app import charts, urls
from app.makers.alignment_asking import Aligned
from app.makers.alignment_pairs import compare_heats
from app.makers.concepts import make_chip
from app.makers.paging import make_paging
from app.makers.places import in_pixels, seen_box
from app.makers.together_asking import SORT, Asked, Together
from app.makers.together_matches import NOBODY, Matches, Ranking, rank_concepts
from app.makers.together_photos import Album, Concepts, Heat, choose_photos
from app.pictures import data_uri
from app.roster import Entry
from app.site import Opened
from app.views.alignment import Between
from app.views.base import Choice, Links
from app.views.together import Answer, Gathered, Meeting, Member, Photo, Sight, TogetherView
from store.atlas.cursor import cut_page, make_binding
from store.grid import Box
from store.vocabulary import JobKind


def make_together(all_: Together, asked: Asked) -> TogetherView:
    """The page of three or four dictionaries."""
    slugs, ranking = all_.slugs, rank_concepts(all_, asked)
    digests = [one.alignment.digest for one in all_.alignments.values()]
    binding = make_binding(*digests, *slugs, *(f"{name}={value}" for name, value in asked.query.items()))
    page = cut_page(ranking.chosen, cursor=asked.cursor, limit=asked.limit, binding=binding)

    def at(cursor: str) -> str:
        return urls.together(slugs, {**asked.query, "cursor": cursor}) + "#list"

    return TogetherView(
        members=_members(all_, asked),
        meetings=_meetings(all_),
        n_aligned=len(all_.leading),
        counts=dict(ranking.counts),
        rows=_rows(all_, ranking, page.items),
        tabs=_tabs(slugs, asked, ranking),
        sorts=_sorts(slugs, asked),
        correlation=Between(label="Weakest", low_name="min", high_name="", low=asked.query.get("min", ""), high=""),
        found=asked.query.get("in", ""),
        one_to_one=asked.one_to_one,
        mutual_only=asked.mutual,
        clear_url=urls.together(slugs),
        paging=make_paging(page, page_url=at),
    )


# Dictionaries, and how two of them meet


def short_names(entries: Sequence[Entry]) -> list[str]:
    """What dictionaries are called where there is little room: by their models, where that tells them apart."""
    times = Counter(entry.model_title for entry in entries)
    return [entry.model_title if times[entry.model_title] == 1 else entry.title for entry in entries]


def _members(all_: Together, asked: Asked) -> tuple[Member, ...]:
    entries = [one.entry for one in all_.members]
    return tuple(
        Member(
            slug=entry.slug,
            title=entry.title,
            label=name,
            model_title=entry.model_title,
            layer=entry.layer,
            n_concepts=entry.n_concepts,
            links=Links(html=urls.dictionary(entry.slug), api=urls.api_dictionaries(entry.slug)),
            lead_url=urls.together((entry.slug, *(s for s in all_.slugs if s != entry.slug)), asked.query),
        )
        for entry, name in zip(entries, short_names(entries), strict=True)
    )


def _meetings(all_: Together) -> tuple[Meeting, ...]:
    bins = _common_bins(all_.alignments.values())
    return tuple(
        _meeting(all_.members[a].entry, all_.members[b].entry, all_.alignments.get((a, b)), bins=bins)
        for a, b in combinations(range(len(all_.members)), 2)
    )


def _common_bins(alignments: Any) -> tuple[int, int] | None:
    """Bins that any of them uses, so that all histograms have one axis."""
    used = [
        charts.used_bins(one.alignment.histograms["matched"]["counts"], one.alignment.histograms["null"]["counts"])
        for one in alignments
    ]
    return (min(first for first, _ in used), max(last for _, last in used)) if used else None


def _meeting(a: Entry, b: Entry, one: Aligned | None, *, bins: tuple[int, int] | None) -> Meeting:
    links = Links(html=urls.alignment(a.slug, b.slug), api=urls.api_alignments(a.slug, b.slug))
    comparable = a.collection_digest == b.collection_digest
    return Meeting(
        a=a.slug,
        b=b.slug,
        aligned=one is not None,
        comparable=comparable,
        n_matched=None if one is None else int(one.alignment.pairs["is_matched"].sum()),
        n_concepts=min(a.n_concepts, b.n_concepts),
        held_out=None if one is None else _held_out(one),
        scores=None if one is None else _scores(a, b, one, bins=bins),
        links=None if one is None else links,
        job_url=urls.new_job(JobKind.ALIGN, {"first": a.slug, "second": b.slug}) if comparable else "",
    )


def _held_out(one: Aligned) -> float | None:
    pairs = one.alignment.pairs
    known = pairs["held_out"].astype(np.float64)[pairs["is_matched"].astype(bool)]
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else None


def _scores(a: Entry, b: Entry, one: Aligned, *, bins: tuple[int, int] | None) -> Any:
    matched, null = one.alignment.histograms["matched"], one.alignment.histograms["null"]
    return charts.overlay(
        matched["edges"],
        matched["counts"],
        null=null["counts"],
        title=f"{a.title} against {b.title}",
        x_label="correlation of codes",
        labels=("pairs", "best of each concept with images permuted"),
        area=charts.MATRIX,
        bins=bins,
    )


# Concepts of the first


def _rows(all_: Together, ranking: Ranking, concepts: Sequence[int]) -> tuple[Gathered, ...]:
    keys = [_keys(all_, ranking, concept) for concept in concepts]
    album, photos = choose_photos(all_, keys)
    return tuple(
        Gathered(
            concept=make_chip(all_.members[0], concept),
            energy=float(ranking.energy[concept]),
            weakest=float(ranking.weakest[concept]),
            mean=float(ranking.mean[concept]),
            n_found=int(ranking.n_found[concept]),
            answers=tuple(
                _answer(all_.members[place], ranking.matches.get(place), concept)
                for place in range(1, len(all_.members))
            ),
            photos=tuple(_photo(all_, album, key, photo) for photo in ids),
        )
        for concept, key, ids in zip(concepts, keys, photos, strict=True)
    )


def _keys(all_: Together, ranking: Ranking, concept: int) -> Concepts:
    others = (ranking.matches.get(place) for place in range(1, len(all_.members)))
    return (
        concept,
        *(None if one is None or one.other[concept] == NOBODY else int(one.other[concept]) for one in others),
    )


def _answer(member: Opened, matches: Matches | None, concept: int) -> Answer:
    nobody = matches is None or matches.other[concept] == NOBODY
    if matches is None or nobody:
        return Answer(
            slug=member.entry.slug,
            concept=None,
            aligned=matches is not None,
            correlation=None,
            held_out=None,
            percentile=None,
            mutual=False,
            one_to_one=False,
            found=False,
        )
    return Answer(
        slug=member.entry.slug,
        concept=make_chip(member, int(matches.other[concept])),
        aligned=True,
        correlation=float(matches.correlation[concept]),
        held_out=_known(matches.held_out[concept]),
        percentile=_known(matches.percentile[concept]),
        mutual=bool(matches.is_mutual[concept]),
        one_to_one=bool(matches.is_partner[concept]),
        found=bool(matches.found[concept]),
    )


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


# Photos


def _photo(all_: Together, album: Album, concepts: Concepts, photo: str) -> Photo:
    row = album.photos[photo]
    heats = [album.heat(place, concept, photo) for place, concept in enumerate(concepts)]
    boxes = [seen_box(one.atlas, row) for one in all_.members]
    width, height = row["thumbnail_width"], row["thumbnail_height"]
    return Photo(
        image=photo,
        class_name=row["class"],
        width=width,
        height=height,
        thumbnail=row["thumbnail"],
        alt=f"Photo {photo[:6]}{', class ' + row['class'] if row['class'] else ''}",
        sights=tuple(
            Sight(
                slug=one.entry.slug,
                source=heat.source,
                value=None if heat.source == "none" else heat.peak,
                scale=None if heat.source == "none" else heat.scale,
                n_top=heat.n_top,
                seen=in_pixels(box, width=width, height=height),
                heat="" if heat.source == "none" else data_uri(heat.values),
                url=urls.image(photo, one.entry.slug, concept=concept),
                **compared(heats[0], heat, boxes=(boxes[0], box), is_first=place == 0),
            )
            for place, (one, concept, heat, box) in enumerate(zip(all_.members, concepts, heats, boxes, strict=True))
        ),
    )


def compared(first: Heat, heat: Heat, *, boxes: tuple[Box, Box], is_first: bool) -> dict[str, Any]:
    """Where a heat differs from the first, and how far both overlap."""
    if is_first or not (first.is_known and heat.is_known):
        return {"iou": None}
    difference, iou = compare_heats(first.values, heat.values, seen=boxes)
    return {"iou": iou, "difference": data_uri(difference)}


# Choices


def _tabs(slugs: Sequence[str], asked: Asked, ranking: Ranking) -> tuple[Choice, ...]:
    labels = {"any": "All concepts", "all": "Found in all", "some": "Found in some", "none": "Only in the first"}
    rest = {name: value for name, value in asked.query.items() if name != "in"}
    return tuple(
        Choice(
            key=key,
            label=label,
            url=urls.together(slugs, rest if key == "any" else {"in": key, **rest}) + "#list",
            current=key == asked.found,
            n=ranking.counts[key],
        )
        for key, label in labels.items()
    )


def _sorts(slugs: Sequence[str], asked: Asked) -> tuple[Choice, ...]:
    labels = {
        "-weakest": "seen by all: weakest match",
        "-mean": "mean match",
        "-spread": "seen by one, not by another",
        "weakest": "least alike",
        "-energy": "most energetic",
    }
    rest = {name: value for name, value in asked.query.items() if name != "sort"}
    return tuple(
        Choice(
            key=key,
            label=label,
            url=urls.together(slugs, rest if key == SORT.default else {**rest, "sort": key}) + "#list",
            current=key == asked.sort,
        )
        for key, label in labels.items()
    )
