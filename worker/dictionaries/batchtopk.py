"""BatchTopK sparse autoencoder (Bussmann et al. 2024, arXiv 2412.06410)."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from store.methods import AutoencoderSpec, BatchTopKSpec
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.learned import Moment
from worker.dictionaries.linear import Activation, LinearDictionary
from worker.dictionaries.pairs import Pairs, decode_pairs, encode_pairs
from worker.dictionaries.precodes import above, largest
from worker.dictionaries.spherical import SphericalDictionary

_KEPT = 0.99  # share of the threshold that stays in a step


class BatchTopKChoice(LinearDictionary):
    """In training the ``n_active n`` largest positive pre-codes of n tokens; afterwards all above a threshold.

    The threshold is the moving average of the smallest code that was chosen, ``t <- 0.99 t + 0.01 min``, started at
    the first one. It is saved state: a token's codes do not depend on the tokens around it.
    """

    threshold: Tensor
    thresholded: Tensor

    def __init__(self, spec: AutoencoderSpec, width: int) -> None:
        super().__init__(spec, width)
        self.register_buffer("threshold", torch.zeros(()))
        self.register_buffer("thresholded", torch.zeros((), dtype=torch.bool))

    def adapted(self) -> tuple[Tensor, ...]:
        """The threshold too."""
        return (*super().adapted(), self.threshold)

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """All pre-codes above the threshold."""
        choose = above(max(float(self.threshold), 0.0))
        pairs = encode_pairs(u, self.encoder_weight, bias=self.encoder_bias, choose=choose)
        return SparseCodes(*pairs.padded(), self.n_concepts)

    def chosen(self, inputs: Float[Tensor, "b d"]) -> Pairs:
        """The batch's codes in training, and a step of the threshold."""
        choose = largest(self.spec.n_active * len(inputs))
        pairs = encode_pairs(inputs, self.encoder_weight, bias=self.encoder_bias, choose=choose)
        if len(pairs.values):
            smallest = pairs.values.detach().min()
            self.threshold.copy_(torch.where(self.thresholded, torch.lerp(smallest, self.threshold, _KEPT), smallest))
            self.thresholded.fill_(True)
        return pairs

    def activate(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Activation:
        """The chosen codes and what they reconstruct."""
        pairs = self.chosen(inputs)
        return Activation(decode_pairs(pairs, atoms), pairs.counts())


class BatchTopKDictionary(BatchTopKChoice, SphericalDictionary):
    """The largest pre-codes of a whole batch, so that a token may have more codes than another; free atoms."""

    method: ClassVar[str] = "batchtopk"

    spec: BatchTopKSpec
