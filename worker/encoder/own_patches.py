"""A photo's patches on the model's own grid, coded by its dictionary or by its stream of a universal one.

Effects run the rest of the network from the patches that the model has, while a universal dictionary's codes are told
on a grid that all its models share. Where a model's grid is that grid, both are the same; elsewhere effects are of the
model's own patches, which cannot be named by places of the shared grid.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from store.edits import BadEdit, Edit, Edits, Operation
from worker.dictionaries.base import SparseCodes
from worker.effects.contributions import Contributions
from worker.effects.photo import CodedPhoto, code_photo
from worker.encoder.codes import strongest_first
from worker.encoder.study import DTYPES, Study
from worker.universal.stream import StreamDictionary

OTHER_GRID = (
    "This model's patches are others than those of the grid that all models share, so there is no map of its effects, "
    "and edits are of the whole photo."
)


@dataclass(frozen=True)
class OwnPatches:
    """``photo`` in the unit of the activations; codes of a universal dictionary are told in a unit of their own."""

    study: Study
    photo: CodedPhoto
    slots: SparseCodes | None
    """The codes as they are told; None where they are of another grid."""

    @cached_property
    def gain(self) -> Float[Tensor, " K"] | None:
        """What a told code of 1 is in the unit of the activations; None where it is 1."""
        of = self.study.dictionary
        return of.gain.double().cpu() if isinstance(of, StreamDictionary) else None

    def edits(self, edits: Edits) -> Edits:
        """Edits in the unit of the activations; raises ``BadEdit`` for patches that cannot be named."""
        edits.check(n_concepts=self.photo.n_concepts, n_patches=self.study.grid.n_patches)
        if self.slots is None and any(edit.patches is not None for edit in edits.edits):
            raise BadEdit(f"{OTHER_GRID} Leave the patches out.")
        return Edits(edits=tuple(self._edit(edit) for edit in edits.edits))

    def _edit(self, edit: Edit) -> Edit:
        if self.gain is None or edit.operation is not Operation.CLAMP or edit.amount is None:
            return edit
        return edit.model_copy(update={"amount": edit.amount * float(self.gain[edit.concept])})

    def parts(self, terms: Contributions) -> Float32[np.ndarray, "p a"]:
        """What each slot of the told codes adds to the score, ``z_ik <g_i, d_k>``; empty on another grid."""
        if self.slots is None or terms.maps is None:
            return np.zeros((0, 0), dtype=np.float32)
        indices, values = strongest_first(self.slots)
        if not indices.size:
            return np.zeros(indices.shape, dtype=np.float32)
        photo, rows = self.photo, np.arange(len(indices))[:, None]
        place = np.searchsorted(photo.concepts.numpy(), indices).clip(max=max(len(photo.concepts) - 1, 0))
        codes, maps = photo.codes.numpy()[rows, place], terms.maps.flatten(1).T.numpy()[rows, place]
        own = values if self.gain is None else values * self.gain.numpy()[indices]
        slopes = maps / np.where(codes > 0, codes, 1.0)
        return np.where(values > 0, own * slopes, 0.0).astype(np.float32)


@torch.no_grad()
def own_patches(study: Study) -> OwnPatches:
    """The patches that the rest of the network goes on from, with their codes."""
    of = study.dictionary
    if not isinstance(of, StreamDictionary):
        codes = of.encode(study.tokens.to(of.mean))
        return OwnPatches(study, code_photo(of, study.look.patches, codes=codes), codes)
    stored = study.look.patches.flatten(0, 1).to(DTYPES[study.reading.dtype]).bfloat16().float()
    tokens = stored.to(of.mean)
    photo = code_photo(of, study.look.patches, codes=of.encode(tokens))
    is_shared = stored.shape == study.tokens.shape and torch.equal(stored, study.tokens)
    return OwnPatches(study, photo, of.common_codes(of.standardize(tokens)) if is_shared else None)
