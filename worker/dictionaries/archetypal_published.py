"""RA-SAE exactly as published (Fel et al. 2025, arXiv 2502.12892): a reference to measure against."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from store.methods import PublishedArchetypalSpec
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.candidates import find_candidates
from worker.dictionaries.choices import TopKChoice
from worker.dictionaries.starts import tie_encoder

_TINY = 1e-8


class PublishedArchetypalDictionary(TopKChoice):
    """``D = exp(m) (W C + L)`` with a dense row-stochastic ``W [K c]`` and ``|L_k| <= relaxation``.

    W starts as the identity (atom k is candidate k, so at least K candidates are needed), L and m at 0; all three move
    under Adam. After each step ``W <- relu(W) / (row sum + 1e-8)`` and ``L_k <- L_k min(1, relaxation / |L_k|)``. Adam
    moves every entry by about lr whatever its gradient, so that after few steps thousands of candidates have drowned
    the one an atom started from: that is why this is a reference and not a recommendation. Without ``project`` neither
    constraint is kept (the ablation of arXiv 2606.02061).

    Published atoms have free norms. Here they are divided by them, and codes multiplied: the same reconstruction.
    """

    method: ClassVar[str] = "archetypal-published"
    per_concept: ClassVar[tuple[str, ...]] = (*TopKChoice.per_concept, "weights", "offset", "fused", "norms")

    spec: PublishedArchetypalSpec
    candidates: Tensor
    fused: Tensor
    norms: Tensor

    def __init__(self, spec: PublishedArchetypalSpec, width: int) -> None:
        super().__init__(spec, width)
        self.weights = nn.Parameter(torch.eye(spec.n_concepts, spec.n_candidates))
        self.offset = nn.Parameter(torch.zeros(spec.n_concepts, width))
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.register_buffer("candidates", torch.zeros(spec.n_candidates, width))
        self.register_buffer("fused", torch.zeros(spec.n_concepts, width))
        self.register_buffer("norms", torch.ones(spec.n_concepts))

    @property
    def standard_atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1 in standardised space, as they were when ``settle`` was last called."""
        return self.fused

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """Chosen as published, then multiplied by the norms of the published atoms."""
        codes = super().standard_codes(u)
        return SparseCodes(codes.indices, codes.values * self.norms[codes.indices], codes.n_concepts)

    def make_atoms(self) -> Float[Tensor, "K d"]:
        """The published atoms, with their free norms: training does not see the norms that inference divides by."""
        return self.log_scale.exp() * (self.weights @ self.candidates + self.offset)

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Candidates by k-means; the encoder tied to the first atoms."""
        self.candidates.copy_(find_candidates(self.spec, sample, on_iteration=on_iteration))
        tie_encoder(self, sample)
        self.settle()

    @torch.no_grad()
    def project(self) -> None:
        """Clip and renormalise the weights, shorten the offsets."""
        if self.spec.project:
            self.weights.relu_()
            self.weights.div_(self.weights.sum(dim=1, keepdim=True) + _TINY)
            norms = self.offset.norm(dim=1, keepdim=True)
            self.offset.mul_((self.spec.relaxation / norms.clamp_min(_TINY)).clamp_max(1.0))

    @torch.no_grad()
    def settle(self) -> None:
        """Write the atoms and their norms into the buffers that inference reads."""
        atoms = self.make_atoms()
        self.norms.copy_(atoms.norm(dim=1))
        self.fused.copy_(functional.normalize(atoms, dim=1))
