"""The two products over pairs as Triton kernels for CUDA; the same contracts as in ``kernels``.

Both read every atom once and write nothing but the result: no copies of atoms in memory. Sums are in float32 (float64
for float64). They also run under Triton's interpreter, on the CPU, which is how tests without a GPU check them.
"""

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor

_WIDEST_BLOCK = 1024  # entries of a row that one program holds at a time


def bag_sums(
    starts: Int[Tensor, " s"], members: Int[Tensor, " m"], *, weights: Float[Tensor, " m"], rows: Float[Tensor, "r d"]
) -> Float[Tensor, "b d"]:
    """``out_i = sum_p weights_p rows[members_p]`` over the pairs p from ``starts[i]`` to ``starts[i + 1]``."""
    n_bags, width = len(starts) - 1, rows.shape[1]
    rows = rows.contiguous()
    out = rows.new_empty(n_bags, width)
    if out.numel():
        block = min(triton.next_power_of_2(width), _WIDEST_BLOCK)
        grid = (n_bags, triton.cdiv(width, block))
        _bag_sums[grid](starts, members, weights, rows, out, width, BLOCK=block, WIDE=rows.dtype == torch.float64)
    return out


def pair_products(
    rows: Float[Tensor, "n d"], table: Float[Tensor, "K d"], *, starts: Int[Tensor, " s"], concepts: Int[Tensor, " m"]
) -> Float[Tensor, " m"]:
    """``out_p = <rows[token of p], table[concepts_p]>``."""
    width = rows.shape[1]
    rows, table = rows.contiguous(), table.contiguous()
    out = rows.new_empty(len(concepts))
    if out.numel():
        block = min(triton.next_power_of_2(width), _WIDEST_BLOCK)
        grid = (len(rows),)
        _pair_products[grid](starts, concepts, rows, table, out, width, BLOCK=block, WIDE=rows.dtype == torch.float64)
    return out


@triton.jit  # type: ignore[untyped-decorator]
def _bag_sums(starts, members, weights, rows, out, width, BLOCK: tl.constexpr, WIDE: tl.constexpr):  # type: ignore[no-untyped-def]
    bag = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < width
    total = tl.zeros([BLOCK], dtype=tl.float64 if WIDE else tl.float32)
    for pair in range(tl.load(starts + bag), tl.load(starts + bag + 1)):
        row = tl.load(members + pair).to(tl.int64)
        entries = tl.load(rows + row * width + columns, mask=inside, other=0.0)
        total += tl.load(weights + pair).to(total.dtype) * entries.to(total.dtype)
    tl.store(out + bag * width + columns, total, mask=inside)


@triton.jit  # type: ignore[untyped-decorator]
def _pair_products(starts, concepts, rows, table, out, width, BLOCK: tl.constexpr, WIDE: tl.constexpr):  # type: ignore[no-untyped-def]
    token = tl.program_id(0).to(tl.int64)
    dtype: tl.constexpr = tl.float64 if WIDE else tl.float32
    first_columns = tl.arange(0, BLOCK)
    for pair in range(tl.load(starts + token), tl.load(starts + token + 1)):
        concept = tl.load(concepts + pair).to(tl.int64)
        products = tl.zeros([BLOCK], dtype=dtype)
        for first in range(0, width, BLOCK):
            columns = first + first_columns
            inside = columns < width
            ours = tl.load(rows + token * width + columns, mask=inside, other=0.0).to(dtype)
            theirs = tl.load(table + concept * width + columns, mask=inside, other=0.0).to(dtype)
            products += ours * theirs
        tl.store(out + pair, tl.sum(products, axis=0))
