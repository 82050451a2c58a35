"""Checks of the Triton kernels, run as a script where Triton is: values under its interpreter, or compilation.

TRITON_INTERPRET=1 python triton_checks.py values        python triton_checks.py compiled
"""

import sys
from typing import Any

import torch
from torch import Tensor

from worker.dictionaries import kernels

SHAPES = ((7, 5, 3, 20), (40, 30, 70, 300), (4, 3, 1500, 9), (3, 4, 8, 0))  # tokens, concepts, width, pairs at most
TOLERANCE: dict[torch.dtype, dict[str, float]] = {
    torch.float32: {"rtol": 1e-4, "atol": 1e-4},
    torch.float64: {"rtol": 1e-9, "atol": 1e-9},
    torch.bfloat16: {"rtol": 3e-2, "atol": 0.3},
}


def drawn_pairs(n: int, n_concepts: int, n_pairs: int) -> tuple[Tensor, Tensor]:
    """Starts and concepts of tokens with different numbers of pairs, some with none."""
    counts = torch.randint(0, 2 * n_pairs // n + 1, (n,))
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    return starts, torch.randint(0, n_concepts, (int(starts[-1]),))


def check_values() -> None:
    """Both products against torch's own in float64."""
    from worker.dictionaries import triton_kernels

    torch.manual_seed(0)
    for dtype, tolerance in TOLERANCE.items():
        for n, n_concepts, width, n_pairs in SHAPES:
            starts, concepts = drawn_pairs(n, n_concepts, n_pairs)
            weights = torch.randn(len(concepts), dtype=dtype)
            rows, table = torch.randn(n, width, dtype=dtype), torch.randn(n_concepts, width, dtype=dtype)
            sums = triton_kernels.bag_sums(starts, concepts, weights=weights, rows=table)
            expected = kernels.bag_sums(starts, concepts, weights=weights.double(), rows=table.double())
            torch.testing.assert_close(sums.double(), expected, **tolerance)
            products = triton_kernels.pair_products(rows, table, starts=starts, concepts=concepts)
            expected = kernels.pair_products(rows.double(), table.double(), starts=starts, concepts=concepts)
            torch.testing.assert_close(products.double(), expected, **tolerance)


def check_compiled() -> None:
    """Machine code for two generations of GPUs; none need be there."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from worker.dictionaries import triton_kernels

    inputs: dict[Any, tuple[str, ...]] = {
        triton_kernels._bag_sums: ("*i64", "*i64", "*fp32", "*fp32", "*fp32", "i32"),
        triton_kernels._pair_products: ("*i64", "*i64", "*fp32", "*fp32", "*fp32", "i32"),
    }
    for kernel, types in inputs.items():
        signature = dict(zip(kernel.arg_names, (*types, "constexpr", "constexpr"), strict=True))
        source = ASTSource(kernel, signature, constexprs={"BLOCK": 1024, "WIDE": False})
        for capability in (80, 90):
            assert triton.compile(source, target=GPUTarget("cuda", capability, 32)).asm["cubin"]


if __name__ == "__main__":
    {"values": check_values, "compiled": check_compiled}[sys.argv[1]]()
