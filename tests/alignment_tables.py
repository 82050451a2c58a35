"""Fills every table of an alignment from dense codes, literally and slowly: for synthetic stores and as a slow twin."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment

from store.alignment.schema import FILE, SCHEMA
from store.alignment.sides import Side, SideFacts
from store.alignment.writer import AlignmentWriter
from store.grid import Box, Grid, Window
from store.specs import AlignmentSpec

Row = dict[str, Any]
EDGES = np.linspace(-1, 1, 81)
N_STRONGEST = 20


def shared_box(one: Box, other: Box) -> Box:
    """The part of a photo that both see."""
    return Box(
        max(one.left, other.left), max(one.top, other.top), min(one.right, other.right), min(one.bottom, other.bottom)
    )


def overlap_area(one: Box, other: Box) -> float:
    """Of two rectangles."""
    both = shared_box(one, other)
    return max(both.width, 0.0) * max(both.height, 0.0)


def pooled_map(
    codes: Float[np.ndarray, "h w K"], *, seen: Box, shared: Grid, box: Box
) -> Float[np.ndarray, "rows cols K"]:
    """Codes of one image on the shared grid, cell by cell: their mean by the area under each cell."""
    own = Grid(*codes.shape[:2])
    found = np.zeros((shared.rows, shared.cols, codes.shape[2]))
    for row in range(shared.rows):
        for col in range(shared.cols):
            cell = shared.patch_box(row, col, seen=box)
            for i in range(own.rows):
                for j in range(own.cols):
                    area = overlap_area(cell, own.patch_box(i, j, seen=seen))
                    share = area / (cell.width * cell.height)
                    found[row, col] += (share if share > 1e-6 else 0.0) * codes[i, j]
    return found


@dataclass(frozen=True)
class Aligned:
    """One side: its codes on its own grid, its atoms, and what the file says of it."""

    codes: Float[np.ndarray, "n h w K"]
    atoms: Float[np.ndarray, "K d"]
    facts: SideFacts

    @cached_property
    def peaks(self) -> Float[np.ndarray, "n K"]:
        """Largest code of each concept on each image."""
        return np.asarray(self.codes.max(axis=(1, 2)))

    def strongest(self, k: int, n: int) -> list[int]:
        """Images by their peaks, the smaller number first among equals."""
        peaks = self.peaks[:, k]
        return [int(i) for i in np.lexsort((np.arange(len(peaks)), -peaks))[:n] if peaks[i] > 0]


@dataclass(frozen=True)
class AlignmentPlan:
    """What an alignment is made from."""

    a: Aligned
    b: Aligned
    images: dict[str, Any]
    spec: AlignmentSpec
    facts: Row
    permuted: np.ndarray[Any, Any]
    """For each of the images learned from (by its number among them) the one that side b shows under the null."""

    @property
    def grid(self) -> Grid:
        """The shared grid."""
        one, other = self.a.facts.grid, self.b.facts.grid
        return Grid(min(one.rows, other.rows), min(one.cols, other.cols))

    @cached_property
    def pooled(self) -> tuple[Float[np.ndarray, "n s K"], Float[np.ndarray, "n s J"]]:
        """Codes of both sides on the shared grid."""
        found: tuple[list[Any], list[Any]] = ([], [])
        for n, size in enumerate(zip(self.images["width"], self.images["height"], strict=True)):
            seen = [side.facts.window.seen(*size) for side in (self.a, self.b)]
            for place, side in enumerate((self.a, self.b)):
                one = pooled_map(side.codes[n], seen=seen[place], shared=self.grid, box=shared_box(*seen))
                found[place].append(one.reshape(self.grid.n_patches, -1))
        return np.stack(found[0]), np.stack(found[1])

    @property
    def held_out(self) -> Bool[np.ndarray, " n"]:
        """Which images judge."""
        return np.array([split == "held_out" for split in self.images["split"]])

    @cached_property
    def correlation(self) -> Float[np.ndarray, "K J"]:
        """Over the images learned from."""
        za, zb = (z[~self.held_out] for z in self.pooled)
        return correlations(za, zb)

    @cached_property
    def held_out_correlation(self) -> Float[np.ndarray, "K J"]:
        """Over the held-out images."""
        za, zb = (z[self.held_out] for z in self.pooled)
        return correlations(za, zb)

    @cached_property
    def alive(self) -> tuple[Bool[np.ndarray, " K"], Bool[np.ndarray, " J"]]:
        """Concepts that vary on the images learned from."""
        za, zb = (z[~self.held_out] for z in self.pooled)
        return za.std(axis=(0, 1)) > 0, zb.std(axis=(0, 1)) > 0

    @cached_property
    def null(self) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " J"]]:
        """Best correlations of the living concepts of both sides after the images of b were permuted, sorted."""
        za, zb = (z[~self.held_out] for z in self.pooled)
        table = correlations(za, zb[self.permuted])[np.ix_(*self.alive)]
        return np.sort(table.max(axis=1)), np.sort(table.max(axis=0))

    @cached_property
    def cofire(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Tokens where both fire, where a does, where b does, all images."""
        fa, fb = ((z > 0).reshape(-1, z.shape[-1]).astype(np.int64) for z in self.pooled)
        return fa.T @ fb, fa.sum(axis=0), fb.sum(axis=0)

    @cached_property
    def best(self) -> tuple[list[int | None], list[int | None]]:
        """The other side's most correlated living concept of each living one, the first of equals."""
        masked = np.where(np.outer(*self.alive), self.correlation, -np.inf)
        a = [int(masked[i].argmax()) if alive else None for i, alive in enumerate(self.alive[0])]
        return a, [int(masked[:, j].argmax()) if alive else None for j, alive in enumerate(self.alive[1])]

    def percentile(self, value: float, side: Side) -> float:
        """Share of a side's null that is not above a value."""
        null = self.null[side is Side.B]
        return float((null <= value).mean())

    def lower_percentile(self, value: float) -> float:
        """The lower of both sides'."""
        return min(self.percentile(value, side) for side in Side)

    def similarities(self, i: int, j: int) -> Row:
        """All similarities of a pair."""
        both, n_a, n_b = self.cofire
        either = n_a[i] + n_b[j] - both[i, j]
        one, other = (set(s.strongest(k, N_STRONGEST)) for s, k in ((self.a, i), (self.b, j)))
        norm = np.linalg.norm(self.a.atoms[i]) * np.linalg.norm(self.b.atoms[j])
        same = (self.a.facts.model, self.a.facts.layer) == (self.b.facts.model, self.b.facts.layer)
        return {
            "correlation": float(self.correlation[i, j]),
            "jaccard": float(both[i, j] / either) if either else 0.0,
            "cosine": float(self.a.atoms[i] @ self.b.atoms[j] / norm) if same and norm else 0.0 if same else None,
            "overlap": len(one & other) / len(one | other) if one | other else 0.0,
        }

    @cached_property
    def pairs(self) -> list[Row]:
        """The one-to-one matching."""
        a, b = (np.flatnonzero(alive) for alive in self.alive)
        rows, columns = linear_sum_assignment(self.correlation[np.ix_(a, b)], maximize=True)
        found = [self._pair(int(a[i]), int(b[j])) for i, j in zip(rows, columns, strict=True)]
        kept = sorted((row for row in found if row["correlation"] > 0), key=lambda r: (-r["correlation"], r["a"]))
        return [{"rank": rank, **row} for rank, row in enumerate(kept)]

    def _pair(self, i: int, j: int) -> Row:
        both, n_a, n_b = self.cofire
        held = [z[self.held_out][..., k].std() > 0 for z, k in zip(self.pooled, (i, j), strict=True)]
        percentile = self.lower_percentile(float(self.correlation[i, j]))
        return {
            "a": i,
            "b": j,
            **self.similarities(i, j),
            "held_out": float(self.held_out_correlation[i, j]) if all(held) else None,
            "a_share": float(both[i, j] / n_a[i]),
            "b_share": float(both[i, j] / n_b[j]),
            "percentile": percentile,
            "is_mutual": self.best[0][i] == j and self.best[1][j] == i,
            "is_matched": percentile >= self.spec.level,
        }

    @cached_property
    def fans(self) -> list[Row]:
        """Concepts of either side that are several on the other."""
        both, n_a, n_b = self.cofire
        turned = {Side.A: (both, n_a, n_b, self.correlation), Side.B: (both.T, n_b, n_a, self.correlation.T)}
        return [row for side in Side for k in range(len(turned[side][1])) for row in self._fan(side, k, *turned[side])]

    @cached_property
    def twins(self) -> tuple[Bool[np.ndarray, " K"], Bool[np.ndarray, " J"]]:
        """Concepts that fire where one of the other side does: Jaccard index of half or more."""
        both, n_a, n_b = self.cofire
        table = both / np.maximum(n_a[:, None] + n_b - both, 1)
        return (table >= 0.5).any(axis=1), (table >= 0.5).any(axis=0)

    def _fan(self, side: Side, k: int, both: Any, n_whole: Any, n_part: Any, correlation: Any) -> list[Row]:
        parts = []
        whole, others = self.twins if side is Side.A else self.twins[::-1]
        for j in np.flatnonzero((both[k] > 0) & ~others & ~whole[k]):
            share, inside, value = both[k, j] / n_whole[k], both[k, j] / n_part[j], float(correlation[k, j])
            if share >= 0.1 and inside >= 0.5 and self.lower_percentile(value) >= self.spec.level:
                parts.append({"other": int(j), "share": share, "inside": inside, "correlation": value})
        covered = min(sum(part["share"] for part in parts), 1.0)
        if len(parts) < 2 or covered < 0.75:
            return []
        return [{"side": side.value, "concept": k, "covered": covered, **part} for part in parts]

    def status(self, side: Side, k: int) -> str:
        """What became of a concept."""
        if not self.alive[side is Side.B][k]:
            return "silent"
        if any(row["side"] == side and row["concept"] == k for row in self.fans):
            return "split"
        if any(row["side"] == side.other and row["other"] == k for row in self.fans):
            return "merge"
        return "matched" if any(row["is_matched"] and row[side.value] == k for row in self.pairs) else "unmatched"


def correlations(za: Float[np.ndarray, "n s K"], zb: Float[np.ndarray, "n s J"]) -> Float[np.ndarray, "K J"]:
    """Pearson's, pair by pair; 0 where one never varies."""
    found = np.zeros((za.shape[-1], zb.shape[-1]))
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            x, y = za[..., i].ravel(), zb[..., j].ravel()
            if len(x) and x.std() > 0 and y.std() > 0:
                found[i, j] = ((x - x.mean()) * (y - y.mean())).mean() / (x.std() * y.std())
    return found


def concept_rows(plan: AlignmentPlan, side: Side) -> Iterator[Row]:
    """Rows of the ``concept`` table."""
    at = int(side is Side.B)
    z = plan.pooled[at]
    table = plan.correlation if side is Side.A else plan.correlation.T
    for k, best in enumerate(plan.best[at]):
        matched = [row[side.other.value] for row in plan.pairs if row["is_matched"] and row[side.value] == k]
        yield {
            "side": side.value,
            "concept": k,
            "density": float((z[..., k] > 0).mean()),
            "n_images": int((z[..., k] > 0).any(axis=1).sum()),
            "energy": float((z[..., k] ** 2).sum() / (z**2).sum()),
            "best": best,
            "best_correlation": None if best is None else float(table[k, best]),
            "best_percentile": None if best is None else plan.percentile(float(table[k, best]), side),
            "matched": matched[0] if matched else None,
            "is_mutual": best is not None and plan.best[1 - at][best] == k,
            "status": plan.status(side, k),
        }


def candidate_rows(plan: AlignmentPlan, side: Side) -> Iterator[Row]:
    """Rows of the ``candidate`` table."""
    at = int(side is Side.B)
    table = plan.correlation if side is Side.A else plan.correlation.T
    others = np.flatnonzero(plan.alive[1 - at])
    for k in np.flatnonzero(plan.alive[at]):
        order = others[np.lexsort((others, -table[k, others]))][: plan.spec.n_candidates]
        for rank, other in enumerate(order):
            pair = (int(k), int(other)) if side is Side.A else (int(other), int(k))
            found = plan.similarities(*pair)
            yield {"side": side.value, "concept": int(k), "rank": rank, "other": int(other), **found}


def histogram_rows(plan: AlignmentPlan) -> Iterator[Row]:
    """Rows of the ``histogram`` table."""
    best = [[r["best_correlation"] for r in concept_rows(plan, s) if r["best"] is not None] for s in Side]
    null_a, null_b = plan.null
    values = {"matched": [row["correlation"] for row in plan.pairs if row["is_matched"]]}
    values |= {"best_a": best[0], "best_b": best[1]}
    values |= {"null": [*null_a, *null_b], "null_a": list(null_a), "null_b": list(null_b)}
    for of, some in values.items():
        yield {"of": of, "edges": EDGES.tolist(), "counts": np.histogram(np.clip(some, -1, 1), EDGES)[0].tolist()}


def example_rows(plan: AlignmentPlan) -> Iterator[Row]:
    """Rows of the ``shared_example`` table."""
    for pair in plan.pairs:
        a, b = pair["a"], pair["b"]
        both = set(plan.a.strongest(a, plan.spec.n_top)) & set(plan.b.strongest(b, plan.spec.n_top))
        peaks = plan.a.peaks[:, a], plan.b.peaks[:, b]
        keys = {n: min(peak[n] / peak.max() for peak in peaks) for n in both}
        order = sorted(both, key=lambda n: (-keys[n], n))[: plan.spec.n_shared]
        for rank, n in enumerate(order):
            row: Row = {"a": a, "b": b, "rank": rank, "image": n}
            for side, k, codes in (("a", a, plan.a.codes), ("b", b, plan.b.codes)):
                peak = float(codes[n, ..., k].max())
                heat = np.rint(codes[n, ..., k] / peak * 255).astype(np.uint8).tobytes()
                row |= {f"value_{side}": peak, f"scale_{side}": peak, f"heat_{side}": heat}
            yield row


def summary(plan: AlignmentPlan) -> Row:
    """The headline numbers."""
    matched = [row for row in plan.pairs if row["is_matched"]]
    judged = [row["held_out"] for row in matched if row["held_out"] is not None]
    null_a, null_b = plan.null
    found: Row = {
        "n_pairs": len(plan.pairs),
        "n_matched": len(matched),
        "n_mutual": sum(row["is_mutual"] for row in matched),
        "correlation": float(np.mean([row["correlation"] for row in matched])) if matched else None,
        "held_out": float(np.mean(judged)) if judged else None,
        "null": float(np.mean([*null_a, *null_b])) if len(null_a) else None,
    }
    for side in Side:
        states = [plan.status(side, k) for k in range(len(plan.alive[side is Side.B]))]
        names = ("matched", "split", "merge", "unmatched", "silent")
        found[side.value] = {name: states.count(name) for name in names}
    return found


def write_alignment(folder: Path, plan: AlignmentPlan) -> str:
    """Write a whole alignment file; returns the digest of its contents."""
    examples = list(example_rows(plan))
    with AlignmentWriter(folder / FILE) as writer:
        writer.write_meta(plan.facts | {"summary": summary(plan)})
        _append(writer, "concept", [row for side in Side for row in concept_rows(plan, side)])
        _append(writer, "pair", plan.pairs)
        _append(writer, "candidate", [row for side in Side for row in candidate_rows(plan, side)])
        _append(writer, "fan", plan.fans)
        _append(writer, "histogram", histogram_rows(plan))
        _append(writer, "shared_example", examples)
        _append(writer, "image", _images(plan, {row["image"] for row in examples}))
        return writer.content_sha256


def _images(plan: AlignmentPlan, shown: set[int]) -> Iterable[Row]:
    names = [column.name for column in SCHEMA.table("image").columns]
    return ({name: plan.images[name][n] for name in names} for n in sorted(shown))


def _append(writer: AlignmentWriter, table: str, rows: Iterable[Row]) -> None:
    found = list(rows)
    columns = SCHEMA.table(table).columns
    writer.append(table, {column.name: [row[column.name] for row in found] for column in columns})


def side_facts(*, dictionary: str, activations: str, model: str, codes: Any, window: Window) -> SideFacts:
    """Facts of a synthetic side."""
    grid = Grid(codes.shape[1], codes.shape[2])
    return SideFacts(dictionary, activations, model, "stage4", codes.shape[-1], grid, window)
