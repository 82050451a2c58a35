"""Things that know nothing, for every score to stand beside: atoms nobody learned, and codes in the wrong places."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csc_matrix
from torch import Tensor
from torch.nn import functional

from worker.dictionaries.base import Dictionary, SparseCodes, TokenStream
from worker.dictionaries.sparse import top_codes, weighted_rows
from worker.dictionaries.tokens import checked_batches
from worker.metrics.density import Usage

_APART = 1_000_003  # seeds of nulls are no seeds of trainings


def random_atoms(n_concepts: int, width: int, *, seed: int) -> Float[Tensor, "K d"]:
    """Unit vectors, uniform on the sphere; never those a dictionary of the same seed started from."""
    drawn = torch.randn(n_concepts, width, generator=torch.Generator().manual_seed(_APART + seed))
    return functional.normalize(drawn, dim=1)


def token_atoms(dictionary: Dictionary, tokens: Float[Tensor, "m d"], *, seed: int) -> Float[Tensor, "K d"]:
    """As many of the given training tokens, drawn by the seed, less the mean, at norm 1; fewer when there are fewer."""
    chosen = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(seed))[: dictionary.n_concepts]
    return functional.normalize(tokens[chosen].to(dictionary.mean) - dictionary.mean, dim=1)


@dataclass(frozen=True)
class FixedAtoms:
    """Unit atoms used as a dictionary: ``x_hat = mean + gain z D``, ``z = relu(top(c D^T))``, ``c = x - mean``."""

    atoms: Float[Tensor, "K d"]
    mean: Float[Tensor, " d"]
    n_active: int

    @classmethod
    def beside(cls, dictionary: Dictionary, atoms: Float[Tensor, "K d"], *, l0: float) -> "FixedAtoms":
        """With the dictionary's mean and, rounded, as many codes per token as it has on average."""
        n_active = min(max(1, round(l0)), len(atoms))
        return cls(atoms.to(dictionary.mean), dictionary.mean, n_active)

    @property
    def n_concepts(self) -> int:
        """K, the number of atoms."""
        return len(self.atoms)

    def encode(self, x: Float[Tensor, "n d"]) -> SparseCodes:
        """Codes at gain 1."""
        centred = x.to(self.mean) - self.mean
        return SparseCodes(*top_codes(centred @ self.atoms.t(), self.n_active), len(self.atoms))


@dataclass(frozen=True)
class FixedFit:
    """How well fixed atoms do at their best gain."""

    r2: float
    gain: float
    usage: Usage


@torch.no_grad()
def fit_gain(fixed: FixedAtoms, held_out: TokenStream, *, batch_tokens: int = 4096) -> FixedFit:
    """The gain with the best centred R2.

    With ``v`` the reconstruction of ``c`` at gain 1 the best gain is ``<c, v> / <v, v>``, so that
    ``R2 = <c, v>^2 / (<v, v> <c, c>)``, in [0, 1]; sums over all tokens in float64.
    """
    usage = Usage.empty(len(fixed.atoms))
    cross = square = variance = 0.0
    for batch in checked_batches(held_out, batch_tokens, seed=0, epoch=0):
        codes = fixed.encode(batch)
        centred = batch.to(fixed.mean) - fixed.mean
        output = weighted_rows(codes.indices, codes.values, table=fixed.atoms)
        usage.add(codes)
        cross += float((centred * output).sum(dtype=torch.float64))
        square += float(output.square().sum(dtype=torch.float64))
        variance += float(centred.square().sum(dtype=torch.float64))
    if not (square > 0 and variance > 0):
        return FixedFit(r2=0.0, gain=0.0, usage=usage)
    return FixedFit(r2=cross**2 / (square * variance), gain=cross / square, usage=usage)


def permuted_codes(codes: csc_matrix, *, seed: int) -> csc_matrix:
    """The codes ``[n K]`` of each concept moved to other tokens, drawn for each concept on its own.

    Every concept keeps its values, so that densities and energies stay as they are; what goes is who meets whom.
    """
    random = np.random.default_rng(seed)
    codes = csc_matrix(codes)
    counts = np.diff(codes.indptr)
    rows = [random.choice(codes.shape[0], size=count, replace=False, shuffle=True) for count in counts]
    places = np.concatenate(rows) if rows else codes.indices
    return csc_matrix((codes.data, places.astype(codes.indices.dtype), codes.indptr), shape=codes.shape)
