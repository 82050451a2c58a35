"""Products of a dictionary's atoms with each other: the whole table, made once for as long as the atoms stay."""

import torch
from jaxtyping import Float
from torch import Tensor

TABLE_CONCEPTS = 16_384
"""Concepts up to which the table [K K] is made: 1 GiB in float32."""


class GramCache:
    """``G = D D^T [K K]`` of the atoms it was last asked for.

    It looks at the atoms' version, which torch raises when they are written in place, so that it does not give the
    table of atoms that have moved since. Only a fused optimiser writes without raising it: a dictionary that is
    trained by one makes its tables itself. Nothing here is saved: the table follows from the atoms.
    """

    def __init__(self) -> None:
        self._made: tuple[Tensor, int, Tensor] | None = None

    @torch.no_grad()
    def table(self, atoms: Float[Tensor, "K d"]) -> Float[Tensor, "K K"]:
        """``D D^T``, without a gradient."""
        made = self._made
        if made is None or made[0].data_ptr() != atoms.data_ptr() or made[1] != atoms._version:
            fixed = atoms.detach()
            made = self._made = (fixed, atoms._version, fixed @ fixed.t())
        return made[2]
