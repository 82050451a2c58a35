"""A universal dictionary whose joint atoms stay near mixtures of what all models make of real patches."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from store.universal import UniversalSpec
from worker.dictionaries.candidates import first_logits
from worker.dictionaries.kmeans import kmeans
from worker.dictionaries.learned import Moment, Pass
from worker.dictionaries.leash import distance_behind, make_archetypes, pull_back
from worker.universal.dictionary import UniversalDictionary


class ArchetypalUniversalDictionary(UniversalDictionary):
    """Joint atoms ``[D_1k .. D_Mk]`` of norm 1, each within ``relaxation`` of a convex mixture of joint candidates.

    Candidates are k-means centroids of paired tokens, so that every mixture is something that all models see at one
    place. Otherwise as ``worker/dictionaries/archetypal.py`` has it (after Fel et al. 2025, arXiv 2502.12892): atoms
    learn freely and are brought back onto the leash after each step; the mixtures follow them.
    """

    candidates: Tensor
    owned: Tensor

    def __init__(self, spec: UniversalSpec, widths: Sequence[int]) -> None:
        super().__init__(spec, widths)
        self.logits = nn.Parameter(torch.zeros(spec.n_concepts, spec.n_mixed))
        self.register_buffer("candidates", torch.zeros(spec.n_candidates, self.width))
        self.register_buffer("owned", torch.zeros(spec.n_concepts, spec.n_mixed, dtype=torch.int64))

    def make_archetypes(self) -> Float[Tensor, "K d"]:
        """The mixtures, scaled to norm 1."""
        return make_archetypes(self.logits, self.owned, candidates=self.candidates)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The logits only follow: they need no more speed than all else."""
        return [{"params": list(self.parameters()), "lr_factor": 1.0}]

    @torch.no_grad()
    def first_joint_atoms(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> Float[Tensor, "K d"]:
        """Each atom at a mixture of the candidates nearest to a centroid, which it owns from then on."""
        drawn = torch.Generator().manual_seed(self.spec.candidate_seed)
        found = kmeans(sample, self.spec.n_candidates, generator=drawn, on_iteration=on_iteration)
        self.candidates.copy_(functional.normalize(found, dim=1))
        anchors = kmeans(sample, self.n_concepts, generator=generator, on_iteration=on_iteration)
        nearest = (functional.normalize(anchors, dim=1) @ self.candidates.t()).topk(self.spec.n_mixed, dim=1)
        self.owned.copy_(nearest.indices)
        self.logits.copy_(first_logits(nearest.values))
        return self.make_archetypes()

    def learn(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Pass:
        """The loss of the atoms, and the gradient alone of the mixtures' distance to them."""
        found = super().learn(inputs, atoms, moment=moment)
        behind = distance_behind(self.make_archetypes(), atoms)
        return dataclasses.replace(found, loss=found.loss + behind - behind.detach())

    @torch.no_grad()
    def project(self) -> None:
        """Bring every joint atom to norm 1, and back onto its leash."""
        super().project()
        held = pull_back(self.make_atoms(), self.make_archetypes(), relaxation=self.spec.relaxation)
        for decoder, part in zip(self.decoders, self.parts, strict=True):
            decoder.copy_(held[:, part])
