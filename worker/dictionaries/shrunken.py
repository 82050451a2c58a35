"""The largest pre-codes, under a penalty that favours few large codes; a gain undoes how it shrinks them."""

import torch
from jaxtyping import Float
from torch import Tensor

from store.methods import ArchetypalSpec
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.choices import TopKChoice
from worker.dictionaries.learned import Moment
from worker.dictionaries.linear import Activation
from worker.dictionaries.sparse import firing_counts, reconstruct

_KEPT = 0.99  # share of the sums that stays in a step


class ShrunkenTopKChoice(TopKChoice):
    """``c = gain relu(top(u W^T + b))``; the loss adds ``2 s / sqrt(d a) mean_i sum_j c_ij / gain``.

    ``d`` is the width, ``a`` is ``n_active`` and s is ``code_penalty``. Standardised tokens have a mean square of 1 per
    entry, so a codes of one size have the size ``sqrt(d / a)``, and a code alone on its atom would be drawn towards 0
    by the share s of that. Of the many dictionaries that reconstruct about equally well this favours those that need
    few large codes. Other photos and seeds then lead to more similar atoms: without it atoms that fire together may
    turn within their common subspace at no cost.

    ``gain = <u, u_hat> / <u_hat, u_hat>`` undoes what the penalty took from the codes, by least squares over moving
    sums (a factor of 0.99 per step). Training does not see it: ``settle`` writes it.
    """

    spec: ArchetypalSpec
    gain: Tensor
    fit: Tensor

    def __init__(self, spec: ArchetypalSpec, width: int) -> None:
        super().__init__(spec, width)
        self.register_buffer("gain", torch.ones(()))
        self.register_buffer("fit", torch.zeros(2))

    def adapted(self) -> tuple[Tensor, ...]:
        """The moving sums too."""
        return (*super().adapted(), self.fit)

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """The largest pre-codes of each token, times the gain."""
        codes = super().standard_codes(u)
        return SparseCodes(codes.indices, codes.values * self.gain, codes.n_concepts)

    def activate(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Activation:
        """The same codes without the gain, and their penalty."""
        n_active = self.spec.n_active
        found = reconstruct(inputs, self.encoder_weight, bias=self.encoder_bias, atoms=atoms, n_active=n_active)
        self._follow(inputs, found.output.detach())
        counts = firing_counts(found.indices, found.values, n_concepts=self.n_concepts)
        rate = 2 * self.spec.code_penalty / (self.width * n_active) ** 0.5
        return Activation(found.output, counts, rate * found.values.sum() / len(inputs))

    def _follow(self, inputs: Tensor, output: Tensor) -> None:
        """A step of the moving sums ``<u, u_hat>`` and ``<u_hat, u_hat>`` per token."""
        products = torch.stack([(inputs * output).sum(), output.square().sum()]) / len(inputs)
        self.fit.lerp_(products, 1 - _KEPT)

    @torch.no_grad()
    def settle(self) -> None:
        """Write the gain; 1 as long as nothing has been reconstructed."""
        overlap, power = self.fit
        self.gain.copy_(torch.where(power > 0, overlap / power, self.gain))
