"""Edits of a photo's codes, and what they do to the prediction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conceptoscope.views import EditView

Changes = Mapping[int, "float | Change"]
"""What happens to each concept: a factor, or ``scale(...)``, ``clamp(...)``."""


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


@dataclass(frozen=True)
class Change:
    """What happens to a concept's codes on a photo, on all patches or some, counted row by row from 0."""

    operation: str
    amount: float | None = None
    patches: tuple[int, ...] | None = None


def scale(factor: float, *, patches: Iterable[int] | None = None) -> Change:
    """Codes times a factor; below 0 the photo goes the other way along the atom, 0 removes the concept."""
    return Change("ablate", None, _places(patches)) if factor == 0 else Change("scale", float(factor), _places(patches))


def clamp(code: float, *, patches: Iterable[int] | None = None) -> Change:
    """Codes set to one, in the unit of the activations, also where the concept is silent."""
    return Change("clamp", float(code), _places(patches))


def write_edits(changes: Changes, patches: Iterable[int] | None) -> list[dict[str, Any]]:
    """``{concept: factor}`` or ``{concept: clamp(2.5)}`` as the API has it; ``patches`` where a change has none."""
    places = _places(patches)
    made = {concept: one if isinstance(one, Change) else scale(one) for concept, one in changes.items()}
    return [_edit(int(concept), one, places) for concept, one in made.items()]


def _edit(concept: int, change: Change, places: tuple[int, ...] | None) -> dict[str, Any]:
    where = places if change.patches is None else change.patches
    told = {"concept": concept, "operation": change.operation, "patches": None if where is None else list(where)}
    return told if change.amount is None else told | {"amount": change.amount}


def _places(patches: Iterable[int] | None) -> tuple[int, ...] | None:
    return None if patches is None else tuple(sorted({int(patch) for patch in patches}))
