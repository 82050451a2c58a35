"""Which concepts fire together, and whether their atoms then work against each other."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy.sparse import coo_matrix, csc_matrix
from torch import Tensor

from worker.dictionaries.base import SparseCodes

WINDOW_TOKENS = 20_000
_BLOCK_ENTRIES = 2**22  # pairs of concepts that stand at once


@dataclass
class CodeWindow:
    """The codes of the first ``WINDOW_TOKENS`` tokens, sparse; a fixed number, since more tokens make more meetings."""

    n_concepts: int
    n_tokens: int = 0
    _parts: list[csc_matrix] = field(default_factory=list)

    def add(self, codes: SparseCodes) -> None:
        """Keep the codes of as many of these tokens as still fit."""
        wanted = min(len(codes.values), WINDOW_TOKENS - self.n_tokens)
        if wanted > 0:
            self._parts.append(sparse_codes(codes.indices[:wanted], codes.values[:wanted], codes.n_concepts))
            self.n_tokens += wanted

    @property
    def codes(self) -> csc_matrix:
        """All of them, float64 ``[n K]``; what is not above 0 is not stored."""
        from scipy.sparse import vstack

        return csc_matrix(vstack(self._parts)) if self._parts else csc_matrix((0, self.n_concepts))


def sparse_codes(indices: Tensor, values: Tensor, n_concepts: int) -> csc_matrix:
    """Slots ``[n a]`` as a sparse float64 matrix ``[n K]`` without its zeros."""
    rows, slots = (place.numpy() for place in (values > 0).cpu().nonzero(as_tuple=True))
    concepts, strengths = (part.cpu().numpy()[rows, slots] for part in (indices, values.double()))
    return csc_matrix(coo_matrix((strengths, (rows, concepts)), shape=(len(values), n_concepts)))


@dataclass(frozen=True)
class Meetings:
    """``connectivity`` and ``interference``, each in [0, 1]."""

    connectivity: float
    interference: float


def meetings(codes: csc_matrix, atoms: Float[Tensor, "K d"]) -> Meetings:
    """From codes ``Z [n K]`` and unit atoms ``D``, with Frobenius norms (after arXiv 2502.12892)::

        connectivity = 1 - |Z^T Z|_0 / K^2
        interference = |relu(-(Z^T Z) * (D D^T))| / |(Z^T Z) * (D D^T)|

    ``Z^T Z`` is made sparse and some rows at a time: beside the codes at most ``2**22`` of its entries and as many
    cosines stand in memory at once (about 100 MB), whatever K; the time is that of n a^2 products for a codes per
    token, and K^2 d for the cosines.
    """
    n_concepts = codes.shape[1]
    by_concept = csc_matrix(codes).T.tocsr()  # rows are concepts
    others = csc_matrix(codes).tocsr()
    step = max(1, _BLOCK_ENTRIES // n_concepts)
    n_met = 0
    against = total = 0.0
    for start in range(0, n_concepts, step):
        met = (by_concept[start : start + step] @ others).tocsr()
        cosines = (atoms[start : start + step] @ atoms.t()).cpu().numpy()
        rows = np.repeat(np.arange(met.shape[0]), np.diff(met.indptr))
        squares = np.square(met.data * cosines[rows, met.indices])
        n_met += met.nnz
        total += float(squares.sum())
        against += float(squares[cosines[rows, met.indices] < 0].sum())
    return Meetings(
        connectivity=1.0 - n_met / n_concepts**2,
        interference=float(np.sqrt(against / total)) if total > 0 else 0.0,
    )
