"""A-SAE (Fel et al. 2025, arXiv 2502.12892): every atom is a convex mixture of all candidates."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from store.methods import DenseArchetypalSpec
from worker.dictionaries.candidates import LOGIT_LR_FACTOR, find_candidates, first_logits
from worker.dictionaries.choices import TopKChoice
from worker.dictionaries.kmeans import kmeans
from worker.dictionaries.starts import tie_encoder


class DenseArchetypalDictionary(TopKChoice):
    """``D = W C`` with ``W = softmax(logits) [K c]``, rows on the simplex exactly; then atoms are brought to norm 1.

    The paper clips and renormalises W after steps of Adam, which ``archetypal-published`` does; here the softmax keeps
    what the start knows. The limit of our sparse form in which every atom owns every candidate, without a leash.
    Cost: ``2 K c d`` operations per step and K c weights with two moments each.
    """

    method: ClassVar[str] = "archetypal-dense"
    per_concept: ClassVar[tuple[str, ...]] = (*TopKChoice.per_concept, "logits", "fused")

    spec: DenseArchetypalSpec
    candidates: Tensor
    fused: Tensor

    def __init__(self, spec: DenseArchetypalSpec, width: int) -> None:
        super().__init__(spec, width)
        self.logits = nn.Parameter(torch.zeros(spec.n_concepts, spec.n_candidates))
        self.register_buffer("candidates", torch.zeros(spec.n_candidates, width))
        self.register_buffer("fused", torch.zeros(spec.n_concepts, width))

    @property
    def standard_atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1 in standardised space, as they were when ``settle`` was last called."""
        return self.fused

    @property
    def mixture(self) -> Float[Tensor, "K c"]:
        """Share of each candidate in each atom: at least 0, each row sums to 1."""
        return self.logits.detach().softmax(dim=1)

    def make_atoms(self) -> Float[Tensor, "K d"]:
        """Mixtures of the candidates, scaled to norm 1."""
        return functional.normalize(self.logits.softmax(dim=1) @ self.candidates, dim=1)

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Candidates by k-means; each atom starts around a centroid of the candidates."""
        self.candidates.copy_(find_candidates(self.spec, sample, on_iteration=on_iteration))
        anchors = kmeans(self.candidates, self.n_concepts, generator=generator, on_iteration=on_iteration)
        cosines = functional.normalize(anchors, dim=1) @ functional.normalize(self.candidates, dim=1).t()
        self.logits.copy_(first_logits(cosines))
        tie_encoder(self, sample)
        self.settle()

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Logits move faster than weights."""
        return [
            {"params": [self.encoder_weight, self.encoder_bias], "lr_factor": 1.0},
            {"params": [self.logits], "lr_factor": LOGIT_LR_FACTOR},
        ]

    @torch.no_grad()
    def settle(self) -> None:
        """Write the atoms into the buffer that inference reads."""
        self.fused.copy_(self.make_atoms())
