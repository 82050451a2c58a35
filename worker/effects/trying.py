"""What an edit does to the prediction, beside what the same edit of random concepts does."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from jaxtyping import Float64
from torch import Tensor

from store.edits import Edits
from worker.effects.controls import USUAL, Draws, Plan, Strength, alike, elsewhere
from worker.effects.editing import Movement, movement
from worker.effects.photo import CodedPhoto
from worker.effects.predictions import Prediction
from worker.effects.tails import LinearTail, Tail

_STATES_AT_ONCE = 16


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
    photo: CodedPhoto, tail: Tail, edits: Edits, *, plan: Plan = USUAL, collection: Strength | None = None
) -> Effect:
    """Make the edits and their controls: of concepts alike on the photo, and, with the strengths of all concepts in
    the collection, of the same changes elsewhere.

    Raises ``BadEdit`` for a concept or a patch that is not there. No edit has no controls.
    """
    moved = movement(photo, edits)
    drawn: list[tuple[Draws, list[Movement]]] = []
    if edits.edits:
        drawn.append(alike(photo, edits, plan))
        drawn += [] if collection is None else [elsewhere(photo, edits, plan, collection=collection)]
    logits = _logits(photo, tail, [moved, *(one for _, some in drawn for one in some)])
    before, after, *others = torch.split(logits, [1, 1, *(len(some) for _, some in drawn)])
    controls = [
        Controlled(draws, of, torch.tensor([one.size for one in some], dtype=torch.float64))
        for (draws, some), of in zip(drawn, others, strict=True)
    ]
    return Effect(Prediction(before[0]), Prediction(after[0]), moved.size, tuple(controls))


def _logits(photo: CodedPhoto, tail: Tail, moves: Sequence[Movement]) -> Float64[Tensor, "s c"]:
    """Of the photo as it is, then moved in each way. A linear head needs no more than the means."""
    if isinstance(tail, LinearTail):
        mean = photo.tokens.mean(dim=0)
        return tail.from_means(torch.stack([mean, *(mean + one.mean for one in moves)]))
    found, waiting = [tail.logits(photo.patches[None].float())], iter(moves)
    while states := [one.applied(photo).float() for one in islice(waiting, _STATES_AT_ONCE)]:
        found.append(tail.logits(torch.stack(states)))
    return torch.cat(found)
