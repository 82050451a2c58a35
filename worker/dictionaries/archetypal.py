"""Archetypal dictionary in sparse-simplex form: each atom on a leash to a mixture of real patches."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from store.methods import ArchetypalSpec
from worker.dictionaries.candidates import LOGIT_LR_FACTOR, find_candidates, first_logits
from worker.dictionaries.kmeans import kmeans
from worker.dictionaries.learned import Moment, Pass
from worker.dictionaries.leash import distance_behind, make_archetypes, pull_back
from worker.dictionaries.shrunken import ShrunkenTopKChoice
from worker.dictionaries.spherical import SphericalDictionary
from worker.dictionaries.starts import tie_encoder


class ArchetypalDictionary(ShrunkenTopKChoice, SphericalDictionary):
    """Atoms near the hull of the data, after Fel et al. 2025 (arXiv 2502.12892), with few candidates for each atom.

    With candidates ``C [c d]`` (directions of k-means centroids of standardised tokens), the ``m`` candidates ``S_k``
    nearest to where atom k started, and logits ``L [K m]``, atom ``d_k`` has the archetype::

        a_k = softmax(L_k) C[S_k], brought to norm 1          |d_k - a_k| <= relaxation

    The atom learns freely on the sphere, and after each step is brought back to the nearest point within the leash;
    the logits follow the atom by the loss ``mean_k (1 - <a_k, d_k>)``, with ``d_k`` detached. So the leash is measured
    from the mixture that describes the atom best, and holds only what leaves the neighbourhood of its patches.
    Relaxation 0 makes the atom its archetype, learned through the logits; 2 leaves it free.

    The softmax keeps every mixture on the simplex exactly. A dense matrix of weights under Adam does not: each of its
    thousands of entries moves by about the learning rate in every step, which soon drowns the start.
    """

    method: ClassVar[str] = "archetypal"
    per_concept: ClassVar[tuple[str, ...]] = (*SphericalDictionary.per_concept, "logits", "owned")

    spec: ArchetypalSpec
    candidates: Tensor
    owned: Tensor

    def __init__(self, spec: ArchetypalSpec, width: int) -> None:
        super().__init__(spec, width)
        self.decoder.requires_grad_(not self._is_hull)
        self.logits = nn.Parameter(torch.zeros(spec.n_concepts, spec.n_mixed))
        self.register_buffer("candidates", torch.zeros(spec.n_candidates, width))
        self.register_buffer("owned", torch.zeros(spec.n_concepts, spec.n_mixed, dtype=torch.int64))

    @property
    def _is_hull(self) -> bool:
        """Whether atoms are their archetypes."""
        return self.spec.relaxation == 0

    @property
    def mixture(self) -> Float[Tensor, "K m"]:
        """Share of each owned candidate in each archetype: at least 0, each row sums to 1."""
        return self.logits.detach().softmax(dim=1)

    def make_archetypes(self) -> Float[Tensor, "K d"]:
        """The mixtures, scaled to norm 1."""
        return make_archetypes(self.logits, self.owned, candidates=self.candidates)

    def make_atoms(self) -> Float[Tensor, "K d"]:
        """The atoms themselves, kept on the sphere and in the leash by ``project``; without a leash the archetypes."""
        return self.make_archetypes() if self._is_hull else self.decoder

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Each atom at a mixture of the candidates nearest to a centroid, which it owns from then on."""
        found = find_candidates(self.spec, sample, on_iteration=on_iteration)
        self.candidates.copy_(functional.normalize(found, dim=1))
        anchors = kmeans(sample, self.n_concepts, generator=generator, on_iteration=on_iteration)
        nearest = (functional.normalize(anchors, dim=1) @ self.candidates.t()).topk(self.spec.n_mixed, dim=1)
        self.owned.copy_(nearest.indices)
        self.logits.copy_(first_logits(nearest.values))
        self.decoder.copy_(self.make_archetypes())
        tie_encoder(self, sample)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Logits that only follow need no more speed than the atoms; those that carry the atoms do."""
        free = [self.encoder_weight, self.encoder_bias, self.decoder]
        return [
            {"params": [parameter for parameter in free if parameter.requires_grad], "lr_factor": 1.0},
            {"params": [self.logits], "lr_factor": LOGIT_LR_FACTOR if self._is_hull else 1.0},
        ]

    def learn(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Pass:
        """The loss of the atoms, and the gradient alone of that of the archetypes, which must not hide it."""
        found = super().learn(inputs, atoms, moment=moment)
        if self._is_hull:
            return found
        behind = distance_behind(self.make_archetypes(), atoms)
        return dataclasses.replace(found, loss=found.loss + behind - behind.detach())

    @torch.no_grad()
    def project_gradients(self) -> None:
        """As on any sphere, where atoms have a gradient."""
        if not self._is_hull:
            super().project_gradients()

    @torch.no_grad()
    def project(self) -> None:
        """Bring each atom to norm 1, and one farther than the leash to its end on the arc towards the archetype."""
        archetypes = self.make_archetypes()
        if self._is_hull:
            self.decoder.copy_(archetypes)
            return
        super().project()
        self.decoder.copy_(pull_back(self.decoder, archetypes, relaxation=self.spec.relaxation))
