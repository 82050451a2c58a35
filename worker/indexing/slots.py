"""Bounded best-of lists, one per concept, filled from a stream in any order."""

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from worker.indexing.pairs import Pairs


class Slots:
    """Per concept the ``n_slots`` pairs with the largest key, with their activation maps.

    Keyed by the peak it is a top list; keyed by a random number that depends only on image and concept it is a uniform
    sample without replacement. Either way the outcome does not depend on the order of the stream, so that lists of
    several workers can be merged. Memory: concepts x slots x patches bytes.
    """

    def __init__(self, n_concepts: int, n_slots: int, *, n_patches: int) -> None:
        self.key: Float64[np.ndarray, "K s"] = np.full((n_concepts, n_slots), -np.inf)
        self.image: Int64[np.ndarray, "K s"] = np.full((n_concepts, n_slots), -1, dtype=np.int64)
        self.value: Float32[np.ndarray, "K s"] = np.zeros((n_concepts, n_slots), dtype=np.float32)
        self.patch: Int64[np.ndarray, "K s"] = np.zeros((n_concepts, n_slots), dtype=np.int64)
        self.heat: UInt8[np.ndarray, "K s p"] = np.zeros((n_concepts, n_slots, n_patches), dtype=np.uint8)

    def offer(self, pairs: Pairs, key: Float64[np.ndarray, " m"]) -> None:
        """Let each pair compete with its key; equal keys prefer the smaller image."""
        worthy = np.flatnonzero(key >= self.key.min(axis=1)[pairs.concept])
        order = worthy[np.lexsort((pairs.image[worthy], -key[worthy], pairs.concept[worthy]))]
        rank = _rank_in_runs(pairs.concept[order])
        for turn in range(min(int(rank.max(initial=-1)) + 1, self.key.shape[1])):
            self._take(pairs, order[rank == turn], key=key)

    def sorted_rows(self, concept: int) -> Int64[np.ndarray, " f"]:
        """Filled slots of a concept, largest key first, smaller image first among equals."""
        order = np.lexsort((self.image[concept], -self.key[concept]))
        filled: Int64[np.ndarray, " f"] = order[self.image[concept][order] >= 0]
        return filled

    def _take(self, pairs: Pairs, chosen: Int64[np.ndarray, " c"], *, key: Float64[np.ndarray, " m"]) -> None:
        concept = pairs.concept[chosen]
        held = self.key[concept]
        worst = held.min(axis=1)
        slot = np.where(held == worst[:, None], self.image[concept], -2).argmax(axis=1)
        earlier = pairs.image[chosen] < self.image[concept, slot]
        better = (key[chosen] > worst) | ((key[chosen] == worst) & earlier)
        chosen, concept, slot = chosen[better], concept[better], slot[better]
        self.key[concept, slot] = key[chosen]
        self.image[concept, slot] = pairs.image[chosen]
        self.value[concept, slot] = pairs.peak[chosen]
        self.patch[concept, slot] = pairs.peak_patch[chosen]
        self.heat[concept, slot] = pairs.heat(chosen)


def _rank_in_runs(labels: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """0, 1, 2, ... within each run of equal labels."""
    fresh = np.ones(len(labels), dtype=bool)
    fresh[1:] = labels[1:] != labels[:-1]
    starts = np.flatnonzero(fresh)
    return np.arange(len(labels)) - np.repeat(starts, np.diff(np.append(starts, len(labels))))


def priority(
    image: Int64[np.ndarray, " m"], concept: Int64[np.ndarray, " m"] | int, *, seed: int
) -> Float64[np.ndarray, " m"]:
    """A number in [0, 1) that depends only on (image, concept, seed): SplitMix64's finaliser over the mixed indices."""
    with np.errstate(over="ignore"):
        z = np.asarray(image).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = z ^ (np.asarray(concept).astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F) + np.uint64(seed + 1))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / 2.0**53
