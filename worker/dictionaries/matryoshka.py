"""Matryoshka sparse autoencoder (Bussmann et al. 2025, arXiv 2503.17547): nested dictionaries in one."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from store.methods import MatryoshkaSpec
from worker.dictionaries.batchtopk import BatchTopKChoice
from worker.dictionaries.learned import Moment
from worker.dictionaries.linear import Activation
from worker.dictionaries.losses import reconstruction_loss
from worker.dictionaries.pairs import decode_pairs
from worker.dictionaries.sparse import top_codes
from worker.dictionaries.spherical import SphericalDictionary


class MatryoshkaDictionary(BatchTopKChoice, SphericalDictionary):
    """BatchTopK whose first ``K / 2^j`` concepts must reconstruct alone, for every level j.

    With ``levels`` prefixes of sizes ``K / 2^(levels - 1), ..., K / 2, K`` (rounded up) and ``o_l`` the sum of codes
    times atoms within prefix l, the loss is the mean over l of the squared error of ``o_l`` per entry. Codes are
    chosen once, over all concepts. General concepts gather in the first prefix, which keeps them from being split up
    by their special cases.
    """

    method: ClassVar[str] = "matryoshka"

    spec: MatryoshkaSpec

    @property
    def prefixes(self) -> list[int]:
        """Sizes of the nested dictionaries, ascending; the last is K."""
        return [-(-self.n_concepts // 2**level) for level in reversed(range(self.spec.n_levels))]

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """As any other, then in the order of how often a concept is among the ``n_active`` largest."""
        super().start_from(sample, generator=generator, on_iteration=on_iteration)
        found = top_codes(self.pre_codes(sample[:4096]), self.spec.n_active)
        counts = torch.bincount(found[0].flatten(), minlength=self.n_concepts)
        order = counts.argsort(descending=True, stable=True)
        self.decoder.copy_(self.decoder[order])
        self.encoder_weight.copy_(self.encoder_weight[order])

    def activate(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Activation:
        """Each level adds its own concepts to the sum, so that all levels together cost one decoding."""
        pairs = self.chosen(inputs)
        output = torch.zeros_like(inputs)
        errors = []
        first = 0
        for size in self.prefixes:
            level = pairs.only((pairs.concepts >= first) & (pairs.concepts < size))
            output = output + decode_pairs(level, atoms)
            errors.append(reconstruction_loss(inputs, output))
            first = size
        others = torch.stack(errors).mean() - errors[-1]  # the last level's error is counted by the caller
        return Activation(output, pairs.counts(), others)
