"""The best single concept for an object: chosen on one half of the images, scored on the other."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

Codes = Float64[np.ndarray, "n K"]
Shown = Bool[np.ndarray, "n m"]


@dataclass(frozen=True)
class Scores:
    """Means over objects, each in [0, 1]."""

    balanced_accuracy: float
    auroc: float
    published_accuracy: float


def score(train: tuple[Codes, Shown], test: tuple[Codes, Shown]) -> Scores:
    """Scores of the best concepts; ``train`` and ``test`` are codes of images and which objects they show.

    Balanced accuracy ``(P(z > t | shown) + P(z <= t | not shown)) / 2``, or with both turned: concept, sign and
    threshold t (halfway between two neighbouring codes) are those with the highest on the train half. AUROC: concept
    and sign are those with the highest on the train half. Both are of the test half. The published accuracy (arXiv
    2502.12892) is ``max over concepts and thresholds of P(1[z > t] = shown)`` over the percentiles 1 to 100 of z, all
    of it on the test half: it has no other half to be honest on.
    """
    rule = _best_rules(*train)
    ranked = auroc(*train)
    concept = np.abs(ranked - 0.5).argmax(axis=1)
    objects = np.arange(len(concept))
    tested = auroc(test[0][:, concept], test[1])[objects, objects]
    signed = np.where(ranked[objects, concept] >= 0.5, tested, 1 - tested)
    return Scores(
        balanced_accuracy=float(_balanced(rule, *test).mean()),
        auroc=float(signed.mean()),
        published_accuracy=float(published_accuracy(*test).mean()),
    )


def floor(train: tuple[Codes, Shown], test: tuple[Codes, Shown], *, n_draws: int, seed: int) -> Scores:
    """The same with the images' labels permuted within each half, in mean over draws: what choosing alone gives."""
    rng = np.random.default_rng(seed)
    drawn = [score(_permuted(*train, rng=rng), _permuted(*test, rng=rng)) for _ in range(n_draws)]
    names = ("balanced_accuracy", "auroc", "published_accuracy")
    return Scores(**{name: float(np.mean([getattr(one, name) for one in drawn])) for name in names})


def auroc(codes: Codes, shown: Shown) -> Float64[np.ndarray, "m K"]:
    """``P(z_shown > z_other) + P(z_shown = z_other) / 2`` of each concept for each object, by ranks."""
    from scipy.stats import rankdata

    n_shown = shown.sum(axis=0)[:, None]
    sums = shown.T.astype(float) @ rankdata(codes, axis=0)
    pairs = n_shown * (len(codes) - n_shown)
    found: Float64[np.ndarray, "m K"] = (sums - n_shown * (n_shown + 1) / 2) / np.maximum(pairs, 1)
    return np.where(pairs > 0, found, 0.5)


def published_accuracy(codes: Codes, shown: Shown) -> Float64[np.ndarray, " m"]:
    """``max_(i, t) P(1[z_i > t] = shown_j)`` for each object j, t over the percentiles 1 to 100 of z_i."""
    thresholds = np.percentile(codes, np.arange(1, 101), axis=0)
    best = np.zeros(shown.shape[1])
    for row in thresholds:
        above = (codes > row).astype(float)
        right = above.T @ shown + (1 - above).T @ ~shown
        best = np.maximum(best, right.max(axis=0) / len(codes))
    return best


class _Rules(NamedTuple):
    """For each object: a concept, its threshold, and whether the object is shown above or below it."""

    concept: Int64[np.ndarray, " m"]
    threshold: Float64[np.ndarray, " m"]
    above: Bool[np.ndarray, " m"]


def _best_rules(codes: Codes, shown: Shown) -> _Rules:
    n_objects = shown.shape[1]
    best = np.full(n_objects, -1.0)
    rules = _Rules(np.zeros(n_objects, np.int64), np.zeros(n_objects), np.zeros(n_objects, bool))
    for k in range(codes.shape[1]):
        thresholds, gains = _gains(codes[:, k], shown)
        at = np.abs(gains).argmax(axis=0)
        value = gains[at, np.arange(n_objects)]
        better = np.abs(value) > best
        best[better] = np.abs(value)[better]
        rules.concept[better], rules.threshold[better] = k, thresholds[at][better]
        rules.above[better] = value[better] >= 0
    return rules


def _gains(
    values: Float64[np.ndarray, " n"], shown: Shown
) -> tuple[Float64[np.ndarray, " t"], Float64[np.ndarray, "t m"]]:
    """Thresholds between neighbouring codes, and ``P(z > t | shown) - P(z > t | not shown)`` at each."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    last = np.append(np.flatnonzero(np.diff(ordered) > 0), len(values) - 1)
    n_below = last + 1
    shown_below = np.cumsum(shown[order], axis=0)[last]
    n_shown = shown.sum(axis=0)
    above = (n_shown - shown_below) / np.maximum(n_shown, 1)
    others = ((len(values) - n_below)[:, None] - (n_shown - shown_below)) / np.maximum(len(values) - n_shown, 1)
    upper = ordered[np.minimum(last + 1, len(values) - 1)]
    return (ordered[last] + upper) / 2, above - others


def _balanced(rule: _Rules, codes: Codes, shown: Shown) -> Float64[np.ndarray, " m"]:
    said = (codes[:, rule.concept] > rule.threshold) == rule.above
    right = (said & shown).sum(axis=0) / np.maximum(shown.sum(axis=0), 1)
    spared = (~said & ~shown).sum(axis=0) / np.maximum((~shown).sum(axis=0), 1)
    accuracy: Float64[np.ndarray, " m"] = (right + spared) / 2
    return accuracy


def _permuted(codes: Codes, shown: Shown, *, rng: np.random.Generator) -> tuple[Codes, Shown]:
    return codes, shown[rng.permutation(len(shown))]
