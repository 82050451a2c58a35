"""Tokens that are known sparse sums, and dictionaries small enough for a test."""

from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from store.methods import (
    AnyDictionarySpec,
    ArchetypalSpec,
    BatchTopKSpec,
    ConvexNmfSpec,
    DenseArchetypalSpec,
    JumpReluSpec,
    KMeansSpec,
    MatchingPursuitSpec,
    MatryoshkaSpec,
    NmfSpec,
    PcaSpec,
    PublishedArchetypalSpec,
    ReluSpec,
    SemiNmfSpec,
    TopKSpec,
)
from worker.dictionaries.tokens import MemoryTokens

torch.set_num_threads(1)  # on tensors this small a second thread only waits for the first, long on a busy machine

N_CONCEPTS, WIDTH, N_ACTIVE = 16, 24, 3


def planted_tokens(n: int = 3000, *, seed: int = 0) -> tuple[Float[Tensor, "n d"], Float[Tensor, "K d"]]:
    """Tokens ``10 + 3 z D + noise`` with ``N_ACTIVE`` non-zero codes, and the unit atoms D."""
    generator = torch.Generator().manual_seed(seed)
    atoms = functional.normalize(torch.randn(N_CONCEPTS, WIDTH, generator=torch.Generator().manual_seed(99)), dim=1)
    chosen = torch.rand(n, N_CONCEPTS, generator=generator).topk(N_ACTIVE, dim=1).indices
    codes = torch.zeros(n, N_CONCEPTS).scatter_(1, chosen, 0.5 + torch.rand(n, N_ACTIVE, generator=generator))
    noise = 0.02 * torch.randn(n, WIDTH, generator=generator)
    return 10 + 3 * (codes @ atoms) + noise, atoms


def planted_streams() -> tuple[MemoryTokens, MemoryTokens]:
    """A training and a held-out stream; the second carries the statistics of the first."""
    train = MemoryTokens(planted_tokens()[0])
    return train, MemoryTokens(planted_tokens(600, seed=1)[0], mean=train.mean, std=train.std)


_SIZE: Final[dict[str, Any]] = {"n_concepts": N_CONCEPTS, "n_active": N_ACTIVE, "epochs": 12, "batch_tokens": 128}
COMMON: Final = _SIZE | {"lr": 1e-2, "dead_after_tokens": 1000}
"""What suits dictionaries that learn planted tokens by gradient."""
_FACTORS: Final = _SIZE | {"batch_tokens": 512}

SPECS: dict[str, AnyDictionarySpec] = {
    "relu": ReluSpec(**COMMON),
    "batchtopk": BatchTopKSpec(**COMMON),
    "jumprelu": JumpReluSpec(**COMMON),
    "matryoshka": MatryoshkaSpec(**COMMON, n_levels=3),
    "topk": TopKSpec(**COMMON),
    "archetypal-dense": DenseArchetypalSpec(**COMMON, n_candidates=128),
    "archetypal-published": PublishedArchetypalSpec(**COMMON, n_candidates=128),
    "archetypal": ArchetypalSpec(**COMMON, n_candidates=128, n_mixed=16, relaxation=0.5),
    "matching-pursuit": MatchingPursuitSpec(**COMMON | {"epochs": 4}),
    "nmf": NmfSpec(**_FACTORS),
    "semi-nmf": SemiNmfSpec(**_FACTORS),
    "convex-nmf": ConvexNmfSpec(**_FACTORS, n_points=256),
    "kmeans": KMeansSpec(**_FACTORS | {"epochs": 4, "n_active": 1}),
    "pca": PcaSpec(**_FACTORS | {"epochs": 1}),
}
