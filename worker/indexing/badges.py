"""Warnings about concepts, each with what was measured and where the warning starts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from store.vocabulary import Badge
from worker.indexing.neighbors import Lists
from worker.indexing.totals import Totals

DENSE_ABOVE = 0.10
POSITION_ENTROPY_BELOW = 0.80
POSITION_IMAGES = 20  # with fewer firing images a narrow mean map says little
DUPLICATE_DECODER = 0.95
DUPLICATE_CODES = 0.90


@dataclass(frozen=True)
class Evidence:
    """One badge of one concept and what backs it."""

    concept: int
    badge: Badge
    value: float
    threshold: float
    other: int | None
    reason: str


def position_entropy(position: Float64[np.ndarray, "K p"]) -> Float64[np.ndarray, " K"]:
    """Entropy of each concept's mean map over the grid, divided by log(p): 1 = anywhere alike, 0 = one patch."""
    total = position.sum(axis=1, keepdims=True)
    share = position / np.where(total > 0, total, 1)
    logs = np.log(np.where(share > 0, share, 1))
    return np.asarray(-(share * logs).sum(axis=1) / np.log(max(position.shape[1], 2)), dtype=np.float64)


def find_badges(
    totals: Totals, *, entropy: Float64[np.ndarray, " K"], decoder: Lists, coactivation: Lists
) -> list[Evidence]:
    """All warnings, ordered by concept."""
    found = [
        *_dead(totals),
        *_dense(totals),
        *_position_only(totals, entropy),
        *_duplicates(totals, decoder, coactivation),
    ]
    return sorted(found, key=lambda evidence: (evidence.concept, evidence.badge))


def _dead(totals: Totals) -> Iterator[Evidence]:
    for concept in np.flatnonzero(totals.count == 0):
        reason = f"It fires on none of the {totals.n_tokens:,} patches of the collection."
        yield Evidence(int(concept), Badge.DEAD, 0.0, 0.0, None, reason)


def _dense(totals: Totals) -> Iterator[Evidence]:
    density = totals.count / max(totals.n_tokens, 1)
    for concept in np.flatnonzero(density > DENSE_ABOVE):
        reason = f"It fires on {density[concept]:.0%} of all patches (dense above {DENSE_ABOVE:.0%})."
        yield Evidence(int(concept), Badge.DENSE, float(density[concept]), DENSE_ABOVE, None, reason)


def _position_only(totals: Totals, entropy: Float64[np.ndarray, " K"]) -> Iterator[Evidence]:
    narrow = (entropy < POSITION_ENTROPY_BELOW) & (totals.n_firing_images >= POSITION_IMAGES)
    for concept in np.flatnonzero(narrow):
        reason = (
            f"Its mean map has entropy {entropy[concept]:.2f} of 1 over {totals.n_firing_images[concept]} images: "
            f"it fires at the same place whatever the photo shows (below {POSITION_ENTROPY_BELOW})."
        )
        value = float(entropy[concept])
        yield Evidence(int(concept), Badge.POSITION_ONLY, value, POSITION_ENTROPY_BELOW, None, reason)


def _duplicates(totals: Totals, decoder: Lists, coactivation: Lists) -> Iterator[Evidence]:
    """A concept whose atom nearly equals a stronger concept's, or that fires with it almost always."""
    checks = ((decoder, DUPLICATE_DECODER, "atoms"), (coactivation, DUPLICATE_CODES, "codes"))
    told: set[int] = set()
    for (others, values), threshold, what in checks:
        near = _at(others, values)
        for concept, other, value in near:
            weaker = totals.total[concept] <= totals.total[other]
            if value < threshold or concept in told or not weaker or not totals.count[concept]:
                continue
            told.add(concept)
            reason = (
                f"Its {what} have cosine {value:.2f} with those of the stronger concept {other} (from {threshold})."
            )
            yield Evidence(concept, Badge.DUPLICATE, value, threshold, other, reason)


def _at(
    others: np.ndarray[tuple[int, int], np.dtype[np.int64]], values: Float32[np.ndarray, "K n"]
) -> Iterator[tuple[int, int, float]]:
    for concept, (other, value) in enumerate(zip(others[:, 0], values[:, 0], strict=True)):
        if other >= 0:
            yield concept, int(other), float(value)
