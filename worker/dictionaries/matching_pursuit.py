"""Matching pursuit as encoder (Costa et al. 2025, arXiv 2506.03093): concepts are chosen one after the other."""

import copy
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from store.errors import InvalidInput
from store.methods import MatchingPursuitSpec
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.free_atoms import FreeAtoms
from worker.dictionaries.gram import TABLE_CONCEPTS, GramCache
from worker.dictionaries.learned import Moment, Pass
from worker.dictionaries.losses import reconstruction_loss
from worker.dictionaries.pursuit import pursue, replay, without_repeats
from worker.dictionaries.sparse import firing_counts


class MatchingPursuitDictionary(FreeAtoms):
    """Atoms on the unit sphere and no other parameters: the codes are those of non-negative matching pursuit.

    At each of ``n_active`` steps a token takes the concept whose atom has the largest product with what is left over,
    with that product as code, and stops when none is positive; a concept taken again adds to its code. What is left
    over shrinks with every step, so that the number of steps may be changed later (``with_steps``).

    The loss is the mean squared error, with the exact gradient of the unrolled pursuit for the choices made (see
    ``pursuit.replay``). Dead concepts pursue what the living ones left over, as in AuxK (arXiv 2406.04093), which
    pulls their atoms there.
    """

    method: ClassVar[str] = "matching-pursuit"
    spec: MatchingPursuitSpec

    def __init__(self, spec: MatchingPursuitSpec, width: int) -> None:
        super().__init__(spec, width)
        self.gram = GramCache()
        self.n_steps = spec.n_active

    def with_steps(self, n_steps: int) -> "MatchingPursuitDictionary":
        """The same dictionary, on the same tensors, that takes another number of steps; not to be trained or saved.

        Raises ``InvalidInput`` for less than one step.
        """
        if n_steps < 1:
            raise InvalidInput(f"n_steps is {n_steps}, but matching pursuit takes at least 1 step.")
        changed = copy.copy(self)
        changed.n_steps = n_steps
        return changed

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """``n_steps`` steps of matching pursuit, each concept in one slot."""
        table = self.gram.table(self.decoder) if self._saves_products(len(u)) else None
        indices, values = pursue(u, self.decoder.detach(), n_steps=self.n_steps, table=table)
        return SparseCodes(indices, without_repeats(indices, values), self.n_concepts)

    def learn(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Pass:
        """Mean squared error, and the pull on dead concepts."""
        fixed = atoms.detach()
        table = fixed @ fixed.t() if self._saves_products(len(inputs)) else None
        indices, values = pursue(inputs, fixed, n_steps=self.spec.n_active, table=table)
        output = replay(inputs, atoms, indices=indices, values=values)
        loss = error = reconstruction_loss(inputs, output)
        dead = (self.silent_tokens >= self.spec.dead_after_tokens).nonzero()[:, 0]
        if len(dead) and self.spec.aux_weight > 0:
            left_over = (inputs - output).detach()
            loss = loss + self.spec.aux_weight * help_for_dead(left_over, atoms[dead], n_active=self.spec.n_active)
        codes = without_repeats(indices, values)
        counts = firing_counts(indices, codes, n_concepts=self.n_concepts)
        return Pass(loss, error.detach(), counts > 0, int(counts.sum()))

    def _saves_products(self, n_tokens: int) -> bool:
        """Whether the table ``D D^T`` has room, and costs less than the products that it saves so many tokens."""
        return self.n_concepts <= min(TABLE_CONCEPTS, (self.n_steps - 1) * n_tokens)


def help_for_dead(
    left_over: Float[Tensor, "n d"], atoms: Float[Tensor, "K_dead d"], *, n_active: int
) -> Float[Tensor, ""]:
    """``min(n_dead / n_active, 1) |e - e_hat|^2 / |e - mean(e)|^2`` for what is left over ``e``, already detached.

    ``e_hat`` is its matching pursuit by dead concepts alone, in at most ``n_active`` steps.
    """
    n_steps = min(n_active, len(atoms))
    indices, values = pursue(left_over, atoms.detach(), n_steps=n_steps, table=None)
    found = replay(left_over, atoms, indices=indices, values=values)
    variance = (left_over - left_over.mean(dim=0)).square().mean()
    share = n_steps / n_active
    return share * reconstruction_loss(left_over, found) / variance.clamp_min(torch.finfo(left_over.dtype).tiny)
