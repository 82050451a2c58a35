"""Convex NMF (Ding, Li and Jordan 2010): atoms are non-negative mixtures of training tokens."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from store.methods import ConvexNmfSpec
from worker.dictionaries.factors import FactorDictionary
from worker.dictionaries.kmeans import assign, kmeans
from worker.dictionaries.nonnegative import descend_projected

_STEPS = 50
START=0

class ConvexNmfDictionary(FactorDictionary):
    method: ClassVar[str] = "convex-nmf"
    per_concept: ClassVar[tuple[str, ...]] = (*FactorDictionary.per_concept, "weights")
    spec: ConvexNmfSpec
    points: Tensor
    weights: Tensor

    def __init__(self, spec: ConvexNmfSpec, width: int) -> None:
        super().__init__(spec, width)
        self.register_buffer("points", torch.zeros(spec.n_points, width))
        self.register_buffer("weights", torch.zeros(spec.n_concepts, spec.n_points))

    @torch.no_grad()
    def start_from(self, sample, *, generator, on_iteration) -> None:
        p = self.spec.n_points
        chosen = torch.randperm(len(sample), generator=generator)[:p]
        self.points.copy_(functional.normalize(sample[chosen],dim=1))
        centroids = kmeans(sample, self.n_concepts, generator=generator, on_iteration=on_iteration)
        owners, _ = assign(sample[chosen], centroids)
        w = torch.zeros(self.n_concepts, p); w[owners, torch.arange(p)] = 1.0
        if START==1:
            near = (functional.normalize(centroids,dim=1) @ self.points.t()).topk(1,dim=1)
            w.zero_(); w.scatter_(1,near.indices,1.0)
        empty = (w.sum(1)==0).nonzero()[:,0]
        near = (centroids[empty] @ self.points.t()).argmax(1)
        w[empty, near] = 1.0
        self._set(w)

    def _set(self, w):
        atoms = w @ self.points
        n = atoms.norm(dim=1,keepdim=True)
        self.weights.copy_(w/n); self.decoder.copy_(atoms/n)

    def new_atoms(self, squares, products, *, used):
        size = torch.where(used, squares.diagonal(), 1.0).sqrt()
        scaled = (squares / (size[:, None] * size)).float()
        right = (products / size[:, None]).float() @ self.points.t()
        start = self.weights * size[:,None].float()
        largest = torch.linalg.matrix_norm(self.points,2)**2
        self.f=[]
        def grad(w):
            d = w @ self.points
            g = (scaled @ d) @ self.points.t()
            self.f.append(float(0.5*(w*g).sum()-(w*right).sum()))
            return g - right
        found = descend_projected(start, grad, curvature=scaled.sum(1).clamp_min(1e-6)*largest, n_steps=_STEPS)
        print([round(v,1) for v in self.f[::max(len(self.f)//8,1)]], float((found>0).float().sum(1).mean()))
        self._set(torch.where(used[:,None],found,self.weights))
        return self.decoder.clone()

    def restart(self,lost,rows):
        assert not len(lost)
