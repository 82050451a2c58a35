"""Whether an order of concepts is right: take them away one after the other, or put them back, and watch the class.

A photo is ``x = origin + z D + e``. Deletion starts at x and takes concepts away in order, ``x - sum_{k in first s} z_k
d_k``; insertion starts without any of them, the error kept, and puts them back in order. The score is the class's
probability. A right order makes it fall fast and rise fast: the area under deletion, over the share of concepts taken,
is small, that under insertion large. Beside it stand the opposite order and random ones, the same for all photos.

Where everything is taken the remainder is left, ``y(origin + e)``; what the error does shows in the prediction through
the dictionary, ``y(origin + z D)``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from store.errors import InvalidInput
from worker.effects.photo import CodedPhoto
from worker.effects.tails import Tail

N_POINTS, N_DRAWS = 24, 8


class Order(StrEnum):
    """In which order concepts go or come."""

    MOST = "most"  # as given, the most important first
    LEAST = "least"  # the other way round
    RANDOM = "random"  # drawn; the mean of all draws


class Walk(StrEnum):
    """Which way."""

    DELETION = "deletion"
    INSERTION = "insertion"


@dataclass(frozen=True)
class Curve:
    """Mean probability of the class after every step, over the photos."""

    order: Order
    walk: Walk
    probability: Float64[np.ndarray, " s"]
    standard_error: Float64[np.ndarray, " s"]
    """Over photos; NaN for one photo."""
    area: float
    """Under the probability, over the share of concepts, in [0, 1]."""
    area_spread: float
    """Standard deviation of the area over random draws; 0 for an order that is not drawn."""


@dataclass(frozen=True)
class Curves:
    """All curves of a class, and what the class's probability is without touching concepts, in mean over the photos."""

    class_index: int
    n_images: int
    taken: Int64[np.ndarray, " s"]
    """Concepts taken away, or put back, after every step; first 0, last all."""
    curves: tuple[Curve, ...]
    whole: float
    """Of the photos as they are."""
    through: float
    """Of their reconstructions, the error left out."""
    remainder: float
    """Of the photos without any concept, the error kept."""

    def curve(self, order: Order, walk: Walk) -> Curve:
        """One of them."""
        return next(curve for curve in self.curves if (curve.order, curve.walk) == (order, walk))


def class_curves(
    photos: Iterable[tuple[CodedPhoto, Tail]],
    class_index: int,
    *,
    order: Sequence[int],
    n_draws: int = N_DRAWS,
    n_points: int = N_POINTS,
    seed: int = 0,
) -> Curves:
    """Curves of a class over photos, which come one by one and are not kept; equal arguments give equal curves.

    Concepts that the order does not name are never touched. Raises ``InvalidInput`` without photos or concepts.
    """
    orders = _orders(order, n_draws=n_draws, seed=seed)
    taken = cuts(len(order), n_points)
    groups = [_groups(one, taken) for one in orders]
    scores, fixed = [], []
    for photo, tail in photos:
        walks = [_walk(photo, tail, class_index, group=group, n_steps=len(taken)) for group in groups]
        scores.append(torch.stack(walks).numpy())
        fixed.append(_fixed(photo, tail, class_index))
    if not scores or not len(order):
        raise InvalidInput(f"Class {class_index} has {len(scores)} photos and {len(order)} concepts: nothing to show.")
    found = np.stack(scores)  # [photos, orders, 2, steps]: one number for each, whatever the photos' size
    places = {Order.MOST: slice(0, 1), Order.LEAST: slice(1, 2), Order.RANDOM: slice(2, None)}
    curves = [
        _curve(found[:, places[which], side], which, walk, taken=taken)
        for which in Order
        for side, walk in enumerate(Walk)
        if found[:, places[which]].shape[1]
    ]
    whole, through, remainder = np.mean(fixed, axis=0).tolist()
    return Curves(class_index, len(found), taken, tuple(curves), whole, through, remainder)


def cuts(n_concepts: int, n_points: int) -> Int64[np.ndarray, " s"]:
    """How many concepts are gone after each step: from 0 to all, close together at first."""
    shares = np.linspace(0, 1, n_points + 1) ** 2
    return np.unique(np.concatenate(([0], np.ceil(shares * n_concepts)))).astype(np.int64)


def _orders(order: Sequence[int], *, n_draws: int, seed: int) -> list[list[int]]:
    given = list(order)
    drawn = [np.random.default_rng([seed, i]).permutation(sorted(given)).tolist() for i in range(n_draws)]
    return [given, given[::-1], *drawn]


def _groups(order: Sequence[int], taken: Int64[np.ndarray, " s"]) -> dict[int, int]:
    """At which step each concept goes, from 1."""
    steps = np.searchsorted(taken, np.arange(1, len(order) + 1))
    return dict(zip(order, steps.tolist(), strict=True))


def _walk(
    photo: CodedPhoto, tail: Tail, class_index: int, *, group: dict[int, int], n_steps: int
) -> Float64[Tensor, "2 s"]:
    """The class's probability after every step of deletion and of insertion."""
    step_of = torch.tensor([group.get(k, 0) for k in photo.concepts.tolist()], dtype=torch.int64)
    member = torch.nn.functional.one_hot(step_of, n_steps).double() * (step_of > 0)[:, None]
    added = torch.einsum("nm,ms,md->snd", photo.codes, member, photo.active_atoms).cumsum(dim=0)
    added = added.view(n_steps, *photo.patches.shape)
    states = torch.cat([photo.patches - added, photo.patches - added[-1] + added])
    return tail.logits(states).softmax(dim=1)[:, class_index].view(2, n_steps)


def _fixed(photo: CodedPhoto, tail: Tail, class_index: int) -> list[float]:
    states = torch.stack([photo.patches, photo.reconstruction, photo.emptied])
    return tail.logits(states).softmax(dim=1)[:, class_index].tolist()


def _curve(scores: Float64[np.ndarray, "i r s"], order: Order, walk: Walk, *, taken: Int64[np.ndarray, " s"]) -> Curve:
    n, of_photos = len(scores), scores.mean(axis=1)
    error = of_photos.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(len(taken), np.nan)
    areas = np.trapezoid(scores.mean(axis=0), taken / taken[-1], axis=1)
    spread = float(areas.std(ddof=1)) if len(areas) > 1 else 0.0
    return Curve(order, walk, of_photos.mean(axis=0), error, float(areas.mean()), spread)
