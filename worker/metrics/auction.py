"""Matching by auction: persons (rows) bid for objects (columns), whose prices rise until everybody has one.

Bertsekas 1988. With prices p, person i is content with object j when ``s_ij - p_j`` is within epsilon of the best it
can get; when all are, the total is within epsilon per person of the largest. Any prices p >= 0 bound every matching::

    total <= sum_i max_j (s_ij - p_j) + sum_j p_j

so that the gap is known, whatever the auction did.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64

from store.errors import InvalidInput
from worker.metrics.similarities import Similarities

_N_CANDIDATES = 128
_FIRST_EPSILON, _SHRINK = 0.1, 5.0


@dataclass(frozen=True)
class Assignment:
    """The object of each person, its similarity, and what no total exceeds."""

    objects: Int64[np.ndarray, " K"]
    similarities: Float64[np.ndarray, " K"]
    bound: float


def auction(similarities: Similarities, *, epsilon: float, n_candidates: int = _N_CANDIDATES) -> Assignment:
    """An object for each person, ``K <= J``; the total is within ``K epsilon`` of the largest.

    Mutual nearest pairs are assigned first: at prices of 0 they are content. Where there are as many objects as
    persons epsilon starts large and shrinks, prices stay from round to round; where there are more, an object nobody
    wants must keep the price 0, so that epsilon is small from the start. A person looks at its ``n_candidates`` best
    objects and at a bound of all others, and reads its whole row again only when that bound is above what it has.
    Memory: O(J + K n_candidates) and a block of rows. Raises ``InvalidInput`` for similarities that are not finite.
    """
    market = _Market(similarities, n_candidates=n_candidates)
    market.assign_mutual_nearest()
    square = similarities.shape[0] == similarities.shape[1]
    for step in _epsilons(epsilon) if square else (epsilon,):
        market.release(epsilon=step)
        market.trade(epsilon=step)
    return Assignment(market.object_of, market.similarities(), market.bound())


def _epsilons(last: float) -> list[float]:
    """Falling from the first one by a factor to the last."""
    steps = [last]
    while steps[-1] * _SHRINK < _FIRST_EPSILON:
        steps.append(steps[-1] * _SHRINK)
    return steps[::-1]


class _Market:
    """Prices, owners, and what each person knows."""

    def __init__(self, table: Similarities, *, n_candidates: int) -> None:
        self.table = table
        n_persons, n_objects = table.shape
        self.prices = np.zeros(n_objects)
        self.owner = np.full(n_objects, -1)
        self.object_of = np.full(n_persons, -1)
        width = min(max(n_candidates, 2), n_objects)
        self.candidates = np.zeros((n_persons, width), dtype=np.int64)
        self.values = np.zeros((n_persons, width))  # similarities with the candidates
        self.floor = np.full(n_persons, -np.inf)  # no other object is worth more: prices never fall
        self._nearest = np.full(n_objects, -np.inf), np.full(n_objects, -1)
        self._look(np.arange(n_persons), first=True)

    def assign_mutual_nearest(self) -> None:
        """Persons and objects that are each other's most similar, the first of equals."""
        best = self.candidates[np.arange(len(self.candidates)), self.values.argmax(axis=1)]
        persons = np.flatnonzero(self._nearest[1][best] == np.arange(len(best)))
        self.object_of[persons], self.owner[best[persons]] = best[persons], persons

    def release(self, *, epsilon: float) -> None:
        """Take from every person an object it is no longer content with."""
        persons = np.flatnonzero(self.object_of >= 0)
        objects = self.object_of[persons]
        own = self._values_of(persons) - self.prices[objects]
        best = np.maximum(self._worth(persons).max(axis=1), self.floor[persons])
        leaving = own < best - epsilon
        self.owner[objects[leaving]], self.object_of[persons[leaving]] = -1, -1

    def trade(self, *, epsilon: float) -> None:
        """Bid until everybody has an object."""
        while len(waiting := np.flatnonzero(self.object_of < 0)):
            worth = self._worth(waiting)
            stale = worth.max(axis=1) < self.floor[waiting]
            if stale.any():
                self._look(waiting[stale])
                worth = self._worth(waiting)
            self._bid(waiting, worth, epsilon=epsilon)

    def similarities(self) -> Float64[np.ndarray, " K"]:
        """Of each person with its object."""
        return self._values_of(np.arange(len(self.object_of)))

    def bound(self) -> float:
        """``sum_i max_j (s_ij - p_j) + sum_j p_j``."""
        total = float(self.prices.sum())
        for _, block in self.table.blocks():
            total += float((block.double() - torch.from_numpy(self.prices).to(block.device)).amax(dim=1).sum())
        return total

    def _values_of(self, persons: Int64[np.ndarray, " b"]) -> Float64[np.ndarray, " b"]:
        """Similarities of persons with what they have, which is among their candidates: only others look anew."""
        held = self.candidates[persons] == self.object_of[persons][:, None]
        return np.asarray(self.values[persons, held.argmax(axis=1)])

    def _worth(self, persons: Int64[np.ndarray, " b"]) -> Float64[np.ndarray, "b m"]:
        return np.asarray(self.values[persons] - self.prices[self.candidates[persons]])

    def _bid(self, persons: Int64[np.ndarray, " b"], worth: Float64[np.ndarray, "b m"], *, epsilon: float) -> None:
        """Each raises the price of its best object until the second best is as good, and epsilon more."""
        wanted = self.candidates[persons, worth.argmax(axis=1)]
        top = np.sort(worth, axis=1)[:, -2:] if worth.shape[1] > 1 else np.repeat(worth, 2, axis=1)
        second = np.maximum(top[:, 0], self.floor[persons])
        bids = self.prices[wanted] + (top[:, 1] - second) + epsilon
        order = np.lexsort((-persons, bids))  # of several bids for an object the last stays: the highest, lowest person
        objects, winner = np.unique(wanted[order][::-1], return_index=True)
        winners = order[::-1][winner]
        before = self.owner[objects]
        self.object_of[before[before >= 0]] = -1
        self.owner[objects], self.object_of[persons[winners]] = persons[winners], objects
        self.prices[objects] = bids[winners]

    def _look(self, persons: Int64[np.ndarray, " b"], *, first: bool = False) -> None:
        """Find these persons' best objects at today's prices."""
        width = self.candidates.shape[1]
        whole = width == self.table.shape[1]
        for some, block in self.table.blocks(persons):
            values = block.double()
            if not bool(values.sum().isfinite()):
                raise InvalidInput("Some similarities are NaN or infinite; nothing was matched.")
            best = (values - torch.from_numpy(self.prices).to(values.device)).topk(width, dim=1)
            self.candidates[some] = best.indices.cpu().numpy()
            self.values[some] = values.gather(1, best.indices).cpu().numpy()
            self.floor[some] = -np.inf if whole else best.values[:, -1].cpu().numpy()
            if first:
                self._note_nearest(some, values)

    def _note_nearest(self, persons: Int64[np.ndarray, " b"], values: torch.Tensor) -> None:
        """Keep for each object the person most similar to it so far."""
        top = values.max(dim=0)
        value, person = top.values.cpu().numpy(), persons[top.indices.cpu().numpy()]
        better = value > self._nearest[0]
        self._nearest[0][better], self._nearest[1][better] = value[better], person[better]
