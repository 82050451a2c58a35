"""What answers in other dictionaries to each concept of one: columns by its index, filtered and sorted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.makers.alignment_asking import Aligned
from app.makers.together_asking import Asked, Together

NOBODY = -1


@dataclass(frozen=True)
class Matches:
    """The match of each concept in one other dictionary; correlation is 0 and other ``NOBODY`` where there is none."""

    other: Any
    correlation: Any
    percentile: Any
    held_out: Any
    is_mutual: Any
    is_partner: Any
    found: Any
    """Whether it counts: chance rarely gives as much."""


def matches_of(one: Aligned, *, one_to_one: bool) -> Matches:
    """Of each concept of the page's side a: its partner one-to-one, or the concept that is most like it."""
    concepts, pairs = one.alignment.concepts[one.a.side], one.columns
    rank = np.full(len(concepts["concept"]), NOBODY)
    rank[pairs["a"]] = np.arange(len(pairs["a"]))
    matched = _at(pairs["is_matched"].astype(bool), rank, absent=False)
    partner = _at(pairs["b"], rank, absent=NOBODY)
    held_out = _at(pairs["held_out"].astype(np.float64), rank, absent=np.nan)
    if one_to_one:
        return Matches(
            other=np.where(matched, partner, NOBODY),
            correlation=np.where(matched, _at(pairs["correlation"], rank, absent=0.0), 0.0),
            percentile=np.where(matched, _at(pairs["percentile"], rank, absent=np.nan), np.nan),
            held_out=np.where(matched, held_out, np.nan),
            is_mutual=matched & _at(pairs["is_mutual"].astype(bool), rank, absent=False),
            is_partner=matched,
            found=matched,
        )
    best = np.array([NOBODY if k is None else int(k) for k in concepts["best"]])
    percentile = concepts["best_percentile"].astype(np.float64)
    return Matches(
        other=best,
        correlation=np.nan_to_num(concepts["best_correlation"].astype(np.float64)),
        percentile=percentile,
        held_out=np.where(best == partner, held_out, np.nan),
        is_mutual=concepts["is_mutual"].astype(bool),
        is_partner=matched & (best == partner),
        found=np.nan_to_num(percentile) >= one.alignment.meta["spec"]["level"],
    )


def _at(values: Any, rank: Any, *, absent: Any) -> Any:
    """Values of pairs by their rank; ``absent`` for the rank -1."""
    return np.append(values, absent)[rank]


@dataclass(frozen=True)
class Ranking:
    """The first dictionary's concepts with what is said of their matches, and which of them are listed."""

    matches: Mapping[int, Matches]
    weakest: Any
    mean: Any
    energy: Any
    n_found: Any
    counts: Mapping[str, int]
    """Number of concepts by where they are found, under the other filters."""
    chosen: list[int]


def rank_concepts(all_: Together, asked: Asked) -> Ranking:
    """Concepts that fire and meet the filters, in the order asked for; equal ones by index.

    ``weakest = min_j c_j``, ``mean = 1/n sum_j c_j``, ``spread = max_j c_j - min_j c_j`` over the n dictionaries
    that the first is aligned with; c_j is the correlation with the match in dictionary j, and 0 where there is none.
    """
    leading = all_.leading
    if not leading:
        none = np.zeros(0)
        return Ranking({}, none, none, none, none, dict.fromkeys(("any", "all", "some", "none"), 0), [])
    matches = {place: matches_of(one, one_to_one=asked.one_to_one) for place, one in leading.items()}
    correlation = np.stack([one.correlation for one in matches.values()])
    weakest, mean = correlation.min(axis=0), correlation.mean(axis=0)
    energy = _energy(leading)
    n_found = np.sum([one.found for one in matches.values()], axis=0)
    kept = _fires(leading) & (weakest >= (-np.inf if asked.minimum is None else asked.minimum))
    if asked.mutual:
        kept &= np.all([one.is_mutual for one in matches.values()], axis=0)
    places = {
        "any": np.ones(len(kept), dtype=bool),
        "all": n_found == len(matches),
        "some": (n_found > 0) & (n_found < len(matches)),
        "none": n_found == 0,
    }
    spread = correlation.max(axis=0) - weakest
    keys = {"-weakest": -weakest, "-mean": -mean, "weakest": weakest, "-spread": -spread, "-energy": -energy}
    chosen = np.flatnonzero(kept & places[asked.found])
    return Ranking(
        matches=matches,
        weakest=weakest,
        mean=mean,
        energy=energy,
        n_found=n_found,
        counts={key: int(np.sum(kept & where)) for key, where in places.items()},
        chosen=[int(k) for k in chosen[np.argsort(keys[asked.sort][chosen], kind="stable")]],
    )


def _fires(leading: Mapping[int, Aligned]) -> Any:
    return np.any([one.alignment.concepts[one.a.side]["status"] != "silent" for one in leading.values()], axis=0)


def _energy(leading: Mapping[int, Aligned]) -> Any:
    """Shares of energy of the first dictionary; shared grids differ a little from pair to pair, the first is taken."""
    one = next(iter(leading.values()))
    return one.alignment.concepts[one.a.side]["energy"]
