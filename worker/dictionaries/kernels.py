"""The products of sparse codes, without autograd: the encoder's, and those over pairs (token, concept).

On CUDA the products over pairs are Triton kernels where Triton is installed, else torch's own.

Pairs are flat: ``concepts [m]`` in order of tokens, token i owning those from ``starts[i]`` to ``starts[i + 1]``.
"""

import warnings
from collections.abc import Callable
from functools import cache, cached_property
from importlib.util import find_spec
from types import ModuleType

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

_GATHER_PAIRS = {"cpu": 4096}  # pairs whose rows are copied at once, where there is no sampled product
_GATHER_PAIRS_ELSEWHERE = 1 << 16


def encoder_product(
    weight: Float[Tensor, "K d"], bias: Float[Tensor, " K"], *, n_rows: int, n_parts: int
) -> Callable[[Float[Tensor, "r d"]], Float[Tensor, "r K"]]:
    """The function ``u -> u W^T + b`` for ``n_rows`` rows at a time; its result may be overwritten by its next one.

    oneDNN's own product is a sixth faster than torch's on the CPU tried, when the weight is brought into its layout
    once for all parts.
    """
    if weight.device.type == "cpu" and weight.dtype == torch.float32 and _has_onednn():
        onednn = torch.ops.mkldnn
        ready = weight.contiguous()
        ready = onednn._reorder_linear_weight(ready, n_rows) if n_parts > 1 else ready
        return lambda u: onednn._linear_pointwise(u, ready, bias, "none", [], "")
    room = weight.new_empty(n_rows, len(weight))
    return lambda u: torch.addmm(bias, u, weight.t(), out=room[: len(u)])


@cache
def _has_onednn() -> bool:
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def bag_sums(
    starts: Int[Tensor, " s"], members: Int[Tensor, " m"], *, weights: Float[Tensor, " m"], rows: Float[Tensor, "r d"]
) -> Float[Tensor, "b d"]:
    """``out_i = sum_p weights_p rows[members_p]`` over the pairs p from ``starts[i]`` to ``starts[i + 1]``."""
    weights = weights.to(rows)
    if rows.device.type == "cuda" and (kernels := _triton_kernels()):
        sums: Tensor = kernels.bag_sums(starts, members, weights=weights, rows=rows)
        return sums
    return functional.embedding_bag(
        members, rows, starts, per_sample_weights=weights, mode="sum", include_last_offset=True
    )


def pair_products(
    rows: Float[Tensor, "n d"], table: Float[Tensor, "K d"], *, starts: Int[Tensor, " s"], concepts: Int[Tensor, " m"]
) -> Float[Tensor, " m"]:
    """``out_p = <rows[token of p], table[concepts_p]>``, a sampled dense-dense product."""
    if rows.device.type == "cuda" and (kernels := _triton_kernels()):
        found: Tensor = kernels.pair_products(rows, table, starts=starts, concepts=concepts)
        return found
    if rows.device.type != "cpu" or rows.dtype not in (torch.float32, torch.float64):
        return gathered_pair_products(rows, table, tokens=tokens_of(starts, n_pairs=len(concepts)), concepts=concepts)
    pattern = csr_matrix(starts, concepts, rows.new_zeros(len(concepts)), shape=(len(rows), len(table)))
    products: Tensor = torch.sparse.sampled_addmm(pattern, rows.contiguous(), table.t(), beta=0.0)
    return products.values()


def gathered_pair_products(
    rows: Float[Tensor, "n d"], table: Float[Tensor, "K d"], *, tokens: Int[Tensor, " m"], concepts: Int[Tensor, " m"]
) -> Float[Tensor, " m"]:
    """The same by copying rows, some pairs at a time."""
    n_pairs = _GATHER_PAIRS.get(rows.device.type, _GATHER_PAIRS_ELSEWHERE)
    parts = zip(torch.split(tokens, n_pairs), torch.split(concepts, n_pairs), strict=True)
    return torch.cat([(rows[i] * table[k]).sum(dim=1) for i, k in parts])


def tokens_of(starts: Int[Tensor, " s"], *, n_pairs: int) -> Int[Tensor, " m"]:
    """The token of each pair."""
    tokens = torch.arange(len(starts) - 1, device=starts.device)
    return torch.repeat_interleave(tokens, starts.diff(), output_size=n_pairs)


class PairIndex:
    """Which pairs a batch has, in order of tokens; sorted by concept once, for whoever needs it that way."""

    def __init__(self, starts: Int[Tensor, " s"], concepts: Int[Tensor, " m"], *, n_concepts: int) -> None:
        self.starts = starts
        self.concepts = concepts
        self.n_concepts = n_concepts

    @property
    def n_tokens(self) -> int:
        """Tokens of the batch, those without a pair too."""
        return len(self.starts) - 1

    @cached_property
    def tokens(self) -> Int[Tensor, " m"]:
        """The token of each pair."""
        return tokens_of(self.starts, n_pairs=len(self.concepts))

    @cached_property
    def _by_concept(self) -> tuple[Tensor, Tensor, Tensor]:
        """Order of the pairs, their tokens, and where each concept's pairs start."""
        short = torch.int16 if self.n_concepts < 1 << 15 else torch.int32  # sorted in fewer passes
        order = self.concepts.to(short).argsort(stable=True)
        starts = self.concepts.new_zeros(self.n_concepts + 1)
        torch.cumsum(torch.bincount(self.concepts, minlength=self.n_concepts), dim=0, out=starts[1:])
        return order, self.tokens[order], starts

    def sums_by_token(self, weights: Float[Tensor, " m"], table: Float[Tensor, "K d"]) -> Float[Tensor, "n d"]:
        """``out_i = sum_p weights_p table[k_p]`` over the pairs p of token i."""
        return bag_sums(self.starts, self.concepts, weights=weights, rows=table)

    def sums_by_concept(self, weights: Float[Tensor, " m"], rows: Float[Tensor, "n d"]) -> Float[Tensor, "K d"]:
        """``out_k = sum_p weights_p rows[i_p]`` over the pairs p of concept k."""
        order, tokens, starts = self._by_concept
        return bag_sums(starts, tokens, weights=weights[order], rows=rows)

    def totals(self, weights: Float[Tensor, " m"]) -> Float[Tensor, " K"]:
        """``out_k = sum_p weights_p`` over the pairs p of concept k."""
        return weights.new_zeros(self.n_concepts).index_add_(0, self.concepts, weights)

    def products(self, rows: Float[Tensor, "n d"], table: Float[Tensor, "K d"]) -> Float[Tensor, " m"]:
        """``out_p = <rows[i_p], table[k_p]>``."""
        return pair_products(rows, table, starts=self.starts, concepts=self.concepts)


def uniform_pairs(indices: Int[Tensor, "n a"], *, n_concepts: int) -> PairIndex:
    """Pairs of tokens that all own as many."""
    n, a = indices.shape
    starts = torch.arange(n + 1, dtype=indices.dtype, device=indices.device) * a
    return PairIndex(starts, indices.flatten(), n_concepts=n_concepts)


def csr_matrix(starts: Tensor, columns: Tensor, values: Tensor, *, shape: tuple[int, int]) -> Tensor:
    """A CSR matrix, unchecked: the callers make valid ones."""
    _announce_csr()
    return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)


@cache
def _triton_kernels() -> ModuleType | None:
    if find_spec("triton") is None:
        return None
    from worker.dictionaries import triton_kernels

    return triton_kernels


@cache
def _announce_csr() -> None:
    """Let torch say once, unheard, that its CSR tensors are in beta."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        torch.sparse_csr_tensor(torch.tensor([0, 0]), torch.tensor([]).long(), torch.tensor([]), (1, 1))
