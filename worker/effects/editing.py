"""Edits made: codes change, and the photo moves by exactly what they change.

With codes z and edited codes z', the error of the dictionary is added back, ``x' = origin + z' D + e``, which is
``x' = x + (z' - z) D``: an edit that changes no code changes nothing, however badly the dictionary reconstructs.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from store.edits import Edit, Edits, Operation
from worker.effects.photo import CodedPhoto


@dataclass(frozen=True)
class Movement:
    """A change of codes ``c = z' - z`` along atoms: what is added to a photo's patches is ``c D``."""

    concepts: tuple[int, ...]
    changes: Float64[Tensor, "n e"]
    """At each patch, row by row of the grid."""
    atoms: Float64[Tensor, "e d"]

    def along(self, photo: CodedPhoto, others: tuple[int, ...]) -> "Movement":
        """The same changes of codes along the atoms of other concepts."""
        return Movement(others, self.changes, photo.atoms_of(others))

    def applied(self, photo: CodedPhoto) -> Float64[Tensor, "h w d"]:
        """The photo's patches, moved."""
        return photo.patches + (self.changes @ self.atoms).view(photo.patches.shape)

    @property
    def mean(self) -> Float64[Tensor, " d"]:
        """What is added to the mean over patches."""
        return self.changes.mean(dim=0) @ self.atoms

    @property
    def size(self) -> float:
        """Root mean square length by which patches are moved, in the unit of the activations."""
        squares = ((self.changes @ (self.atoms @ self.atoms.T)) * self.changes).sum(dim=1)
        return float(squares.mean().clamp_min(0).sqrt())


def movement(photo: CodedPhoto, edits: Edits) -> Movement:
    """How edits move a photo; raises ``BadEdit`` for a concept or a patch that is not there."""
    edits.check(n_concepts=photo.n_concepts, n_patches=photo.n_patches)
    concepts = edits.concepts
    changes = photo.codes.new_zeros(photo.n_patches, len(concepts))
    for edit in edits.edits:
        changes[:, concepts.index(edit.concept)] += _change(photo.codes_of(edit.concept), edit)
    return Movement(concepts, changes, photo.atoms_of(concepts))


def _change(codes: Float64[Tensor, " n"], edit: Edit) -> Float64[Tensor, " n"]:
    amount = 0.0 if edit.amount is None else edit.amount
    wanted = torch.full_like(codes, amount) if edit.operation is Operation.CLAMP else amount * codes
    return torch.where(touched(edit.patches, len(codes)), wanted - codes, 0.0)


def touched(patches: tuple[int, ...] | None, n_patches: int) -> Tensor:
    """Which patches an edit changes, bool ``[n]``."""
    mask = torch.zeros(n_patches, dtype=torch.bool)
    mask[slice(None) if patches is None else list(patches)] = True
    return mask


def edited(photo: CodedPhoto, edits: Edits) -> Float64[Tensor, "h w d"]:
    """The photo's patches after the edits, the error of the dictionary added back."""
    return movement(photo, edits).applied(photo)
