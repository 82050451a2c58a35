"""Time and memory of an alignment of two large dictionaries, from synthetic sparse codes: all but the encoding.

Side b has side a's concepts in another order, with part of the codes lost and others put in. One line of JSON.

    python -m benchmarks.alignment --concepts 8192 --tokens 1000000 --active 32 --kept 0.7
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from store.alignment.schema import FILE
from store.alignment.sides import Side
from store.alignment.writer import AlignmentWriter
from store.specs import AlignmentSpec
from worker.alignment.finding import Found
from worker.alignment.sides import BlockCodes
from worker.alignment.strongest import Strongest
from worker.alignment.tables import (
    Gathered,
    candidate_columns,
    concept_columns,
    fan_columns,
    histogram_columns,
    pair_columns,
    summary,
)
from worker.alignment.tally import Tally, sparse

Order = np.ndarray[tuple[int], np.dtype[np.int64]]
N_PATCHES, IMAGES_PER_BLOCK = 196, 64


def blocks(
    n_concepts: int, n_tokens: int, *, n_active: int, order: Order, kept: float, seed: int = 0
) -> Iterator[tuple[BlockCodes, BlockCodes]]:
    """Codes of both sides; concepts are as frequent as 1 / (rank + 50), and an image repeats a few of them."""
    random = np.random.default_rng(seed)
    weights = np.cumsum(1 / (np.arange(n_concepts) + 50))
    for start in range(0, n_tokens // N_PATCHES, IMAGES_PER_BLOCK):
        images = np.arange(start, start + IMAGES_PER_BLOCK)
        topics = np.searchsorted(weights, random.uniform(0, weights[-1], (len(images), 8 * n_active)))
        picks = random.integers(0, 8 * n_active, (len(images), N_PATCHES, n_active))
        shape = picks.shape
        indices = np.take_along_axis(topics, picks.reshape(len(images), -1), axis=1).reshape(shape)
        values = random.gamma(2.0, 1.0, shape).astype(np.float32)
        again = np.sort(indices, axis=2)
        values[np.diff(again, axis=2, prepend=-1) == 0] = 0  # a token names a concept once
        random_ones = np.searchsorted(weights, random.uniform(0, weights[-1], shape))
        is_kept = random.uniform(size=shape) < kept
        noisy = np.sort(np.where(is_kept, again, random_ones), axis=2)
        other = values * random.uniform(0.7, 1.3, shape).astype(np.float32)
        other = np.where(is_kept, other, random.gamma(2.0, 1.0, shape)).astype(np.float32)
        other[np.diff(noisy, axis=2, prepend=-1) == 0] = 0
        yield BlockCodes(images, again, values), BlockCodes(images, order[noisy], other)


def gathered(n_concepts: int, n_tokens: int, *, n_active: int, order: Order, kept: float) -> Gathered:
    """One pass, as the job does it."""
    spec = AlignmentSpec()
    tally = Tally(n_concepts, n_concepts, n_patches=N_PATCHES, codes_at_once=spec.codes_at_once, seed=0)
    strongest = {side: Strongest(n_concepts, spec.n_top, n_patches=N_PATCHES) for side in Side}
    for pair in blocks(n_concepts, n_tokens, n_active=n_active, order=order, kept=kept):
        codes = []
        for side, block in zip(Side, pair, strict=True):
            strongest[side].add(block)
            codes.append(sparse(block.indices, block.values, n_concepts=n_concepts))
        tally.add(codes[0], codes[1], held_out=pair[0].images % 7 == 0)
    tally.finish()
    return Gathered(spec, Found(tally, spec.n_candidates), strongest, None)


def main() -> None:
    """Run once and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--concepts", type=int, default=8192)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--active", type=int, default=32)
    parser.add_argument("--kept", type=float, default=0.7, help="share of side a's codes that side b has, too")
    given = parser.parse_args()
    order = np.random.default_rng(1).permutation(given.concepts)
    times = {}
    started = time.perf_counter()

    def lap(name: str) -> None:
        times[name] = round(time.perf_counter() - started - sum(times.values()), 1)

    found = gathered(given.concepts, given.tokens, n_active=given.active, order=order, kept=given.kept)
    lap("pass")
    assert found.found.pairs
    lap("matching")
    assert found.found.null
    assert found.found.best
    lap("best and null")
    with tempfile.TemporaryDirectory() as folder, AlignmentWriter(Path(folder) / FILE) as writer:
        for side in Side:
            writer.append("concept", concept_columns(found, side))
            writer.append("candidate", candidate_columns(found, side))
            writer.append("fan", fan_columns(found.fans[side], side))
        writer.append("pair", pair_columns(found))
        writer.append("histogram", histogram_columns(found))
    lap("tables")
    pairs = found.found.pairs
    right = float((order[pairs.a] == pairs.b).sum() / found.found.correlations.shape[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        json.dumps(
            {**vars(given), "seconds": round(time.perf_counter() - started, 1), **times}
            | {"peak_gib": round(peak, 2), "pairs_found": round(right, 4), "summary": summary(found)}
        )
    )


if __name__ == "__main__":
    main()
