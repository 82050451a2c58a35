"""Tokens that are sparse sums of known atoms, and how much of the known a dictionary has found."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor
from torch.nn import functional

from worker.dictionaries.base import SparseCodes
from worker.dictionaries.sparse import weighted_rows
from worker.metrics.matching import match
from worker.metrics.similarities import Cosines

RECOVERED_ABOVE = 0.9
_CHUNK_TOKENS = 4096


@dataclass(frozen=True)
class Planted:
    """How tokens are made: ``x = z D + e``.

    ``D [K d]`` are uniform unit vectors. A token has ``n_active`` different atoms, drawn one after the other without
    replacement by weights; their codes are uniform in [0.5, 1.5]. Weights are ``rank^-tail``. With ``correlation`` c
    the token first draws one of ``n_blocks`` blocks of neighbouring atoms, whose weights are then raised together to a
    share c of all. ``e`` is Gaussian with ``noise`` times the root mean square of ``z D``.
    """

    n_atoms: int
    width: int
    n_active: int
    noise: float = 0.0
    correlation: float = 0.0
    n_blocks: int = 32
    tail: float = 0.0
    seed: int = 0

    @property
    def atoms(self) -> Float[Tensor, "K d"]:
        """The known dictionary; the same for all tokens of one seed."""
        drawn = torch.randn(self.n_atoms, self.width, generator=torch.Generator().manual_seed(self.seed))
        return functional.normalize(drawn, dim=1)

    def draw(self, n: int, *, seed: int) -> "PlantedTokens":
        """``n`` tokens; other seeds give other tokens of the same atoms."""
        generator = torch.Generator().manual_seed(seed)
        sizes = [min(_CHUNK_TOKENS, n - start) for start in range(0, n, _CHUNK_TOKENS)]
        indices = torch.cat([self._supports(size, generator) for size in sizes])
        values = 0.5 + torch.rand(indices.shape, generator=generator)
        clean = weighted_rows(indices, values, table=self.atoms)
        noise = torch.randn(clean.shape, generator=generator) * (self.noise * clean.square().mean().sqrt())
        return PlantedTokens(clean + noise, indices, self.n_atoms)

    def _supports(self, n: int, generator: torch.Generator) -> Int[Tensor, "n a"]:
        """Largest keys ``log w + Gumbel``: drawn without replacement by the weights w."""
        weights = torch.arange(1, self.n_atoms + 1, dtype=torch.float64).pow(-self.tail)
        logits = weights.log().float().expand(n, -1)
        if self.correlation > 0:
            logits = logits + self._block_bonus(weights, n=n, generator=generator)
        uniform = torch.rand(n, self.n_atoms, generator=generator).clamp_(1e-30, 1 - 1e-7)
        return (logits - (-uniform.log()).log()).topk(self.n_active, dim=1).indices

    def _block_bonus(self, weights: Tensor, *, n: int, generator: torch.Generator) -> Float[Tensor, "n K"]:
        """Log of what raises the weights of each token's block to the share ``correlation`` of all."""
        block_of = torch.arange(self.n_atoms) * self.n_blocks // self.n_atoms
        mass = torch.zeros(self.n_blocks, dtype=torch.float64).index_add_(0, block_of, weights)
        factor = self.correlation / (1 - self.correlation) * (mass.sum() - mass) / mass
        chosen = torch.randint(self.n_blocks, (n,), generator=generator)
        return torch.where(block_of == chosen[:, None], factor[chosen].log().float()[:, None], 0.0)


@dataclass(frozen=True)
class PlantedTokens:
    """Tokens and the atoms each is made of."""

    tokens: Float[Tensor, "n d"]
    supports: Int[Tensor, "n a"]
    n_atoms: int


@dataclass(frozen=True)
class Recovery:
    """What was found of the known atoms; ``f1`` is of supports on fresh tokens."""

    mcc: float
    recovered_share: float
    f1: float


def recovery(
    found: Float[Tensor, "K d"],
    truth: Float[Tensor, "T d"],
    *,
    encode: Callable[[Float[Tensor, "n d"]], SparseCodes],
    fresh: PlantedTokens,
) -> Recovery:
    """Match found to known atoms one to one by their cosines, with the largest total.

    MCC is the mean cosine over known atoms, one without partner counting 0; recovered are those above 0.9. With the
    partner of a concept as its name, ``F1 = 2 TP / (found + true)`` over all pairs of a token and an atom, in which
    concepts without partner have no part. A sign is never flipped: codes are not negative.
    """
    matched = match(Cosines.of(truth, found))
    partner = torch.full((len(found),), -1)
    partner[torch.from_numpy(matched.columns)] = torch.from_numpy(matched.rows)
    return Recovery(
        mcc=matched.total / len(truth),
        recovered_share=float((matched.similarities > RECOVERED_ABOVE).sum()) / len(truth),
        f1=_support_f1(partner, encode=encode, fresh=fresh),
    )


def _support_f1(
    partner: Int64[Tensor, " K"],
    *,
    encode: Callable[[Float[Tensor, "n d"]], SparseCodes],
    fresh: PlantedTokens,
) -> float:
    n_hit = n_found = 0
    parts = (torch.split(part, _CHUNK_TOKENS) for part in (fresh.tokens, fresh.supports))
    for tokens, supports in zip(*parts, strict=True):
        codes = encode(tokens)
        rows, slots = (codes.values > 0).nonzero(as_tuple=True)
        names = partner[codes.indices[rows, slots]]
        true = np.zeros((len(tokens), fresh.n_atoms), dtype=bool)
        np.put_along_axis(true, supports.numpy(), values=True, axis=1)
        named = names >= 0
        n_found += int(named.sum())
        n_hit += int(true[rows[named].numpy(), names[named].numpy()].sum())
    return 2 * n_hit / (n_found + fresh.supports.numel())
