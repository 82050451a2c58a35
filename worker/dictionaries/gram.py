"""Products of a dictionary's atoms with each other: the whole table, made once for as long as the atoms stay."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

TABLE_CONCEPTS = 16_384  # concepts up to which the table [K K] is made: 1 GiB in float32


class GramCache:
    """``G = D D^T [K K]`` of the atoms it was last asked about, or nothing where that would not fit.

    It looks at the atoms' version, which torch raises with every change in place, so that it never gives the table of
    atoms that have moved since. Nothing here is saved: the table follows from the atoms.
    """

    def __init__(self) -> None:
        self._made: tuple[Tensor, int, Tensor] | None = None

    def table(self, atoms: Float[Tensor, "K d"]) -> Float[Tensor, "K K"] | None:
        """``D D^T``, without a gradient; None for more than 16,384 concepts."""
        if len(atoms) > TABLE_CONCEPTS:
            return None
        made = self._made
        if made is None or made[0].data_ptr() != atoms.data_ptr() or made[1] != atoms._version:
            fixed = atoms.detach()
            made = self._made = (fixed, atoms._version, fixed @ fixed.t())
        return made[2]


def small_grams(
    atoms: Float[Tensor, "K d"], *, indices: Int[Tensor, "n a"], table: Float[Tensor, "K K"] | None
) -> Float[Tensor, "n a a"]:
    """``out_ist = <D[indices_is], D[indices_it]>``: read from the table where there is one."""
    if table is not None:
        return table[indices[:, :, None], indices[:, None, :]]
    chosen = atoms[indices]
    return torch.bmm(chosen, chosen.transpose(1, 2))
