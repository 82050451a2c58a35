"""Convex NMF (Ding, Li and Jordan 2010): atoms are non-negative mixtures of training tokens."""
from typing import ClassVar
import torch
from torch import Tensor
from torch.nn import functional
from store.methods import ConvexNmfSpec
from worker.dictionaries.factors import FactorDictionary
from worker.dictionaries.kmeans import assign, kmeans
from worker.dictionaries.nonnegative import descend_projected, nonnegative_codes
_STEPS = 50
START=0
class ConvexNmfDictionary(FactorDictionary):
    method: ClassVar[str] = "convex-nmf"
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
        w = torch.zeros(self.n_concepts, p); 
        if START==0:
            w[owners, torch.arange(p)] = 1.0
            empty = (w.sum(1)==0).nonzero()[:,0]
            near = (centroids[empty] @ self.points.t()).argmax(1)
            w[empty, near] = 1.0
        else:
            i,v=nonnegative_codes(centroids,self.points,table=self.points@self.points.t(),n_active=32,n_sweeps=20)
            w.scatter_add_(1,i,v)
        self._set(w)

    def _set(self, w):
        atoms = w @ self.points
        n = atoms.norm(dim=1,keepdim=True)
        self.weights.copy_(w/n); self.decoder.copy_(atoms/n)

    def new_atoms(self, squares, products, *, used):
        import time; t0=time.time()
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
        best=torch.linalg.solve(squares+1e-6*torch.diag(squares.diagonal()+(squares.diagonal()==0)),products)
        fb=0.5*(best*(squares@best)).sum()-(best*products).sum()
        print([round(v) for v in self.f[::max(len(self.f)//8,1)]], "best",int(fb), "points", float((found>0).float().sum(1).mean()), "%.1fs"%(time.time()-t0))
        self._set(torch.where(used[:,None],found,self.weights))
        return self.decoder.clone()

    def restart(self,lost,rows):
        pass
