"""What an edit does to the prediction, beside what the same edit of random concepts does."""

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from store.edits import Edits
from worker.effects.controls import Draws, Plan, Strength, alike, elsewhere
from worker.effects.editing import movement
from worker.effects.photo import CodedPhoto
from worker.effects.predictions import Prediction
from worker.effects.tails import Tail


@dataclass(frozen=True)
class Controlled:
    """One control: who was drawn, and what the prediction became, draw by draw."""

    draws: Draws
    logits: Float64[Tensor, "r c"]
    sizes: Float64[Tensor, " r"]
    """Root mean square length by which the patches were moved."""

    @property
    def probabilities(self) -> Float64[Tensor, "r c"]:
        """Of every draw."""
        return self.logits.softmax(dim=1)


@dataclass(frozen=True)
class Effect:
    """Predictions before and after an edit, and under its controls."""

    before: Prediction
    after: Prediction
    size: float
    """Root mean square length by which the patches were moved, in the unit of the activations."""
    controls: tuple[Controlled, ...]

    def change(self, class_index: int) -> float:
        """By how much the class's probability grew."""
        return float(self.after.probabilities[class_index] - self.before.probabilities[class_index])

    def control_changes(self, control: Controlled, class_index: int) -> Float64[Tensor, " r"]:
        """The same for every draw of a control."""
        return control.probabilities[:, class_index] - self.before.probabilities[class_index]


def try_edits(
    photo: CodedPhoto, tail: Tail, edits: Edits, *, plan: Plan = Plan(), collection: Strength | None = None
) -> Effect:
    """Make the edits and their controls: of concepts alike on the photo, and, with the strengths of all concepts in
    the collection, of the same changes elsewhere.

    Raises ``BadEdit`` for a concept or a patch that is not there. No edit has no controls.
    """
    moves = movement(photo, edits).along(photo)
    drawn: list[tuple[Draws, list[Tensor]]] = []
    if edits.edits:
        drawn.append(alike(photo, edits, plan))
        drawn += [] if collection is None else [elsewhere(photo, edits, plan, collection=collection)]
    others = [move for _, some in drawn for move in some]
    logits = tail.logits(photo.patches + torch.stack([torch.zeros_like(moves), moves, *others]))
    controls, start = [], 2
    for draws, some in drawn:
        of = logits[start : start + len(some)]
        sizes = torch.tensor([_size(move) for move in some], dtype=torch.float64)
        controls.append(Controlled(draws, of, sizes))
        start += len(some)
    return Effect(Prediction(logits[0]), Prediction(logits[1]), _size(moves), tuple(controls))


def _size(move: Float64[Tensor, "h w d"]) -> float:
    return float(move.square().sum(dim=2).mean().sqrt())
