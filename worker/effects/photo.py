"""A photo's patches as a dictionary sees them: codes times atoms, an origin, and an error that is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from worker.dictionaries.base import Dictionary, SparseCodes


@dataclass(frozen=True)
class CodedPhoto:
    """``x = origin + z D + e`` at each of the n patches of one photo, in double precision on the CPU.

    Only concepts that fire on the photo, m of them, take up room; ``e`` is whatever the dictionary misses, so that the
    equation holds for any codes, however they were found.
    """

    patches: Float64[Tensor, "h w d"]
    concepts: Int64[Tensor, " m"]
    """Ascending."""
    codes: Float64[Tensor, "n m"]
    """Rows are patches, row by row of the grid."""
    active_atoms: Float64[Tensor, "m d"]
    atoms: Float[Tensor, "K d"]
    origin: Float64[Tensor, " d"]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return self.patches.shape[0], self.patches.shape[1]

    @property
    def n_patches(self) -> int:
        """Rows times columns."""
        return self.shape[0] * self.shape[1]

    @property
    def n_concepts(self) -> int:
        """Concepts of the dictionary."""
        return len(self.atoms)

    @cached_property
    def tokens(self) -> Float64[Tensor, "n d"]:
        """The patches one below the other."""
        return self.patches.flatten(0, 1)

    @cached_property
    def error(self) -> Float64[Tensor, "n d"]:
        """What the dictionary misses: ``x - origin - z D``."""
        return self.tokens - self.origin - self.codes @ self.active_atoms

    @property
    def bare(self) -> Float64[Tensor, "h w d"]:
        """The photo without any concept and without error: the origin at every patch."""
        return self.origin.expand(self.patches.shape)

    @property
    def emptied(self) -> Float64[Tensor, "h w d"]:
        """The photo without any concept, the error kept: ``origin + e``."""
        return (self.origin + self.error).view(self.patches.shape)

    @property
    def reconstruction(self) -> Float64[Tensor, "h w d"]:
        """What the dictionary makes of the photo: ``origin + z D``."""
        return (self.tokens - self.error).view(self.patches.shape)

    def atoms_of(self, concepts: Sequence[int]) -> Float64[Tensor, "e d"]:
        """Atoms of any concepts, active or not."""
        return self.atoms[torch.tensor(list(concepts), dtype=torch.int64, device=self.atoms.device)].double().cpu()

    def codes_of(self, concept: int) -> Float64[Tensor, " n"]:
        """One concept's codes, zeros where it is silent."""
        place = int(torch.searchsorted(self.concepts, concept))
        if place < len(self.concepts) and int(self.concepts[place]) == concept:
            return self.codes[:, place]
        return self.codes.new_zeros(len(self.codes))

    def as_map(self, values: Float64[Tensor, "... n"]) -> Float64[Tensor, "... h w"]:
        """Numbers of patches on the grid."""
        return values.view(*values.shape[:-1], *self.shape)


@torch.no_grad()
def code_photo(
    dictionary: Dictionary,
    patches: Float[Tensor, "h w d"],
    *,
    codes: SparseCodes | None = None,
    atoms: Float[Tensor, "K d"] | None = None,
) -> CodedPhoto:
    """One photo's patches and their codes. Codes and atoms are made unless they are given."""
    tokens = patches.flatten(0, 1)
    codes = dictionary.encode(tokens) if codes is None else codes
    concepts, places = torch.unique(codes.indices[codes.values > 0].cpu(), return_inverse=True)
    dense = torch.zeros(len(tokens), len(concepts), dtype=torch.float64)
    rows = (codes.values > 0).nonzero()[:, 0].cpu()
    dense.index_put_((rows, places), codes.values[codes.values > 0].double().cpu(), accumulate=True)
    atoms = dictionary.atoms.detach() if atoms is None else atoms
    return CodedPhoto(
        patches=patches.double().cpu(),
        concepts=concepts,
        codes=dense,
        active_atoms=atoms[concepts.to(atoms.device)].double().cpu(),
        atoms=atoms,
        origin=dictionary.origin.detach().double().cpu(),
    )
