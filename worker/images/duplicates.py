"""Difference hashes of pictures, and which pictures nearly repeat an earlier one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8, UInt64
from PIL import Image

NEAR_BITS = 3
NEAR_LEVELS = 12.0
_N_BLOCKS = NEAR_BITS + 1  # two hashes that differ in 3 bits agree in one of 4 blocks
_BLOCK_BITS = 64 // _N_BLOCKS
_FLUSH = 200_000  # pairs at a time: 200,000 x 48 levels x 2 bytes are 20 MB


@dataclass(frozen=True)
class NearDuplicates:
    """For each of n pictures: its group, and the earlier picture it is nearest to.

    ``group`` [n] holds the lowest index of a chain of near duplicates; ``repeats`` [n] an earlier index, or -1;
    ``distance`` [n] the Hamming distance to that one in bits, 0..3 (meaningless where ``repeats`` is -1).
    """

    group: Int[np.ndarray, " n"]
    repeats: Int[np.ndarray, " n"]
    distance: Int[np.ndarray, " n"]


def dhash(image: Image.Image) -> int:
    """64-bit difference hash: bit ``8 r + c`` tells whether grey[r, c] < grey[r, c + 1], on a picture of 8 x 9 pixels.

    After N. Krawetz, "Kind of like that" (2013).
    """
    grey = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    rising = (grey[:, :-1] < grey[:, 1:]).ravel()
    return int(np.packbits(rising, bitorder="little").view("<u8")[0])


def colour_layout(image: Image.Image) -> UInt8[np.ndarray, "48"]:
    """Mean colours of a 4 x 4 arrangement, in levels: flat pictures, whose hashes say nothing, differ here."""
    return np.asarray(image.resize((4, 4), Image.Resampling.BOX), dtype=np.uint8).ravel()


def find_near_duplicates(
    hashes: UInt64[np.ndarray, " n"],
    layouts: UInt8[np.ndarray, "n 48"],
    *,
    on_progress: Callable[[], None] = lambda: None,
) -> NearDuplicates:
    """Pictures whose hashes differ in at most 3 bits and whose colour layouts in at most 12 levels on average.

    Candidates share one of four 16-bit blocks of the hash (pigeonhole), so that memory is O(n) and time is that of
    the blocks' sizes, all in numpy. Groups are the connected components of the relation.
    """
    n = len(hashes)
    best = np.full(n, _N_BLOCKS * np.int64(n), dtype=np.int64)  # distance * n + earlier index: least = nearest, first
    group = np.arange(n)
    for left, right in _candidates(hashes):
        on_progress()
        distance = np.bitwise_count(hashes[left] ^ hashes[right]).astype(np.int64)
        apart = np.abs(layouts[left].astype(np.int16) - layouts[right]).mean(axis=1)
        near = (distance <= NEAR_BITS) & (apart <= NEAR_LEVELS)
        earlier, later = np.minimum(left, right)[near], np.maximum(left, right)[near]
        np.minimum.at(best, later, distance[near] * n + earlier)
        group = _joined(group, earlier, later=later)
    found = best < _N_BLOCKS * np.int64(n)
    return NearDuplicates(group, np.where(found, best % max(n, 1), -1), np.where(found, best // max(n, 1), 0))


def _candidates(hashes: UInt64[np.ndarray, " n"]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Index pairs whose hashes share a block, in bunches of bounded size; a pair may come more than once."""
    for block in range(_N_BLOCKS):
        keys = (hashes >> np.uint64(block * _BLOCK_BITS)) & np.uint64(2**_BLOCK_BITS - 1)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        here, step = np.arange(len(keys)), 1
        bunch: list[tuple[np.ndarray, np.ndarray]] = []
        while True:  # each place with the one `step` further on, as long as both lie in the same block
            here = here[here + step < len(keys)]
            here = here[keys[here] == keys[here + step]]
            if not len(here):
                break
            bunch.append((order[here], order[here + step]))
            step += 1
            if sum(len(pair[0]) for pair in bunch) >= _FLUSH:
                yield _concatenated(bunch)
                bunch = []
        if bunch:
            yield _concatenated(bunch)


def _concatenated(bunch: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([left for left, _ in bunch]), np.concatenate([right for _, right in bunch])


def _joined(group: np.ndarray, earlier: np.ndarray, *, later: np.ndarray) -> np.ndarray:
    """Groups after joining pairs; a group is called by its lowest member."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(earlier):
        return group
    n = len(group)
    edges = coo_array((np.ones(len(earlier), dtype=bool), (group[earlier], group[later])), shape=(n, n))
    _, label = connected_components(edges, directed=False)
    label = label[group]
    lowest = np.full(label.max() + 1, n)
    np.minimum.at(lowest, label, np.arange(n))
    joined: np.ndarray = lowest[label]
    return joined
