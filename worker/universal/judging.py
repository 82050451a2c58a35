"""All that is measured of a universal dictionary on held-out images: means by key, matrices, and tables by concept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from worker.dictionaries.base import TokenStream
from worker.progress import OnProgress, silent
from worker.universal.consistency import Consistency, consistency
from worker.universal.crossing import Crossing, cross_r2, diagonal, off_diagonal
from worker.universal.dictionary import UniversalDictionary
from worker.universal.firing import Firing, count_firing, ever_fires, thresholds
from worker.universal.references import Alone, Products, ridge_r2

_NULL_SEED = 1
_N_PARTS = 6


@dataclass(frozen=True)
class UniversalJudgement:
    """What was measured; ``metrics`` have their definitions in ``store/metrics``."""

    crossing: Crossing
    ridge: Float64[Tensor, "M M"]
    """R2 of linear maps, the reference between streams."""
    firing: Firing
    permuted: Firing
    """The same with each stream's tokens in an order of its own."""
    energy: Float64[Tensor, "M K"]
    seen_in_training: Bool[Tensor, " K"]
    """Concepts that fire on training tokens."""
    independent: tuple[float, ...] | None
    """R2 of dictionaries of single streams, the reference within streams, where they were trained."""
    consistency: Consistency | None
    """How much of those dictionaries is found again."""

    @property
    def metrics(self) -> dict[str, float]:
        """Means over streams, pairs and concepts by key."""
        across, ridge = off_diagonal(self.crossing.r2), off_diagonal(self.ridge)
        found = {
            "cross_r2": across,
            "cross_r2_permuted": off_diagonal(self.crossing.r2_permuted),
            "cross_r2_ridge": ridge,
            "own_r2": diagonal(self.crossing.r2),
            **self._as_any_dictionary(),
            **_firing_metrics(self.firing, self.permuted),
        }
        if ridge > 0:
            found["cross_r2_of_ridge"] = across / ridge
        if self.independent:
            found["own_r2_independent"] = sum(self.independent) / len(self.independent)
        if self.consistency:
            found["concept_consistency"] = sum(self.consistency.shares) / len(self.consistency.shares)
            found["concept_consistency_permuted"] = sum(self.consistency.permuted) / len(self.consistency.permuted)
        return found

    def _as_any_dictionary(self) -> dict[str, float]:
        """What is told of every dictionary, over the tokens of all streams."""
        alive = self.firing.alive
        return {
            "r2": diagonal(self.crossing.r2),
            "l0": self.firing.l0,
            "dead_share_held_out": _share(~alive),
            "dead_share_all": _share(~(alive | self.seen_in_training)),
            "dense_share": _share(self.firing.dense),
        }

    def by_stream(self) -> dict[str, Any]:
        """Matrices as lists of rows, and each concept's numbers in each stream, as plain JSON values; NaN is null."""
        firing = self.firing
        tables = {
            "cross_r2": self.crossing.r2,
            "cross_r2_permuted": self.crossing.r2_permuted,
            "cross_r2_ridge": self.ridge,
            "density": firing.density,
            "energy": self.energy,
            "firing_share": firing.shares,
            "firing_entropy": firing.entropy,
            "co_fire": firing.co_fire,
            "firing_jaccard": firing.jaccard,
        }
        found: dict[str, Any] = {name: _plain(table) for name, table in tables.items()}
        return found | {
            "independent_r2": None if self.independent is None else list(self.independent),
            "concept_consistency": None if self.consistency is None else list(self.consistency.shares),
        }


@torch.no_grad()
def judge_universal(
    universal: UniversalDictionary,
    held_out: TokenStream,
    *,
    train: TokenStream,
    alone: Sequence[Alone] | None = None,
    seed: int = 0,
    on_progress: OnProgress = silent,
) -> UniversalJudgement:
    """Measure on held-out tokens; thresholds and linear maps come from training tokens.

    ``alone`` are dictionaries of the single streams, in their order, to be judged beside.
    """

    def tell(done: int, what: str) -> None:
        on_progress(done, _N_PARTS, f"measures: {what}")

    tell(0, "firing")
    above = thresholds(universal, train)
    firing = count_firing(universal, held_out, above=above)
    tell(1, "firing of permuted tokens")
    permuted = count_firing(universal, held_out, above=above, permuted=seed + _NULL_SEED)
    tell(2, "energy")
    products = Products.of(held_out, mean=universal.mean.cpu())
    variance = products.total.diagonal() / products.n_tokens
    of_streams = torch.stack([variance[part].sum() for part in universal.parts])
    tell(3, "R2 across streams")
    crossing = cross_r2(universal, held_out, seed=seed)
    tell(4, "linear maps")
    ridge = ridge_r2(train, held_out, parts=universal.parts)
    tell(5, "firing in training")
    seen = ever_fires(universal, train)
    return UniversalJudgement(
        crossing,
        ridge,
        firing,
        permuted,
        firing.energy(universal, of_streams),
        seen,
        None if alone is None else tuple(one.r2 for one in alone),
        None if alone is None else consistency(universal, alone, seed=seed),
    )


def _firing_metrics(firing: Firing, permuted: Firing) -> dict[str, float]:
    seen = firing.anywhere > 0
    shares = {"in_all_share": firing.in_all, "one_stream_share": firing.one_stream}
    found = {name: float(which[seen].double().mean()) if bool(seen.any()) else 0.0 for name, which in shares.items()}
    means = {
        "firing_entropy": firing.entropy,
        "co_fire": firing.co_fire,
        "co_fire_permuted": permuted.co_fire,
        "firing_jaccard": firing.jaccard,
        "firing_jaccard_permuted": permuted.jaccard,
    }
    found |= {name: float(values.nanmean()) for name, values in means.items() if not bool(values.isnan().all())}
    return found | {"dead_share_streams": _share(~firing.alive)}


def _share(which: Bool[Tensor, " K"]) -> float:
    return float(which.double().mean())


def _plain(table: Tensor) -> Any:
    """Nested lists, NaN as None."""
    if table.ndim > 1:
        return [_plain(row) for row in table]
    return [None if value != value else value for value in table.tolist()]  # noqa: PLR0124 NaN alone differs from itself
