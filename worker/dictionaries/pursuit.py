"""Matching pursuit: choice of concepts without a gradient, and one exact gradient of the codes that were chosen."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import Function, once_differentiable

from worker.dictionaries.sparse import ConceptPairs, paired_products, weighted_rows

_BLOCK_NUMBERS = 2**20  # products in a block of tokens: 4 MB in float32, which stay in the cache through all steps
_COPIED_NUMBERS = 2**22  # numbers in the atoms copied for a block of tokens
_RUN = 64  # concepts in a run, see ``best_concept``


@torch.no_grad()
def pursue(
    u: Float[Tensor, "n d"],
    atoms: Float[Tensor, "K d"],
    *,
    n_steps: int,
    table: Float[Tensor, "K K"] | None,
) -> tuple[Int[Tensor, "n t"], Float[Tensor, "n t"]]:
    """For each step the concept chosen and its code, ``r_0 = u``::

        j_t = argmax_j <d_j, r_t>      v_t = max(<d_jt, r_t>, 0)      r_t+1 = r_t - v_t d_jt

    A token has finished when no atom has a positive product with what is left over: its remaining codes are 0. A
    concept may be chosen again. Atoms have norm 1. With ``table = D D^T`` the products ``c_t = D r_t`` are updated by
    its rows, ``c_t+1 = c_t - v_t G[j_t]``, so that there is one product with all atoms instead of ``n_steps``; without
    it the residual is.
    """
    n_tokens = max(_BLOCK_NUMBERS // len(atoms), 1)
    blocks = [_pursue_block(part, atoms, n_steps=n_steps, table=table) for part in torch.split(u, n_tokens)]
    return torch.cat([indices for indices, _ in blocks]), torch.cat([values for _, values in blocks])


def _pursue_block(
    u: Float[Tensor, "b d"],
    atoms: Float[Tensor, "K d"],
    *,
    n_steps: int,
    table: Float[Tensor, "K K"] | None,
) -> tuple[Int[Tensor, "b t"], Float[Tensor, "b t"]]:
    indices = torch.zeros(len(u), n_steps, dtype=torch.int64, device=u.device)
    values = u.new_zeros(len(u), n_steps)
    left_over, products = u, u @ atoms.t()
    for step in range(n_steps):
        best, chosen = best_concept(products)
        indices[:, step], values[:, step] = chosen, best.relu_()
        if step + 1 == n_steps:
            break
        if table is not None:
            products.sub_(weighted_rows(chosen[:, None], best[:, None], table=table))
        else:
            left_over = left_over - weighted_rows(chosen[:, None], best[:, None], table=atoms)
            torch.mm(left_over, atoms.t(), out=products)
    return indices, values


def best_concept(products: Float[Tensor, "n K"]) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
    """Largest product of each token, and the first concept that has it.

    By the largest value of each run of 64 concepts, which is found much faster than its place; only the best run is
    then looked through.
    """
    n, n_concepts = products.shape
    n_runs = n_concepts // _RUN
    if n_runs < 2:
        best, chosen = products.max(dim=1)
        return best, chosen
    runs = products[:, : n_runs * _RUN].view(n, n_runs, _RUN)
    run = runs.amax(dim=2).argmax(dim=1)
    best, place = runs[torch.arange(n, device=products.device), run].max(dim=1)
    chosen = run * _RUN + place
    if n_concepts % _RUN:
        last, place = products[:, n_runs * _RUN :].max(dim=1)
        chosen = torch.where(last > best, place + n_runs * _RUN, chosen)
        best = torch.maximum(last, best)
    return best, chosen


def without_repeats(indices: Int[Tensor, "n t"], values: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
    """Values with those of a concept chosen again added to its first slot; the later slots become 0."""
    n_steps = indices.shape[1]
    first = torch.stack([(indices == indices[:, t, None]).int().argmax(dim=1) for t in range(n_steps)], dim=1)
    return torch.zeros_like(values).scatter_add_(1, first, values)


def replay(
    u: Float[Tensor, "n d"],
    atoms: Float[Tensor, "K d"],
    *,
    indices: Int[Tensor, "n t"],
    values: Float[Tensor, "n t"],
) -> Float[Tensor, "n d"]:
    """``u_hat = sum_t v_t d_jt`` with the exact gradient of matching pursuit, for the choices made by ``pursue``.

    With a token's chosen atoms ``B [t d]`` in the order of the steps, its codes solve ``L v = B u``, where ``L`` has
    the products of the atoms below its diagonal and ones on it: each step takes out what the steps before explained.
    So with ``e`` the gradient of ``u_hat``, ``w = L^-T B e``, and the gradient of the atom of step t is::

        v_t e + w_t u - sum_{s<t} w_t v_s d_s - sum_{s>t} w_s v_t d_s

    and that of ``u`` is ``B^T w``. This is what differentiating the unrolled loop gives, repeated choices included,
    without a gradient of the size of the dictionary in every step. Finished steps have no part in it.
    """
    output: Tensor = _Replay.apply(u, atoms, indices, values)  # type: ignore[no-untyped-call]
    return output


class _Replay(Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, atoms: Tensor, indices: Tensor, values: Tensor) -> Tensor:
        ctx.save_for_backward(u, atoms, indices, values)
        return weighted_rows(indices, values, table=atoms)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        u, atoms, indices, values = ctx.saved_tensors
        of_output = gradients[0].contiguous()
        slopes = paired_products(of_output, atoms, indices=indices)
        weights, crossed = torch.empty_like(values), torch.zeros_like(atoms)
        n_tokens = max(_COPIED_NUMBERS // (indices.shape[1] * atoms.shape[1]), 1)
        for start in range(0, len(u), n_tokens):
            block = slice(start, start + n_tokens)
            weights[block], rows = _of_steps(atoms, indices[block], values[block], slopes=slopes[block])
            repeated = ConceptPairs(indices[block].reshape(-1, 1), n_concepts=len(atoms))
            crossed += repeated.weighted_sums(rows.new_ones(len(rows), 1), rows)
        pairs = ConceptPairs(indices, n_concepts=len(atoms))
        of_atoms = pairs.weighted_sums(values, of_output) + pairs.weighted_sums(weights, u) - crossed
        of_u = weighted_rows(indices, weights, table=atoms) if ctx.needs_input_grad[0] else None
        return of_u, of_atoms, None, None


def _of_steps(
    atoms: Float[Tensor, "K d"],
    indices: Int[Tensor, "b t"],
    values: Float[Tensor, "b t"],
    *,
    slopes: Float[Tensor, "b t"],
) -> tuple[Float[Tensor, "b t"], Float[Tensor, "b*t d"]]:
    """``w`` of a block of tokens, and for each of its steps ``sum_{s<t} w_t v_s d_s + sum_{s>t} w_s v_t d_s``."""
    chosen = atoms.index_select(0, indices.flatten()).view(*indices.shape, -1)
    used = (values > 0).to(values)
    grams = torch.bmm(chosen, chosen.transpose(1, 2)) * (used[:, :, None] * used[:, None, :])
    right = (slopes * used)[:, :, None]
    weights = torch.linalg.solve_triangular(grams, right, upper=True, unitriangular=True)[:, :, 0]
    earlier = torch.tril(weights[:, :, None] * values[:, None, :], diagonal=-1)
    return weights, torch.bmm(earlier + earlier.transpose(1, 2), chosen).flatten(0, 1)
