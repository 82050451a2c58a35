"""What joins two concepts of one dictionary."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from app.site import Opened, Site
from app.views.beside import BesidePair
from store.atlas.reader import Row
from store.atoms import WEIGHTS, read_atom
from store.errors import NotFound
from store.universal import artifact_kind
from store.vocabulary import Neighbors

_ALL: Final = 10_000


def make_pair(site: Site, opened: Opened, a: int, b: int) -> BesidePair:
    """Cosine of the atoms; how both fire and on which images, as far as the atlas tells."""
    near = {k: opened.atlas.neighbors(k, limit=_ALL) for k in (a, b)}
    coactivation, coactivation_most = _listed(near[a], near[b], kind=Neighbors.COACTIVATION)
    examples, examples_most = _listed(near[a], near[b], kind=Neighbors.EXAMPLES)
    images: dict[int, set[int]] = {a: set(), b: set()}
    for row in opened.atlas.firings((a, b)):
        images[row["concept"]].add(row["image"])
    return BesidePair(
        a=a,
        b=b,
        cosine=_find_cosine(site, opened, a, b),
        coactivation=coactivation,
        coactivation_most=coactivation_most,
        examples=examples,
        examples_most=examples_most,
        n_both=len(images[a] & images[b]),
        n_either=len(images[a] | images[b]),
    )


def _find_cosine(site: Site, opened: Opened, a: int, b: int) -> float | None:
    """``<D_a, D_b>`` of atoms with norm 1; None where the store has the atlas only."""
    entry = opened.entry
    try:
        weights = site.artifacts.get(artifact_kind(entry.method), entry.digest).file(WEIGHTS)
    except NotFound:
        return None
    first, second = (read_atom(weights, k).astype(np.float64) for k in (a, b))
    return float(first @ second)


def _listed(of_a: Sequence[Row], of_b: Sequence[Row], *, kind: Neighbors) -> tuple[float | None, float | None]:
    """The value of a pair in either one's list of nearest, or else the most that it can be: the last value of a list.

    Lists are the largest values in order, so what is on neither list is at most the smaller of their ends.
    """
    lists = [[row for row in rows if row["kind"] == kind] for rows in (of_a, of_b)]
    others = (of_b[0]["concept"] if of_b else None, of_a[0]["concept"] if of_a else None)
    for rows, other in zip(lists, others, strict=True):
        for row in rows:
            if row["other"] == other:
                return row["value"], None
    ends = [rows[-1]["value"] for rows in lists if rows]
    return None, min(ends) if ends else None
