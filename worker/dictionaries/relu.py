"""ReLU sparse autoencoder with an L1 penalty that finds its own weight."""

from collections.abc import Callable
from typing import Any, ClassVar

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
from worker.dictionaries.starts import lower_bias

_RATE = 0.03  # largest change of the log weight in a step
_BIAS_LR_FACTOR = 10.0  # biases live on the scale of codes, encoder weights on one of 1/sqrt(d)
_FIRST_SHARE = (
    2  # codes per token at the start, in n_active: few enough to need no strong penalty, enough to choose from
)


class ReluDictionary(SphericalDictionary):
    """``c = relu(u W^T + b)``; the loss adds ``weight / d * mean_i sum_k c_ik``, the mean L1 norm of a token's codes.

    Atoms have norm 1, so no code can hide from the penalty in a long atom. Divided by d as the squared error is, a
    weight w draws every code about w / 2 towards 0: that shrinkage is the known defect of the method, and why it
    explains less at equal L0 than methods that choose codes by rank or threshold.

    The weight grows linearly over the warm-up. After that, unless the spec fixes it, it rises while more than
    ``n_active`` codes per token are above 0 and falls while fewer are::

        log w <- log w + 0.03 clip(L0 / n_active - 1, -1, 1)

    With group biases, which bring about ``n_active`` themselves, only a fixed weight penalises.
    """

    method: ClassVar[str] = "relu"

    spec: ReluSpec
    log_weight: Tensor

    def __init__(self, spec: ReluSpec, width: int) -> None:
        super().__init__(spec, width)
        self.register_buffer("log_weight", torch.tensor(spec.l1_weight or 1.0).log())

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """As any other, with biases that let twice ``n_active`` codes per token pass."""
        super().start_from(sample, generator=generator, on_iteration=on_iteration)
        lower_bias(self, sample, n_above=_FIRST_SHARE * self.spec.n_active)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The bias moves faster than the weights: it alone keeps concepts silent."""
        return [
            {"params": [self.encoder_weight, self.decoder], "lr_factor": 1.0},
            *([] if self.spec.bias_groups else [{"params": [self.encoder_bias], "lr_factor": _BIAS_LR_FACTOR}]),
        ]

    def adapted(self) -> tuple[Tensor, ...]:
        """The log weight of the penalty too."""
        return (*super().adapted(), self.log_weight)

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """``relu(u W^T + b)``."""
        pairs = encode_pairs(u, self.encoder_weight, bias=self.encoder_bias, choose=above(0.0))
        return SparseCodes(*pairs.padded(), self.n_concepts)

    def activate(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Activation:
        """The same codes, the penalty, and a step of its weight unless the spec fixes it."""
        pairs = encode_pairs(inputs, self.encoder_weight, bias=self.encoder_bias, choose=above(0.0))
        output, counts = decode_pairs(pairs, atoms), pairs.counts()
        if self.spec.bias_groups and not self.spec.l1_weight:
            return Activation(output, counts)
        warm = min(moment.done / self.spec.warmup, 1.0) if self.spec.warmup else 1.0
        penalty = warm * self.log_weight.exp() / self.width * pairs.values.sum() / len(inputs)
        if warm == 1.0 and not self.spec.l1_weight:
            excess = len(pairs.values) / (len(inputs) * self.spec.n_active) - 1
            self.log_weight += _RATE * min(max(excess, -1.0), 1.0)
        return Activation(output, counts, penalty)
