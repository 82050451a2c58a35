"""How the atoms of a dictionary lie to one another and to the data."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional

from worker.metrics.density import exponential_entropy

_BLOCK_ENTRIES = 2**22  # cosines that stand at once: 16 MB of float32
_BINS = 2**16  # resolution of the quantile of cosines


@torch.no_grad()
def singular_values(atoms: Float[Tensor, "K d"]) -> Float64[Tensor, " r"]:
    """Singular values, ``r = min(K, d)`` of them, from the smaller Gram matrix in float64."""
    rows = atoms.double().cpu()
    gram = rows.t() @ rows if len(rows) >= rows.shape[1] else rows @ rows.t()
    squares: Tensor = torch.linalg.eigvalsh(gram)
    return squares.clamp_min(0).sqrt()


def stable_rank(values: Float64[Tensor, " r"]) -> float:
    """``|D|_F^2 / |D|_2^2`` from the singular values, in [1, r]; 0 when all are 0."""
    squares = values.square()
    return float(squares.sum() / squares.max()) if bool(squares.max() > 0) else 0.0


def effective_rank(values: Float64[Tensor, " r"]) -> float:
    """``exp(-sum s log s)`` with s the singular values over their sum, in [1, r]; 0 when all are 0."""
    return exponential_entropy(values)


def without_mean_direction(atoms: Float[Tensor, "K d"]) -> Float[Tensor, "K d"]:
    """``d_k - <d_k, m> m`` with m the direction of the mean atom; the same atoms when their mean is 0."""
    direction = functional.normalize(atoms.mean(dim=0, keepdim=True), dim=1)
    return atoms - (atoms @ direction.t()) * direction


@dataclass(frozen=True)
class Nearness:
    """Absolute cosines of distinct atoms: the largest, a high quantile, and the mean Babel sum."""

    coherence: float
    quantile: float
    babel: float


@torch.no_grad()
def nearness(atoms: Float[Tensor, "K d"], *, n_summed: int, quantile: float = 0.99) -> Nearness:
    """``max |<d_i, d_j>|`` over i != j, its quantile, and the mean over i of the sum of the ``n_summed`` largest.

    Block by block: at most ``2**22`` cosines stand at once. The quantile is the upper edge of its bin of 65,536, so at
    most 1.6e-5 too high. Babel: Tropp 2004; the maximum over i in place of the mean would be the Babel function.
    """
    if len(atoms) < 2:
        return Nearness(0.0, 0.0, 0.0)
    n_summed = min(n_summed, len(atoms) - 1)
    histogram = torch.zeros(_BINS, dtype=torch.float64)
    largest = babel = 0.0
    for start, block in _absolute_cosines(functional.normalize(atoms, dim=1)):
        block[torch.arange(len(block)), start + torch.arange(len(block))] = -1.0  # below every bin
        histogram += torch.histc(block, bins=_BINS, min=0, max=1).double().cpu()
        top = block.topk(n_summed, dim=1).values
        largest = max(largest, float(top.max()))
        babel += float(top.sum(dtype=torch.float64))
    # The tolerance keeps a share that is exactly the quantile from being lost to rounding.
    place = int(torch.searchsorted(histogram.cumsum(0), quantile * histogram.sum() * (1 - 1e-12)))
    return Nearness(largest, min((place + 1) / _BINS, largest), babel / len(atoms))


def welch_bound(n_concepts: int, width: int) -> float:
    """``sqrt((K - d) / (d (K - 1)))``: no K unit vectors in d dimensions have less coherence; 0 when K <= d."""
    if n_concepts <= width:
        return 0.0
    return math.sqrt((n_concepts - width) / (width * (n_concepts - 1)))


@torch.no_grad()
def distance_from_data(atoms: Float[Tensor, "K d"], centred: Float[Tensor, "m d"]) -> float:
    """OOD score ``1 - mean_i max_j <d_i, c_j> / |c_j|``, in [0, 2], over centred tokens c (after arXiv 2502.12892)."""
    directions = functional.normalize(centred.to(atoms), dim=1)
    step = max(1, _BLOCK_ENTRIES // max(len(directions), 1))
    best = [(block @ directions.t()).max(dim=1).values for block in torch.split(atoms, step)]
    return 1.0 - float(torch.cat(best).clamp(-1, 1).double().mean())


def _absolute_cosines(atoms: Float[Tensor, "K d"]) -> Iterator[tuple[int, Float[Tensor, "b K"]]]:
    step = max(1, _BLOCK_ENTRIES // len(atoms))
    for start in range(0, len(atoms), step):
        yield start, (atoms[start : start + step] @ atoms.t()).abs_().clamp_(max=1.0)
