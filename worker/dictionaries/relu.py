"""ReLU sparse autoencoder with an L1 penalty that finds its own weight."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from store.methods import ReluSpec
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.learned import Moment
from worker.dictionaries.linear import Activation
from worker.dictionaries.pairs import decode_pairs, encode_pairs
from worker.dictionaries.precodes import above
from worker.dictionaries.spherical import SphericalDictionary

_RATE = 0.03  # largest change of the log weight in a step


class ReluDictionary(SphericalDictionary):
    """``c = relu(u W^T + b)``; the loss adds ``weight / d * mean_i sum_k c_ik``, the mean L1 norm of a token's codes.

    Atoms have norm 1, so no code can hide from the penalty in a long atom. Divided by d as the squared error is, a
    weight w draws every code about w / 2 towards 0: that shrinkage is the known defect of the method, and why it
    explains less at equal L0 than methods that choose codes by rank or threshold.

    The weight rises while more than ``n_active`` codes per token are above 0 and falls while fewer are::

        log w <- log w + 0.03 clip(L0 / n_active - 1, -1, 1)
    """

    method: ClassVar[str] = "relu"

    spec: ReluSpec
    log_weight: Tensor

    def __init__(self, spec: ReluSpec, width: int) -> None:
        super().__init__(spec, width)
        self.register_buffer("log_weight", torch.tensor(spec.l1_weight or 1.0).log())

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """``relu(u W^T + b)``."""
        pairs = encode_pairs(u, self.encoder_weight, bias=self.encoder_bias, choose=above(0.0))
        return SparseCodes(*pairs.padded(), self.n_concepts)

    def activate(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Activation:
        """The same codes, the penalty, and a step of its weight unless the spec fixes it."""
        pairs = encode_pairs(inputs, self.encoder_weight, bias=self.encoder_bias, choose=above(0.0))
        penalty = self.log_weight.exp() / self.width * pairs.values.sum() / len(inputs)
        if not self.spec.l1_weight:
            excess = len(pairs.values) / (len(inputs) * self.spec.n_active) - 1
            self.log_weight += _RATE * min(max(excess, -1.0), 1.0)
        return Activation(decode_pairs(pairs, atoms), pairs.counts(), penalty)
