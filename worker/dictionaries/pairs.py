"""Codes of a batch as pairs (token, concept), as many as each token has, with sparse gradients.

``encode_pairs`` chooses pairs and gives their pre-codes, ``decode_pairs`` adds up their atoms. What a method does in
between is ordinary torch on ``pairs.values [m]``; its gradient arrives at the encoder through the chosen pairs alone.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import Function, once_differentiable

from worker.dictionaries.kernels import PairIndex
from worker.dictionaries.precodes import Choose, PreCodes


@dataclass(frozen=True)
class Pairs:
    """Pairs in order of tokens, and a value for each, which may carry a gradient."""

    index: PairIndex
    values: Float[Tensor, " m"]

    @property
    def concepts(self) -> Int[Tensor, " m"]:
        """The concept of each pair."""
        return self.index.concepts

    @property
    def tokens(self) -> Int[Tensor, " m"]:
        """The token of each pair."""
        return self.index.tokens

    def with_values(self, values: Float[Tensor, " m"]) -> "Pairs":
        """The same pairs with other values."""
        return Pairs(self.index, values)

    def only(self, mask: Bool[Tensor, " m"]) -> "Pairs":
        """The pairs where ``mask`` is true, of the same tokens."""
        kept = torch.zeros(len(mask) + 1, dtype=torch.int64, device=mask.device)
        torch.cumsum(mask, dim=0, out=kept[1:])
        index = PairIndex(kept[self.index.starts], self.concepts[mask], n_concepts=self.index.n_concepts)
        return Pairs(index, self.values[mask])

    def counts(self) -> Int[Tensor, " K"]:
        """In how many tokens each concept has a value above 0."""
        return torch.bincount(self.concepts[self.values.detach() > 0], minlength=self.index.n_concepts)

    def padded(self) -> tuple[Int[Tensor, "n a"], Float[Tensor, "n a"]]:
        """Indices and values in as many slots as the fullest token needs; free slots are concept 0 with value 0."""
        counts = self.index.starts.diff()
        n_slots = max(int(counts.max()), 1) if len(counts) else 1
        slots = torch.arange(len(self.concepts), device=counts.device) - self.index.starts[self.tokens]
        indices = self.concepts.new_zeros(self.index.n_tokens, n_slots)
        values = self.values.new_zeros(self.index.n_tokens, n_slots)
        indices[self.tokens, slots] = self.concepts
        return indices, values.index_put((self.tokens, slots), self.values)


def encode_pairs(
    inputs: Float[Tensor, "n d"], weight: Float[Tensor, "K d"], *, bias: Float[Tensor, " K"], choose: Choose
) -> Pairs:
    """The pairs that ``choose`` picks, with their pre-codes ``u_i W_k + b_k``, whatever their sign.

    With ``g_p`` the gradient of pair p's value: ``dW_k = sum g_p u_i``, ``db_k = sum g_p`` over the pairs of concept
    k, ``du_i = sum g_p W_k`` over those of token i.
    """
    with torch.no_grad():
        chosen = choose(PreCodes(inputs, weight, bias))
    index = PairIndex(chosen.starts, chosen.concepts, n_concepts=len(weight))
    values: Tensor = _Encode.apply(inputs, weight, bias, index, chosen.values)  # type: ignore[no-untyped-call]
    return Pairs(index, values)


def decode_pairs(pairs: Pairs, atoms: Float[Tensor, "K d"]) -> Float[Tensor, "n d"]:
    """``out_i = sum_p v_p D[k_p]`` over the pairs of token i.

    With ``e`` the gradient of the output: ``g_p = <e_i, D_k>`` and ``dD_k = sum v_p e_i`` over the pairs of concept k.
    """
    output: Tensor = _Decode.apply(pairs.values, atoms, pairs.index)  # type: ignore[no-untyped-call]
    return output


class _Encode(Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, _: Tensor, index: PairIndex, values: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.index = index
        return values.view_as(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        index: PairIndex = ctx.index
        of_values = gradients[0]
        of_inputs = index.sums_by_token(of_values, weight) if ctx.needs_input_grad[0] else None
        of_weight = index.sums_by_concept(of_values, inputs) if ctx.needs_input_grad[1] else None
        of_bias = index.totals(of_values) if ctx.needs_input_grad[2] else None
        return of_inputs, of_weight, of_bias, None, None


class _Decode(Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, atoms: Tensor, index: PairIndex) -> Tensor:
        ctx.save_for_backward(values, atoms)
        ctx.index = index
        return index.sums_by_token(values, atoms)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, atoms = ctx.saved_tensors
        index: PairIndex = ctx.index
        of_values = index.products(gradients[0], atoms) if ctx.needs_input_grad[0] else None
        of_atoms = index.sums_by_concept(values, gradients[0]) if ctx.needs_input_grad[1] else None
        return of_values, of_atoms, None
