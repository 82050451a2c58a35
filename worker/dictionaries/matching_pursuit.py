"""Matching pursuit as encoder (Costa et al. 2025, arXiv 2506.03093): concepts are chosen one after the other."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd.function import Function, once_differentiable
from torch.nn import functional

from store.methods import MatchingPursuitSpec
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.gram import GramCache, small_grams
from worker.dictionaries.learned import LearnedDictionary, Moment, Pass
from worker.dictionaries.losses import reconstruction_loss
from worker.dictionaries.sparse import ConceptPairs, fired, weighted_rows
from worker.dictionaries.starts import first_atoms

ENV=False
_COPIED_NUMBERS = 2**22

@torch.no_grad()
def pursue(u, atoms, *, n_steps, table):
    n = len(u)
    indices = torch.zeros(n, n_steps, dtype=torch.int64, device=u.device)
    values = u.new_zeros(n, n_steps)
    rest, products = u, u @ atoms.t()
    for step in range(n_steps):
        best, chosen = products.max(dim=1)
        best.relu_()
        indices[:, step], values[:, step] = chosen, best
        if step+1<n_steps:
            if table is not None:
                products.addcmul_(table[chosen], best[:, None], value=-1)
            else:
                rest = torch.addcmul(rest, atoms[chosen], best[:, None], value=-1)
                torch.mm(rest, atoms.t(), out=products)
    return indices, values


class _Replay(Function):
    @staticmethod
    def forward(ctx, u, atoms, indices, values, table):
        ctx.save_for_backward(u, atoms, indices, values)
        ctx.table = table
        return weighted_rows(indices, values, table=atoms)

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients):
        (of_output,) = gradients
        u, atoms, indices, values = ctx.saved_tensors
        n_tokens = max(_COPIED_NUMBERS // (indices.shape[1] * u.shape[1]), 1)
        of_atoms = torch.zeros_like(atoms)
        pairs = ConceptPairs(indices, n_concepts=len(atoms))
        of_atoms = pairs.weighted_sums(values, of_output)
        if ENV: return None, of_atoms, None, None, None
        weights=[]
        for e, i, v in zip(of_output.split(n_tokens), indices.split(n_tokens), values.split(n_tokens), strict=True):
            chosen = atoms[i]
            used = (v > 0).to(v)
            grams = torch.bmm(chosen, chosen.transpose(1, 2)) * used[:,:,None]*used[:,None,:]
            right = torch.bmm(chosen, e[:,:,None])[:,:,0]*used
            w = torch.linalg.solve_triangular(grams, right[:,:,None], upper=True, unitriangular=True)[:,:,0]
            cross = torch.tril(w[:,:,None]*v[:,None,:], -1)
            rows = torch.bmm(cross+cross.transpose(1,2), chosen)
            of_atoms -= ConceptPairs(i.reshape(-1,1), n_concepts=len(atoms)).weighted_sums(v.new_ones(v.numel(),1), rows.flatten(0,1))
            weights.append(w)
        w = torch.cat(weights)
        of_atoms += pairs.weighted_sums(w, u)
        return None, of_atoms, None, None, None


class MatchingPursuitDictionary(LearnedDictionary):
    method: ClassVar[str] = "matching-pursuit"
    per_concept: ClassVar[tuple[str, ...]] = (*LearnedDictionary.per_concept, "decoder")
    spec: MatchingPursuitSpec

    def __init__(self, spec: MatchingPursuitSpec, width: int) -> None:
        super().__init__(spec, width)
        self.decoder = nn.Parameter(torch.zeros(spec.n_concepts, width))
        self.gram = GramCache()

    @property
    def standard_atoms(self):
        return self.decoder.detach()

    def make_atoms(self):
        return self.decoder

    def start_from(self, sample, *, generator, on_iteration) -> None:
        with torch.no_grad():
            self.decoder.copy_(first_atoms(self.spec, sample, generator=generator, on_iteration=on_iteration))

    def standard_codes(self, u) -> SparseCodes:
        atoms = self.standard_atoms
        indices, values = pursue(u, atoms, n_steps=self.spec.n_active, table=self.gram.table(self.decoder))
        return SparseCodes(indices, values, self.n_concepts)

    def learn(self, inputs, atoms, *, moment: Moment) -> Pass:
        indices, values = pursue(inputs, atoms.detach(), n_steps=self.spec.n_active, table=self.gram.table(atoms))
        output = _Replay.apply(inputs, atoms, indices, values, None)
        loss = reconstruction_loss(inputs, output)
        return Pass(loss, loss.detach(), *fired(indices, values, n_concepts=self.n_concepts))

    @torch.no_grad()
    def project_gradients(self) -> None:
        gradient = self.decoder.grad
        along = (gradient * self.decoder).sum(dim=1, keepdim=True)
        gradient.sub_(along * self.decoder)

    @torch.no_grad()
    def project(self) -> None:
        self.decoder.copy_(functional.normalize(self.decoder, dim=1))
