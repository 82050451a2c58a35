"""Writes what was found into the alignment's file."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from store.alignment.sides import Side
from store.alignment.writer import AlignmentWriter
from store.collection import Collection
from store.specs import AlignmentSpec
from worker.alignment.fans import Fans, find_fans
from worker.alignment.finding import Found
from worker.alignment.strongest import SharedExample, Strongest, overlaps, shared_examples
from worker.images.evidence import image_columns

_EDGES = np.linspace(-1, 1, 81)
_EXAMPLES_AT_ONCE = 4096
STATUSES = ("matched", "split", "merge", "unmatched", "silent")
Columns = dict[str, Any]


@dataclass(frozen=True)
class Gathered:
    """Everything the file is written from; ``cosines`` has unit atoms of both sides where they read the same space."""

    spec: AlignmentSpec
    found: Found
    strongest: dict[Side, Strongest]
    cosines: tuple[Float32[np.ndarray, "K d"], Float32[np.ndarray, "J d"]] | None

    @cached_property
    def fans(self) -> dict[Side, Fans]:
        """Split concepts of either side."""
        return {side: find_fans(self.found, side, level=self.spec.level) for side in Side}

    @cached_property
    def percentile(self) -> Float64[np.ndarray, " m"]:
        """Of the pairs one-to-one."""
        return self.found.null.lower_percentile(self.found.pairs.correlation)

    def partners(self, side: Side) -> Int64[np.ndarray, " K"]:
        """Each concept's partner in a pair above the null, or -1."""
        pairs, kept = self.found.pairs, self.percentile >= self.spec.level
        partner = np.full(len(self.found.firing(side)), -1, dtype=np.int64)
        own, other = (pairs.a, pairs.b) if side is Side.A else (pairs.b, pairs.a)
        partner[own[kept]] = other[kept]
        return partner

    def statuses(self, side: Side) -> list[str]:
        """What became of each concept; a split shows more than a single partner, and so does a merge."""
        names = np.where(self.partners(side) >= 0, "matched", "unmatched").astype(object)
        names[self.fans[side.other].part] = "merge"
        names[self.fans[side].whole] = "split"
        names[self.found.best[side].other < 0] = "silent"
        return [str(name) for name in names]

    def similarities(self, a: Int64[np.ndarray, " m"], b: Int64[np.ndarray, " m"]) -> Columns:
        """All similarities of pairs."""
        first = {side: strongest.first() for side, strongest in self.strongest.items()}
        cosine = None if self.cosines is None else np.einsum("md,md->m", self.cosines[0][a], self.cosines[1][b])
        return {
            "correlation": self.found.correlations.of_pairs(a, b),
            "jaccard": self.found.jaccard(a, b),
            "cosine": [None] * len(a) if cosine is None else np.clip(cosine.astype(np.float64), -1, 1),
            "overlap": overlaps(first[Side.A], first[Side.B], i=a, j=b),
        }


def write_tables(writer: AlignmentWriter, gathered: Gathered, collection: Collection) -> None:
    """All tables but ``meta``."""
    for side in Side:
        writer.append("concept", concept_columns(gathered, side))
    writer.append("pair", pair_columns(gathered))
    for side in Side:
        writer.append("candidate", candidate_columns(gathered, side))
    for side in Side:
        writer.append("fan", fan_columns(gathered.fans[side], side))
    writer.append("histogram", histogram_columns(gathered))
    shown = _write_examples(writer, gathered)
    _write_images(writer, collection, sorted(shown))


def concept_columns(gathered: Gathered, side: Side) -> Columns:
    """Rows of the ``concept`` table."""
    found = gathered.found
    tally, best, partners = found.tally, found.best[side], gathered.partners(side)
    square = sum(getattr(share, side.value).square for share in (tally.learned, tally.held_out))
    n_tokens = tally.learned.n_tokens + tally.held_out.n_tokens
    is_there = best.other >= 0
    return {
        "side": [side.value] * len(partners),
        "concept": np.arange(len(partners), dtype=np.int32),
        "density": found.firing(side) / n_tokens,
        "n_images": (tally.n_images_a if side is Side.A else tally.n_images_b).astype(np.int32),
        "energy": square / max(float(np.sum(square)), 1e-300),
        "best": _or_none(best.other, is_there),
        "best_correlation": _or_none(best.correlation, is_there),
        "best_percentile": _or_none(found.null.percentile(best.correlation, side), is_there),
        "matched": _or_none(partners, partners >= 0),
        "is_mutual": found.is_mutual(side),
        "status": gathered.statuses(side),
    }


def pair_columns(gathered: Gathered) -> Columns:
    """Rows of the ``pair`` table."""
    found, pairs = gathered.found, gathered.found.pairs
    both = found.tally.both[pairs.a, pairs.b]
    return {
        "rank": np.arange(len(pairs.a), dtype=np.int32),
        "a": pairs.a.astype(np.int32),
        "b": pairs.b.astype(np.int32),
        **gathered.similarities(pairs.a, pairs.b),
        "held_out": held_out(gathered),
        "a_share": both / found.firing(Side.A)[pairs.a],
        "b_share": both / found.firing(Side.B)[pairs.b],
        "percentile": gathered.percentile,
        "is_mutual": pair_mutual(gathered),
        "is_matched": gathered.percentile >= gathered.spec.level,
    }


def held_out(gathered: Gathered) -> list[float | None]:
    """Correlation of each pair over the held-out images; None where one of both never varies there."""
    judged, pairs = gathered.found.judged, gathered.found.pairs
    is_there = judged.a.alive[pairs.a] & judged.b.alive[pairs.b]
    return _or_none(judged.of_pairs(pairs.a, pairs.b), is_there)


def candidate_columns(gathered: Gathered, side: Side) -> Columns:
    """Rows of the ``candidate`` table of one side."""
    best = gathered.found.best[side]
    concept, rank = np.nonzero(best.others >= 0)
    other = best.others[concept, rank]
    a, b = (concept, other) if side is Side.A else (other, concept)
    return {
        "side": [side.value] * len(concept),
        "concept": concept.astype(np.int32),
        "rank": rank.astype(np.int32),
        "other": other.astype(np.int32),
        **gathered.similarities(a, b),
    }


def fan_columns(fans: Fans, side: Side) -> Columns:
    """Rows of the ``fan`` table of one side."""
    return {
        "side": [side.value] * len(fans.whole),
        "concept": fans.whole.astype(np.int32),
        "other": fans.part.astype(np.int32),
        "share": fans.share,
        "inside": fans.inside,
        "correlation": fans.correlation,
        "covered": fans.covered,
    }


def histogram_columns(gathered: Gathered) -> Columns:
    """Rows of the ``histogram`` table."""
    found = gathered.found
    null = found.null.values
    values = {
        "matched": found.pairs.correlation[gathered.percentile >= gathered.spec.level],
        **{f"best_{side}": best.correlation[best.other >= 0] for side, best in found.best.items()},
        "null": np.concatenate([null[Side.A], null[Side.B]]),
        **{f"null_{side}": null[side] for side in Side},
    }
    counts = [np.histogram(some, _EDGES)[0].tolist() for some in values.values()]
    return {"of": list(values), "edges": [_EDGES.tolist()] * len(values), "counts": counts}


def summary(gathered: Gathered) -> dict[str, Any]:
    """The headline numbers; means are over matched pairs."""
    is_matched = gathered.percentile >= gathered.spec.level
    judged = [value for value, kept in zip(held_out(gathered), is_matched, strict=True) if kept and value is not None]
    mutual = pair_mutual(gathered)
    null = np.concatenate(list(gathered.found.null.values.values()))
    return {
        "n_pairs": len(is_matched),
        "n_matched": int(is_matched.sum()),
        "n_mutual": int((mutual & is_matched).sum()),
        "correlation": float(gathered.found.pairs.correlation[is_matched].mean()) if is_matched.any() else None,
        "held_out": float(np.mean(judged)) if judged else None,
        "null": float(null.mean()),
        "gap": gathered.found.pairs.gap,
        **{side.value: _counts(gathered.statuses(side)) for side in Side},
    }


def pair_mutual(gathered: Gathered) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the two of each pair are each other's best."""
    pairs, best = gathered.found.pairs, gathered.found.best
    return np.asarray((best[Side.A].other[pairs.a] == pairs.b) & (best[Side.B].other[pairs.b] == pairs.a))


def _counts(statuses: list[str]) -> dict[str, int]:
    return {name: statuses.count(name) for name in STATUSES}


def _write_examples(writer: AlignmentWriter, gathered: Gathered) -> set[int]:
    """Shared examples of all pairs; returns their images."""
    a, b = gathered.strongest[Side.A], gathered.strongest[Side.B]
    pairs = zip(gathered.found.pairs.a.tolist(), gathered.found.pairs.b.tolist(), strict=True)
    shown: set[int] = set()
    waiting: list[SharedExample] = []
    for one in shared_examples(a, b, pairs, n=gathered.spec.n_shared):
        shown.add(one.image)
        waiting.append(one)
        if len(waiting) >= _EXAMPLES_AT_ONCE:
            writer.append("shared_example", _example_columns(a, b, waiting))
            waiting = []
    writer.append("shared_example", _example_columns(a, b, waiting))
    return shown


def _example_columns(a: Strongest, b: Strongest, examples: Iterable[SharedExample]) -> Columns:
    some = list(examples)
    columns: Columns = {name: [getattr(one, name) for one in some] for name in ("a", "b", "rank", "image")}
    for side, slots in (("a", a.slots), ("b", b.slots)):
        places = [(getattr(one, side), getattr(one, f"slot_{side}")) for one in some]
        peaks = [float(slots.value[place]) for place in places]
        heats = [slots.heat[place].tobytes() for place in places]
        columns |= {f"value_{side}": peaks, f"scale_{side}": peaks, f"heat_{side}": heats}
    return columns


def _write_images(writer: AlignmentWriter, collection: Collection, shown: list[int]) -> None:
    for columns in image_columns(collection, shown):
        del columns["source"]
        writer.append("image", columns)


def _or_none(values: np.ndarray[tuple[int], np.dtype[Any]], is_there: Any) -> list[Any]:
    return [value if there else None for value, there in zip(values.tolist(), is_there.tolist(), strict=True)]
