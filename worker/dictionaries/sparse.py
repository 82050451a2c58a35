"""Sparse products of codes and atoms, and a backward pass that never makes a dense ``[n K]`` gradient.

Pairs (token, slot) are ``indices [n a]``. The three products a sparse autoencoder needs:

* ``weighted_rows``: for each token the sum of its atoms, ``sum_j v_ij T[idx_ij]`` (an embedding bag);
* ``paired_products``: for each pair ``<r_i, T[idx_ij]>`` (a sampled dense-dense product);
* ``ConceptPairs.weighted_sums``: for each concept the sum of its tokens, ``sum v_ij r_i`` (a bag of tokens, after the
  pairs are sorted by concept).

Where tokens have different numbers of codes, ``worker/dictionaries/pairs.py`` has the same with ``Pairs``::

    pairs = encode_pairs(inputs, weight, bias=bias, choose=largest(n_active * len(inputs)))  # or above(threshold)
    codes = pairs.with_values(pairs.values.relu())        # any torch on values [m]; also pairs.only(pairs.concepts < k)
    output = decode_pairs(codes, atoms)                   # gradients to values and atoms, through values to W, b, u
    counts = codes.counts();  indices, values = codes.padded()                       # slots for SparseCodes

``choose`` (``worker/dictionaries/precodes.py``) sees the pre-codes some rows at a time: ``largest(m)`` takes the m
largest positive ones of the whole batch, exactly; ``above(t)`` those above one threshold or one for each concept.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import Function, once_differentiable
from torch.nn import functional

from worker.dictionaries.kernels import csr_matrix, gathered_pair_products, uniform_pairs
from worker.dictionaries.precodes import PreCodes, top_codes, top_of_batch

__all__ = [
    "ConceptPairs",
    "Reconstruction",
    "csr_matrix",
    "firing_counts",
    "gathered_products",
    "mix",
    "paired_products",
    "reconstruct",
    "top_codes",
    "weighted_rows",
]


def firing_counts(indices: Int[Tensor, "n a"], values: Float[Tensor, "n a"], *, n_concepts: int) -> Int[Tensor, " K"]:
    """In how many tokens each concept has a code above 0."""
    return torch.bincount(indices[values.detach() > 0], minlength=n_concepts)


def weighted_rows(
    indices: Int[Tensor, "n a"], values: Float[Tensor, "n a"], *, table: Float[Tensor, "K d"]
) -> Float[Tensor, "n d"]:
    """``out_i = sum_j values_ij table[indices_ij]``."""
    return uniform_pairs(indices, n_concepts=len(table)).sums_by_token(values.flatten(), table)


def paired_products(
    rows: Float[Tensor, "n d"], table: Float[Tensor, "K d"], *, indices: Int[Tensor, "n a"]
) -> Float[Tensor, "n a"]:
    """``out_ij = <rows_i, table[indices_ij]>``."""
    return uniform_pairs(indices, n_concepts=len(table)).products(rows, table).view(indices.shape)


def gathered_products(
    rows: Float[Tensor, "n d"], table: Float[Tensor, "K d"], *, indices: Int[Tensor, "n a"]
) -> Float[Tensor, "n a"]:
    """The same as ``paired_products`` by copying atoms, some pairs at a time."""
    pairs = uniform_pairs(indices, n_concepts=len(table))
    return gathered_pair_products(rows, table, tokens=pairs.tokens, concepts=pairs.concepts).view(indices.shape)


class ConceptPairs:
    """The pairs of a batch sorted by concept: made once, shared by the gradients of encoder and atoms."""

    def __init__(self, indices: Int[Tensor, "n a"], *, n_concepts: int) -> None:
        self.index = uniform_pairs(indices, n_concepts=n_concepts)

    def weighted_sums(self, weights: Float[Tensor, "n a"], rows: Float[Tensor, "n d"]) -> Float[Tensor, "K d"]:
        """``out_k`` = sum over the pairs (i, j) with index k of ``weights_ij rows_i``."""
        return self.index.sums_by_concept(weights.flatten(), rows)

    def totals(self, weights: Float[Tensor, "n a"]) -> Float[Tensor, " K"]:
        """``out_k`` = sum over the pairs with index k of ``weights_ij``."""
        return self.index.totals(weights.flatten())


class Reconstruction(NamedTuple):
    """What one pass through a sparse autoencoder gives, in standardised units."""

    output: Float[Tensor, "n e"]
    indices: Int[Tensor, "n a"]
    values: Float[Tensor, "n a"]


def reconstruct(
    inputs: Float[Tensor, "n d"],
    weight: Float[Tensor, "K d"],
    *,
    bias: Float[Tensor, " K"],
    atoms: Float[Tensor, "K e"],
    n_active: int,
) -> Reconstruction:
    """``relu(top(u W^T + b)) D`` with gradients of W, b and D that touch only the chosen pairs.

    Atoms may be of another width than the inputs: what one model sees can reconstruct what others do.

    With ``e`` the gradient of the output: ``g_ij = <e_i, D[idx_ij]>`` where the code is positive, else 0;
    ``dD_k = sum z_ij e_i``, ``dW_k = sum g_ij u_i``, ``db_k = sum g_ij`` over the pairs of concept k.

    Where at least half of the concepts are active at every token (few dead ones in the auxiliary loss), dense codes
    are no larger than the pairs and dense products several times faster; then they are used.
    """
    if 2 * n_active >= len(weight):
        return _dense_reconstruct(inputs, weight, bias=bias, atoms=atoms, n_active=n_active)
    output, indices, values = _Reconstruct.apply(inputs, weight, bias, atoms, n_active)  # type: ignore[no-untyped-call]
    return Reconstruction(output, indices, values)


def _dense_reconstruct(inputs: Tensor, weight: Tensor, *, bias: Tensor, atoms: Tensor, n_active: int) -> Reconstruction:
    pre_codes = functional.linear(inputs, weight, bias)
    if n_active == len(weight):
        codes = pre_codes.relu()
        return Reconstruction(codes @ atoms, torch.arange(n_active, device=codes.device).expand_as(codes), codes)
    values, indices = pre_codes.topk(n_active, dim=1, sorted=False)
    values = values.relu()
    codes = torch.zeros_like(pre_codes).scatter(1, indices, values)
    return Reconstruction(codes @ atoms, indices, values)


class _Reconstruct(Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, atoms: Tensor, n_active: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        indices, values = top_of_batch(PreCodes(inputs, weight, bias), n_active)
        ctx.save_for_backward(inputs, weight, atoms, indices, values)
        ctx.mark_non_differentiable(indices)
        return weighted_rows(indices, values, table=atoms), indices, values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_output, _, of_values = gradients
        inputs, weight, atoms, indices, values = ctx.saved_tensors
        of_codes = (paired_products(of_output, atoms, indices=indices) + of_values) * (values > 0)
        pairs = ConceptPairs(indices, n_concepts=len(atoms))
        of_inputs = weighted_rows(indices, of_codes, table=weight) if ctx.needs_input_grad[0] else None
        of_weight = pairs.weighted_sums(of_codes, inputs)
        of_atoms = pairs.weighted_sums(values, of_output) if ctx.needs_input_grad[3] else None
        return of_inputs, of_weight, pairs.totals(of_codes), of_atoms, None


def mix(
    weights: Float[Tensor, "K m"], indices: Int[Tensor, "K m"], *, points: Float[Tensor, "c d"]
) -> Float[Tensor, "K d"]:
    """``out_k = sum_j weights_kj points[indices_kj]``, differentiable in the weights alone."""
    mixed: Tensor = _Mix.apply(weights, indices, points)  # type: ignore[no-untyped-call]
    return mixed


class _Mix(Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, indices: Tensor, points: Tensor) -> Tensor:
        ctx.save_for_backward(indices, points)
        return weighted_rows(indices, weights, table=points)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        indices, points = ctx.saved_tensors
        return paired_products(gradients[0], points, indices=indices), None, None
