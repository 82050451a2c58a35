"""Archetypal dictionary in sparse-simplex form: atoms are convex mixtures of nearby centroids."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from store.methods import ArchetypalSpec
from worker.dictionaries.candidates import find_candidates
from worker.dictionaries.choices import TopKChoice
from worker.dictionaries.kmeans import kmeans
from worker.dictionaries.linear import LinearDictionary
from worker.dictionaries.sparse import mix
from worker.dictionaries.starts import tie_encoder

_LOGIT_LR_FACTOR = 20.0  # logits live on a scale of 1, encoder weights on one of 1/sqrt(d)
_START_TEMPERATURE = 0.1  # cosine by which a candidate's first weight falls by a factor e


class ArchetypalDictionary(TopKChoice):
    """Atoms in the hull of the data, after Fel et al. 2025 (arXiv 2502.12892), with few candidates for each atom.

    With candidates ``C [c d]`` (k-means centroids of centred tokens), the ``m`` candidates ``S_k`` that atom k owns,
    and logits ``L [K m]``::

        p_k = softmax(L_k) C[S_k] + r_k,  |r_k| <= relaxation * mean_j |softmax(L_j) C[S_j]|      d_k = p_k / |p_k|

    The softmax keeps every mixture on the simplex exactly. A dense matrix of weights under Adam does not: each of its
    thousands of entries moves by about the learning rate in every step, which soon drowns the start.
    """

    method: ClassVar[str] = "archetypal"
    per_concept: ClassVar[tuple[str, ...]] = (*LinearDictionary.per_concept, "logits", "offset", "owned", "fused")

    spec: ArchetypalSpec
    candidates: Tensor
    owned: Tensor
    fused: Tensor

    def __init__(self, spec: ArchetypalSpec, width: int) -> None:
        super().__init__(spec, width)
        self.logits = nn.Parameter(torch.zeros(spec.n_concepts, spec.n_mixed))
        offset = torch.zeros(spec.n_concepts, width)
        self.offset = nn.Parameter(offset, requires_grad=spec.relaxation > 0)
        self.register_buffer("candidates", torch.zeros(spec.n_candidates, width))
        self.register_buffer("owned", torch.zeros(spec.n_concepts, spec.n_mixed, dtype=torch.int64))
        self.register_buffer("fused", torch.zeros(spec.n_concepts, width))

    @property
    def standard_atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1 in standardised space, as they were when ``settle`` was last called."""
        return self.fused

    @property
    def mixture(self) -> Float[Tensor, "K m"]:
        """Share of each owned candidate in each atom: at least 0, each row sums to 1."""
        return self.logits.detach().softmax(dim=1)

    def make_archetypes(self) -> Float[Tensor, "K d"]:
        """The mixtures before the offset: points in the hull of the candidates, standardised units."""
        return mix(self.logits.softmax(dim=1), self.owned, points=self.candidates)

    def make_atoms(self) -> Float[Tensor, "K d"]:
        """Archetypes with their offsets, scaled to norm 1."""
        return functional.normalize(self.make_archetypes() + self.offset, dim=1)

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Candidates by k-means; anchors are centroids of the candidates; each atom owns those nearest its anchor."""
        self.candidates.copy_(find_candidates(self.spec, sample, on_iteration=on_iteration))
        anchors = kmeans(self.candidates, self.n_concepts, generator=generator, on_iteration=on_iteration)
        cosines = functional.normalize(anchors, dim=1) @ functional.normalize(self.candidates, dim=1).t()
        nearest = cosines.topk(self.spec.n_mixed, dim=1)
        self.owned.copy_(nearest.indices)
        self.logits.copy_((nearest.values - nearest.values[:, :1]) / _START_TEMPERATURE)
        self.offset.zero_()
        tie_encoder(self, sample)
        self.settle()

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Logits move faster than weights; the offset moves only where relaxation is allowed."""
        return [
            {"params": [self.encoder_weight, self.encoder_bias], "lr_factor": 1.0},
            {"params": [self.logits], "lr_factor": _LOGIT_LR_FACTOR},
            *([{"params": [self.offset], "lr_factor": 1.0}] if self.spec.relaxation > 0 else []),
        ]

    @torch.no_grad()
    def project(self) -> None:
        """``r_k <- r_k min(1, limit / |r_k|)``."""
        if self.spec.relaxation > 0:
            limit = self.spec.relaxation * self.make_archetypes().norm(dim=1).mean()
            norms = self.offset.norm(dim=1, keepdim=True)
            self.offset.mul_((limit / norms.clamp_min(torch.finfo(norms.dtype).tiny)).clamp_max(1.0))

    @torch.no_grad()
    def settle(self) -> None:
        """Write the atoms into the buffer that inference reads."""
        self.fused.copy_(self.make_atoms())
