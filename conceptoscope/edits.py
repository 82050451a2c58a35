"""Edits of a photo's codes, and what they do to the prediction."""

from collections.abc import Iterable, Mapping
from typing import Any

from conceptoscope.views import EditView

Factors = Mapping[int, float]


class Edit(EditView):
    """What some edits do, beside the same edits of other concepts (``controls``)."""

    def delta(self) -> float:
        """By how much the probability of the predicted class changes; raises ``ValueError`` when unknown."""
        if self.before is None or self.after is None:
            raise ValueError(self.fault or "Without a head there is no prediction.")
        return self.after - self.before

    def deltas(self) -> dict[str, float]:
        """The same for each class that is told, by name."""
        return {row.name: row.other - row.probability for row in self.classes if row.other is not None}


def write_edits(factors: Factors, patches: Iterable[int] | None) -> list[dict[str, Any]]:
    """``{concept: factor}`` as the API has it: 0 removes a concept, 0.5 halves its codes; on all or some patches."""
    places = None if patches is None else sorted({int(patch) for patch in patches})
    return [_edit(int(concept), float(factor), places) for concept, factor in factors.items()]


def _edit(concept: int, factor: float, places: list[int] | None) -> dict[str, Any]:
    told: dict[str, Any] = {"concept": concept, "patches": places}
    return told | ({"operation": "ablate"} if factor == 0 else {"operation": "scale", "amount": factor})
