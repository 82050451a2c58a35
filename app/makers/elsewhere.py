"""What answers to a concept in the other dictionaries that its own is aligned with."""

from collections.abc import Iterator

from app import urls
from app.makers.alignment_asking import Aligned, aligned
from app.makers.alignment_pairs import find_rank, make_pairs
from app.makers.concepts import make_chip
from app.roster import Entry
from app.site import Site
from app.views.alignment import Elsewhere, Pair
from app.views.base import Links


def make_elsewhere(site: Site, entry: Entry, concept: int) -> tuple[Elsewhere, ...]:
    """One for each aligned dictionary that can be shown."""
    return tuple(_elsewhere(site, entry, other, concept=concept) for other in _aligned_with(site, entry))


def _aligned_with(site: Site, entry: Entry) -> Iterator[Entry]:
    by_digest = {other.digest: other for other in site.roster.entries()}
    for link in site.roster.links():
        if entry.digest in (link.first, link.second):
            other = by_digest.get(link.second if entry.digest == link.first else link.first)
            if other is not None:
                yield other


def _elsewhere(site: Site, entry: Entry, other: Entry, *, concept: int) -> Elsewhere:
    with aligned(site, entry.slug, other.slug) as one:
        row = one.alignment.concept(one.a.side, concept)
        return Elsewhere(
            slug=other.slug,
            title=other.title,
            model_title=other.model_title,
            layer=other.layer,
            status=row["status"],
            best=make_chip(one.b.opened, row["best"]) if row["best"] is not None else None,
            correlation=row["best_correlation"],
            percentile=row["best_percentile"],
            pair=_pair(one, concept),
            links=Links(html=urls.alignment(entry.slug, other.slug), api=urls.api_alignments(entry.slug, other.slug)),
        )


def _pair(one: Aligned, concept: int) -> Pair | None:
    rank = find_rank(one, concept)
    return None if rank is None else make_pairs(one, [rank])[0]
