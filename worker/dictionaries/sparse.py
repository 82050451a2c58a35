"""Sparse products of codes and atoms, and a backward pass that never makes a dense ``[n K]`` gradient.

Pairs (token, slot) are ``indices [n a]``. The three products a sparse autoencoder needs:

* ``weighted_rows``: for each token the sum of its atoms, ``sum_j v_ij T[idx_ij]`` (an embedding bag);
* ``paired_products``: for each pair ``<r_i, T[idx_ij]>`` (a sampled dense-dense product);
* ``ConceptPairs.weighted_sums``: for each concept the sum of its tokens, ``sum v_ij r_i`` (a CSR product, after the
  pairs are sorted by concept).
"""

import warnings
from functools import cache, cached_property
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import Function, once_differentiable
from torch.nn import functional

_GATHER_TOKENS = 256  # tokens whose atoms are copied at once, where there is no sampled product


def top_codes(pre_codes: Float[Tensor, "n K"], n_active: int) -> tuple[Int[Tensor, "n a"], Float[Tensor, "n a"]]:
    """Indices and values of the ``n_active`` largest pre-codes of each token, negative values set to 0."""
    values, indices = pre_codes.topk(n_active, dim=1, sorted=False)
    return indices, values.relu_()


def fired(
    indices: Int[Tensor, "n a"], values: Float[Tensor, "n a"], *, n_concepts: int
) -> tuple[Bool[Tensor, " K"], int]:
    """Which concepts have a code above 0, and how many codes there are above 0."""
    firing = values.detach() > 0
    found = torch.zeros(n_concepts, dtype=torch.bool, device=indices.device)
    found[indices[firing]] = True
    return found, int(firing.sum())


def weighted_rows(
    indices: Int[Tensor, "n a"], values: Float[Tensor, "n a"], *, table: Float[Tensor, "K d"]
) -> Float[Tensor, "n d"]:
    """``out_i = sum_j values_ij table[indices_ij]``."""
    return functional.embedding_bag(indices, table, per_sample_weights=values.to(table), mode="sum")


def paired_products(
    rows: Float[Tensor, "n d"], table: Float[Tensor, "K d"], *, indices: Int[Tensor, "n a"]
) -> Float[Tensor, "n a"]:
    """``out_ij = <rows_i, table[indices_ij]>``."""
    if rows.device.type != "cpu":
        return gathered_products(rows, table, indices=indices)
    n, a = indices.shape
    starts = torch.arange(0, n * a + 1, a)
    pattern = csr_matrix(starts, indices.flatten(), rows.new_zeros(n * a), shape=(n, len(table)))
    products: Tensor = torch.sparse.sampled_addmm(pattern, rows.contiguous(), table.t(), beta=0.0)
    return products.values().view(n, a)


def gathered_products(
    rows: Float[Tensor, "n d"], table: Float[Tensor, "K d"], *, indices: Int[Tensor, "n a"]
) -> Float[Tensor, "n a"]:
    """The same as ``paired_products`` by copying atoms, some tokens at a time."""
    parts = zip(torch.split(rows, _GATHER_TOKENS), torch.split(indices, _GATHER_TOKENS), strict=True)
    return torch.cat([torch.einsum("nd,nad->na", r, table[i]) for r, i in parts])


class ConceptPairs:
    """The pairs of a batch sorted by concept: made once, shared by the gradients of encoder and atoms."""

    def __init__(self, indices: Int[Tensor, "n a"], *, n_concepts: int) -> None:
        self.indices = indices
        self.n_concepts = n_concepts

    @cached_property
    def _sorted(self) -> tuple[Tensor, Tensor, Tensor]:
        """Order of the pairs, their tokens, and where each concept's pairs start."""
        flat = self.indices.flatten()
        order = flat.argsort(stable=True)
        starts = flat.new_zeros(self.n_concepts + 1)
        torch.cumsum(torch.bincount(flat, minlength=self.n_concepts), dim=0, out=starts[1:])
        return order, order // self.indices.shape[1], starts

    def weighted_sums(self, weights: Float[Tensor, "n a"], rows: Float[Tensor, "n d"]) -> Float[Tensor, "K d"]:
        """``out_k`` = sum over the pairs (i, j) with index k of ``weights_ij rows_i``."""
        order, tokens, starts = self._sorted
        matrix = csr_matrix(starts, tokens, weights.flatten()[order], shape=(self.n_concepts, len(rows)))
        return matrix @ rows

    def totals(self, weights: Float[Tensor, "n a"]) -> Float[Tensor, " K"]:
        """``out_k`` = sum over the pairs with index k of ``weights_ij``."""
        zeros = weights.new_zeros(self.n_concepts)
        return zeros.index_add_(0, self.indices.flatten(), weights.flatten())


class Reconstruction(NamedTuple):
    """What one pass through a sparse autoencoder gives, in standardised units."""

    output: Float[Tensor, "n d"]
    indices: Int[Tensor, "n a"]
    values: Float[Tensor, "n a"]


def reconstruct(
    inputs: Float[Tensor, "n d"],
    weight: Float[Tensor, "K d"],
    *,
    bias: Float[Tensor, " K"],
    atoms: Float[Tensor, "K d"],
    n_active: int,
) -> Reconstruction:
    """``relu(top(u W^T + b)) D`` with gradients of W, b and D that touch only the chosen pairs.

    With ``e`` the gradient of the output: ``g_ij = <e_i, D[idx_ij]>`` where the code is positive, else 0;
    ``dD_k = sum z_ij e_i``, ``dW_k = sum g_ij u_i``, ``db_k = sum g_ij`` over the pairs of concept k.
    """
    output, indices, values = _Reconstruct.apply(inputs, weight, bias, atoms, n_active)  # type: ignore[no-untyped-call]
    return Reconstruction(output, indices, values)


class _Reconstruct(Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, atoms: Tensor, n_active: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        indices, values = top_codes(functional.linear(inputs, weight, bias), n_active)
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


def csr_matrix(starts: Tensor, columns: Tensor, values: Tensor, *, shape: tuple[int, int]) -> Tensor:
    """A CSR matrix, unchecked: the callers make valid ones."""
    _announce_csr()
    return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)


@cache
def _announce_csr() -> None:
    """Let torch say once, unheard, that its CSR tensors are in beta."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        torch.sparse_csr_tensor(torch.tensor([0, 0]), torch.tensor([]).long(), torch.tensor([]), (1, 1))
