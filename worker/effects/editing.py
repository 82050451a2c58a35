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
    """By how much codes change, for each edited concept: what it takes to move a photo, or to move it elsewhere."""

    concepts: tuple[int, ...]
    changes: Float64[Tensor, "n e"]
    """``z' - z`` at each patch."""

    def along(self, photo: CodedPhoto, concepts: tuple[int, ...] | None = None) -> Float64[Tensor, "h w d"]:
        """``(z' - z) D``: what is added to the patches; by the same changes of other concepts if some are given."""
        atoms = photo.atoms_of(self.concepts if concepts is None else concepts)
        return (self.changes @ atoms).view(photo.patches.shape)


def movement(photo: CodedPhoto, edits: Edits) -> Movement:
    """How edits change the codes of a photo.

    Raises ``BadEdit`` for a concept or a patch that is not there.
    """
    edits.check(n_concepts=photo.n_concepts, n_patches=photo.n_patches)
    concepts = edits.concepts
    changes = photo.codes.new_zeros(photo.n_patches, len(concepts))
    for edit in edits.edits:
        changes[:, concepts.index(edit.concept)] += _change(photo.codes_of(edit.concept), edit)
    return Movement(concepts, changes)


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
    return photo.patches + movement(photo, edits).along(photo)
