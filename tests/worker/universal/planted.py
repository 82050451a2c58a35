"""Two streams that are rotations of the same sparse codes, each with codes of its own on top."""

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from store.universal import UniversalSpec
from worker.dictionaries.tokens import MemoryTokens
from worker.universal.training import TrainedUniversal, train_universal

N_SHARED, N_PRIVATE, WIDTH = 40, 20, 48
WIDTHS = (WIDTH, WIDTH)
SPEC: Final[dict[str, Any]] = {
    "n_concepts": 100,
    "n_active": 4,
    "epochs": 20,
    "batch_tokens": 256,
    "lr": 0.01,
    "dead_after_tokens": 2000,
    "aux_weight": 0.25,
    "encoder_decay": 0.02,
    "start": "tokens",
    "together": 0.3,
}


@dataclass(frozen=True)
class Planted:
    """Paired tokens and the unit atoms they are made of: shared ones first in each stream, its private ones after."""

    tokens: Tensor
    atoms: tuple[Tensor, Tensor]


def planted(n: int, *, seed: int) -> Planted:
    """``x_i = 5 + (z D + z_i P_i) R_i + noise``: three shared codes and one private one per token and stream."""
    fixed = torch.Generator().manual_seed(7)
    generator = torch.Generator().manual_seed(seed)
    shared = functional.normalize(torch.randn(N_SHARED, WIDTH, generator=fixed), dim=1)
    codes = _codes(n, N_SHARED, 3, generator)
    streams, atoms = [], []
    for _ in WIDTHS:
        rotation = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=fixed)).Q
        own = functional.normalize(torch.randn(N_PRIVATE, WIDTH, generator=fixed), dim=1)
        both = torch.cat([shared, own]) @ rotation
        z = torch.cat([codes, _codes(n, N_PRIVATE, 1, generator)], dim=1)
        streams.append(5 + z @ both + 0.02 * torch.randn(n, WIDTH, generator=generator))
        atoms.append(both)
    return Planted(torch.cat(streams, dim=1), (atoms[0], atoms[1]))


def _codes(n: int, n_concepts: int, n_active: int, generator: torch.Generator) -> Tensor:
    chosen = torch.rand(n, n_concepts, generator=generator).topk(n_active, dim=1).indices
    return torch.zeros(n, n_concepts).scatter_(1, chosen, 0.5 + torch.rand(n, n_active, generator=generator))


def planted_streams(n: int = 12_000) -> tuple[MemoryTokens, MemoryTokens]:
    """A training and a held-out stream; the second carries the statistics of the first."""
    train = MemoryTokens(planted(n, seed=0).tokens)
    return train, MemoryTokens(planted(2000, seed=1).tokens, mean=train.mean, std=train.std)


def trained(stream: MemoryTokens, **changes: Any) -> TrainedUniversal:
    return train_universal(UniversalSpec(**SPEC | changes), stream, widths=WIDTHS)
