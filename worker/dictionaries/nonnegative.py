"""Non-negative least squares: sparse codes of tokens for given atoms, and factors of given sums."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from worker.dictionaries.pursuit import best_concept
from worker.dictionaries.sparse import weighted_rows

_BLOCK_NUMBERS = 2**20  # numbers in the largest table of a block of tokens: 4 MB in float32


@torch.no_grad()
def nonnegative_codes(
    u: Float[Tensor, "n d"],
    atoms: Float[Tensor, "K d"],
    *,
    table: Float[Tensor, "K K"],
    n_active: int,
    n_sweeps: int,
) -> tuple[Int[Tensor, "n a"], Float[Tensor, "n a"]]:
    """Codes ``z >= 0`` of at most ``n_active`` concepts per token that make ``|u - z D|^2`` small.

    Non-negative orthogonal matching pursuit: the concept whose atom has the largest product with what is left over
    joins the token's support; one sweep of coordinate descent adapts all its codes; and so on. On the last support
    there are ``n_sweeps`` sweeps, which converge to the codes of non-negative least squares on it. ``table`` is
    ``D D^T``. Tokens are taken some at a time, so that memory does not grow with their number.
    """
    n_tokens = max(_BLOCK_NUMBERS // max(len(atoms), n_active * n_active), 1)
    blocks = [
        _codes_of_block(part @ atoms.t(), table=table, n_active=n_active, n_sweeps=n_sweeps)
        for part in torch.split(u, n_tokens)
    ]
    return torch.cat([indices for indices, _ in blocks]), torch.cat([values for _, values in blocks])


def _codes_of_block(
    products: Float[Tensor, "b K"], *, table: Float[Tensor, "K K"], n_active: int, n_sweeps: int
) -> tuple[Int[Tensor, "b a"], Float[Tensor, "b a"]]:
    """The same for one block, from ``U D^T``. Slots are rows here, so that one slot of all tokens is contiguous."""
    indices = torch.zeros(n_active, len(products), dtype=torch.int64, device=products.device)
    values = products.new_zeros(n_active, len(products))
    slopes = torch.zeros_like(values)
    grams = products.new_zeros(n_active, n_active, len(products))
    left_over = products
    for slot in range(n_active):
        slopes[slot], indices[slot] = best_concept(left_over)
        support = indices[: slot + 1]
        grams[slot, : slot + 1] = grams[: slot + 1, slot] = table[support[slot], support]
        n = slot + 1
        descend(values[:n], slopes=slopes[:n], grams=grams[:n, :n], n_sweeps=n_sweeps if n == n_active else 1)
        if n < n_active:
            slots = support.t().contiguous()
            left_over = products - weighted_rows(slots, values[:n].t().contiguous(), table=table)
            left_over.scatter_(1, slots, -torch.inf)  # a concept joins once
    return indices.t().contiguous(), values.t().contiguous()


def descend(
    values: Float[Tensor, "a b"],
    *,
    slopes: Float[Tensor, "a b"],
    grams: Float[Tensor, "a a b"],
    n_sweeps: int,
) -> None:
    """Sweeps of coordinate descent on ``|u - z D|^2`` over ``z >= 0``, in place, newest slot first.

    ``slopes_j = <d_j, u - z D>`` is kept up to date. As atoms have norm 1, each step is exact:
    ``z_j <- max(0, z_j + slopes_j)``.
    """
    for _ in range(n_sweeps):
        for slot in reversed(range(len(values))):
            step = torch.maximum(slopes[slot], -values[slot])
            values[slot] += step
            slopes.addcmul_(grams[slot], step, value=-1)


@torch.no_grad()
def descend_projected(
    start: Float[Tensor, "K p"],
    gradient: Callable[[Tensor], Tensor],
    *,
    curvature: Float[Tensor, " K"],
    n_steps: int,
) -> Float[Tensor, "K p"]:
    """Minimise a convex quadratic over ``W >= 0`` by accelerated projected gradient, from ``start >= 0``.

    ``curvature`` bounds the quadratic's second derivative row by row: ``<V, H V> <= sum_k curvature_k |V_k|^2``. Steps
    are ``W <- max(0, Y - gradient(Y) / curvature)`` with Nesterov's momentum, which starts again whenever it points
    uphill (O'Donoghue and Candes 2015). A row without curvature has no slope either, and stays.
    """
    curvature = curvature.clamp_min(torch.finfo(curvature.dtype).tiny)
    found, ahead, pace = start, start, 1.0
    for _ in range(n_steps):
        slope = gradient(ahead)
        following = (ahead - slope / curvature[:, None]).clamp_min_(0)
        move = following - found
        uphill = bool((slope * move).sum() > 0)
        next_pace = 1.0 if uphill else 0.5 * (1.0 + (1.0 + 4.0 * pace * pace) ** 0.5)
        ahead = following if uphill else following + ((pace - 1.0) / next_pace) * move
        found, pace = following, next_pace
    return found
