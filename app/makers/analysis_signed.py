"""Maps with signs: where on a photo concepts add to a class's score, and where they take from it."""

from typing import Any, Final

import numpy as np

from app.pictures import data_uri
from app.render import signed
from app.views.chosen import SignedMap
from store.analyses.result import Codes

MIDDLE, MOST = 128, 127
"""The shade of 0, and the shades to either side."""
SCRIPT: Final = ("parts", "part_scale", "total", "total_scale", "total_sum")
"""What scripts read of contributions."""
Array = np.ndarray[Any, Any]


def make_signed(values: Array, *, rows: int, concept: int | None, says: str) -> SignedMap:
    """A map of logits, one for each patch."""
    grid = values.astype(np.float64).reshape(rows, -1)
    steps, scale = in_steps(grid)
    return SignedMap(
        concept=concept,
        total=float(grid.sum()),
        scale=scale,
        map=tuple(tuple(float(value) for value in row) for row in grid),
        uri=data_uri((MIDDLE + steps).astype(np.uint8)),
        shades=tuple(steps.ravel().tolist()),
        says=says,
    )


def in_steps(values: Array) -> tuple[Array, float]:
    """Whole numbers from -127 to 127, and the size that 127 stands for."""
    scale = float(np.abs(values).max(initial=0))
    steps: Array = np.rint(values / (scale or 1.0) * MOST).astype(np.int64)
    return steps, scale


def parts_for_script(codes: Codes, *, known: list[int], n_top: int) -> dict[str, Any]:
    """Contributions of the slots that a page carries, in steps of each concept's largest one, and their sum."""
    if not codes.has_parts:
        return {}
    parts, indices = codes.parts[:, :n_top].astype(np.float64), codes.indices[:, :n_top]
    place = np.searchsorted(known, indices).clip(max=max(len(known) - 1, 0))
    largest = np.zeros(len(known))
    fires = codes.values[:, :n_top] > 0
    np.maximum.at(largest, place[fires], np.abs(parts[fires]))
    scale = np.array([float(n) for n in (f"{value:.3g}" for value in largest)])
    steps = np.where(fires, np.rint(parts / np.where(scale > 0, scale, 1.0)[place] * MOST), 0)
    together = codes.part_of(None).astype(np.float64)
    total, total_scale = in_steps(together)
    return {
        "parts": steps.astype(np.int64).ravel().tolist(),
        "part_scale": scale.tolist(),
        "total": total.tolist(),
        "total_scale": float(f"{total_scale:.3g}"),
        "total_sum": float(f"{together.sum():.6g}"),
    }


def in_words(values: Array, *, what: str) -> str:
    """What a map shows: in all, and at the most on one patch."""
    total = float(values.sum())
    most = float(values[np.abs(values).argmax()]) if len(values) else 0.0
    return f"{what}: {signed(total)} logits in all, {signed(most)} at the most on one patch"
