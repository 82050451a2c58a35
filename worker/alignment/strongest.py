"""The strongest images of every concept, kept during the pass: for overlaps, and as evidence for pairs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from worker.alignment.sides import BlockCodes
from worker.indexing.pairs import make_pairs
from worker.indexing.slots import Slots

N_STRONGEST = 20
_PAIRS_AT_ONCE = 4096


class Strongest:
    """Of one side: per concept the images with the largest peaks, with their maps."""

    def __init__(self, n_concepts: int, n_top: int, *, n_patches: int) -> None:
        self.slots = Slots(n_concepts, n_top, n_patches=n_patches)

    def add(self, block: BlockCodes) -> None:
        """Let a block of images compete."""
        pairs = make_pairs(block.images, block.indices, block.values)
        self.slots.offer(pairs, pairs.peak.astype(np.float64))

    def first(self, n: int = N_STRONGEST) -> Int64[np.ndarray, "K n"]:
        """The strongest images of every concept, the smaller number first among equals; -1 where there are fewer."""
        slots = self.slots
        order = np.lexsort((slots.image, -slots.key))[:, :n]
        return np.take_along_axis(slots.image, order, axis=1)


def overlaps(
    one: Int64[np.ndarray, "K n"],
    other: Int64[np.ndarray, "J n"],
    *,
    i: Int64[np.ndarray, " m"],
    j: Int64[np.ndarray, " m"],
) -> Float64[np.ndarray, " m"]:
    """Jaccard index of the sets of strongest images of pairs (i, j); 0 where both sets are empty."""
    parts = [
        _overlap(one[i[at : at + _PAIRS_AT_ONCE]], other[j[at : at + _PAIRS_AT_ONCE]])
        for at in range(0, len(i), _PAIRS_AT_ONCE)
    ]
    return np.concatenate([np.zeros(0), *parts])


def _overlap(one: Int64[np.ndarray, "m n"], other: Int64[np.ndarray, "m n"]) -> Float64[np.ndarray, " m"]:
    is_there = one >= 0
    shared = ((one[:, :, None] == other[:, None, :]).any(axis=2) & is_there).sum(axis=1)
    either = is_there.sum(axis=1) + (other >= 0).sum(axis=1) - shared
    return np.asarray(np.divide(shared, either, out=np.zeros(len(one)), where=either > 0))


@dataclass(frozen=True)
class SharedExample:
    """An image among the strongest of both concepts of a pair, and the slots where the two sides keep it."""

    a: int
    b: int
    rank: int
    image: int
    slot_a: int
    slot_b: int


def shared_examples(a: Strongest, b: Strongest, pairs: Iterator[tuple[int, int]], *, n: int) -> Iterator[SharedExample]:
    """Up to n images of each pair, by ``min(peak_a / largest_a, peak_b / largest_b)``, the smaller number first."""
    for i, j in pairs:
        images, at_a, at_b = np.intersect1d(a.slots.image[i], b.slots.image[j], return_indices=True)
        there = images >= 0
        images, at_a, at_b = images[there], at_a[there], at_b[there]
        if not len(images):
            continue
        weaker = np.minimum(a.slots.key[i, at_a] / a.slots.key[i].max(), b.slots.key[j, at_b] / b.slots.key[j].max())
        for rank, place in enumerate(np.lexsort((images, -weaker))[:n]):
            yield SharedExample(i, j, rank, int(images[place]), int(at_a[place]), int(at_b[place]))
