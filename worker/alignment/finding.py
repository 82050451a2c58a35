"""From sums to counterparts: best of the other side, one-to-one pairs, their place against the null."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from store.alignment.sides import Side
from store.errors import InvalidInput
from worker.alignment.correlations import Correlations
from worker.alignment.tally import Share, Tally
from worker.metrics.matching import match

_FEWEST_LEARNED = 2


@dataclass(frozen=True)
class Best:
    """Of each concept of a side: its candidates of the other side, most correlated first; -1 and NaN where none."""

    others: Int64[np.ndarray, "K c"]
    correlations: Float64[np.ndarray, "K c"]

    @property
    def other(self) -> Int64[np.ndarray, " K"]:
        """The first."""
        return self.others[:, 0]

    @property
    def correlation(self) -> Float64[np.ndarray, " K"]:
        """The highest."""
        return self.correlations[:, 0]


@dataclass(frozen=True)
class Pairs:
    """One-to-one pairs, highest correlation first."""

    a: Int64[np.ndarray, " m"]
    b: Int64[np.ndarray, " m"]
    correlation: Float64[np.ndarray, " m"]
    gap: float
    """How much higher the mean correlation of the best possible matching could be; 0 where it is exact."""


@dataclass(frozen=True)
class Null:
    """What best correlations are when images are permuted: sorted, one of each concept that varies, per side."""

    values: dict[Side, Float64[np.ndarray, " k"]]

    def percentile(self, correlation: Float64[np.ndarray, " m"], side: Side) -> Float64[np.ndarray, " m"]:
        """Share of a side's values that are not above each correlation, in [0, 1]; uniform under independence."""
        values = self.values[side]
        return np.asarray(np.searchsorted(values, correlation, side="right") / max(len(values), 1))

    def lower_percentile(self, correlation: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """The lower of both sides'."""
        return np.asarray(np.minimum(self.percentile(correlation, Side.A), self.percentile(correlation, Side.B)))


@dataclass(frozen=True)
class Found:
    """Counterparts of all concepts of both sides."""

    tally: Tally
    n_candidates: int

    @cached_property
    def correlations(self) -> Correlations:
        """Over the images learned from: what chooses."""
        return Correlations.of(self.tally.learned)

    @cached_property
    def judged(self) -> Correlations:
        """Over the held-out images: what judges."""
        return Correlations.of(self.tally.held_out)

    @cached_property
    def best(self) -> dict[Side, Best]:
        """Candidates of all concepts."""
        table = self.correlations
        return {
            Side.A: _best(table, self.share.products.shape[0], n=self.n_candidates),
            Side.B: _best(table.turned(), self.share.products.shape[1], n=self.n_candidates),
        }

    @cached_property
    def null(self) -> Null:
        """Best correlations under permuted images."""
        table = Correlations.of(self.share, products=self.tally.null)
        return Null({Side.A: _largest(table), Side.B: _largest(table.turned())})

    @cached_property
    def pairs(self) -> Pairs:
        """The one-to-one matching with the largest total; pairs that do not correlate at all are left out."""
        table = self.correlations
        found = match(table)
        a, b = table.chosen_a[found.rows], table.chosen_b[found.columns]
        order = np.lexsort((a, -found.similarities))
        order = order[found.similarities[order] > 0]
        return Pairs(a[order], b[order], found.similarities[order], found.gap / max(len(found.rows), 1))

    @property
    def share(self) -> Share:
        """Sums over the images learned from."""
        return self.tally.learned

    def is_mutual(self, side: Side) -> Bool[np.ndarray, " K"]:
        """Whether each concept and its best are each other's best."""
        best, back = self.best[side].other, self.best[side.other].other
        return np.asarray((best >= 0) & (back[best] == np.arange(len(best))))

    def firing(self, side: Side) -> Int64[np.ndarray, " K"]:
        """Tokens of all images where each concept fires."""
        shares = self.tally.learned, self.tally.held_out
        return np.asarray(sum(getattr(share, side.value).firing for share in shares))

    def jaccard(self, a: Int64[np.ndarray, " m"], b: Int64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """Of pairs: ``both / (n_a + n_b - both)`` over the tokens of all images; 0 where neither fires."""
        both = self.tally.both[a, b].astype(np.float64)
        either = self.firing(Side.A)[a] + self.firing(Side.B)[b] - both
        return np.asarray(np.divide(both, either, out=np.zeros_like(both), where=either > 0))

    def check(self) -> None:
        """Raise ``InvalidInput`` where nothing can be aligned."""
        n_learned = self.share.n_tokens // self.tally.n_patches
        if n_learned < _FEWEST_LEARNED:
            raise InvalidInput(
                f"Only {n_learned} images of the collection are there to learn from, too few to permute: add photos "
                "and run `conceptoscope ingest` again."
            )
        for side, n_alive in zip(Side, self.correlations.shape, strict=True):
            if not n_alive:
                raise InvalidInput(
                    f"No concept of side {side} ever fires on these images, so that there is nothing to align: "
                    "train that dictionary anew."
                )


def _best(table: Correlations, n_concepts: int, *, n: int) -> Best:
    width = max(n, 1)
    others = np.full((n_concepts, width), -1, dtype=np.int64)
    values = np.full((n_concepts, width), np.nan)
    kept = min(width, table.shape[1])
    for rows, block in table.blocks():
        top = torch.sort(block, dim=1, descending=True, stable=True) if kept == block.shape[1] else _top(block, kept)
        at = table.chosen_a[rows]
        others[at, :kept] = table.chosen_b[top[1][:, :kept].numpy()]
        values[at, :kept] = top[0][:, :kept].double().numpy()
    return Best(others, values)


def _top(block: torch.Tensor, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest of each row, in order, the smaller index first among equals that are found."""
    found = block.topk(n, dim=1)
    by_index = found.indices.sort(dim=1)
    values = found.values.gather(1, by_index.indices)
    order = values.sort(dim=1, descending=True, stable=True)
    return order.values, by_index.values.gather(1, order.indices)


def _largest(table: Correlations) -> Float64[np.ndarray, " k"]:
    parts: Iterator[np.ndarray[tuple[int], np.dtype[np.float64]]]
    parts = (block.amax(dim=1).double().numpy() for _, block in table.blocks())
    return np.sort(np.concatenate(list(parts)))
