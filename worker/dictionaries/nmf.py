"""Non-negative matrix factorisation, of activations less their smallest value in each dimension."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from store.methods import NmfSpec
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.factors import FactorDictionary
from worker.dictionaries.kmeans import kmeans
from worker.dictionaries.nonnegative import descend_projected

START=1
_STEPS = 50


class NmfDictionary(FactorDictionary):
    method: ClassVar[str] = "nmf"
    spec: NmfSpec
    floor: Tensor

    def __init__(self, spec: NmfSpec, width: int) -> None:
        super().__init__(spec, width)
        self.register_buffer("floor", torch.zeros(width))

    @property
    def origin(self) -> Float[Tensor, " d"]:
        return self.mean + self.scale * self.floor

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        self.floor.copy_(sample.min(dim=0).values)
        centroids = kmeans(sample, self.n_concepts, generator=generator, on_iteration=on_iteration)
        if START==0:
            atoms = centroids-self.floor
        elif START==1:
            atoms = centroids.relu(); 
            atoms[0] = -self.floor
        elif START==2:
            atoms = centroids.relu()
        self.decoder.copy_(functional.normalize(atoms, dim=1))

    def absorb(self, u):
        return super().absorb(u.clamp_min(0))

    def new_atoms(self, squares, products, *, used):
        size = torch.where(used, squares.diagonal(), 1.0).sqrt()
        scaled = (squares / (size[:, None] * size)).float()
        right = (products / size[:, None]).float()
        start = self.decoder * size[:,None].float()
        found = descend_projected(start, lambda d: scaled @ d - right, curvature=scaled.sum(1).clamp_min(1e-6), n_steps=_STEPS)
        return found / size[:, None].float()

    def restart(self,lost,rows):
        n=min(len(lost),len(rows)); self.decoder[lost[:n]] = functional.normalize(rows[:n].relu(),dim=1)
