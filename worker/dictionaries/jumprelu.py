"""JumpReLU sparse autoencoder (Rajamanoharan et al. 2024, arXiv 2407.14435) with a target for L0."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import Function, once_differentiable

from store.methods import JumpReluSpec
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.learned import Moment
from worker.dictionaries.linear import Activation
from worker.dictionaries.pairs import decode_pairs, encode_pairs
from worker.dictionaries.precodes import above
from worker.dictionaries.spherical import SphericalDictionary
from worker.dictionaries.starts import common_level


class JumpReluDictionary(SphericalDictionary):
    """``c = p [p > theta_k]`` with pre-codes ``p = u W^T + b`` and thresholds ``theta_k = exp(log_theta_k)``.

    A threshold moves codes only by jumps, so its gradient is estimated from the pre-codes within ``eps / 2`` of it
    (rectangular kernel; ``eps = bandwidth`` times the thresholds' first mean, so that it fits the scale of codes)::

        d c / d theta      ~ -theta / eps  [|p - theta| < eps / 2]
        d [p > theta] / d theta ~ -1 / eps [|p - theta| < eps / 2]

    The loss adds ``l0_weight (L0 / n_active - 1)^2`` with L0 the batch's mean number of codes above 0, so that
    ``n_active`` is met without a scan over penalties. With group biases, which meet it themselves, thresholds stay
    where they start and nothing is added: two controls of one thing would drive each other out of bounds.
    """

    method: ClassVar[str] = "jumprelu"
    per_concept: ClassVar[tuple[str, ...]] = (*SphericalDictionary.per_concept, "log_theta")

    spec: JumpReluSpec
    kernel_width: Tensor

    def __init__(self, spec: JumpReluSpec, width: int) -> None:
        super().__init__(spec, width)
        self.log_theta = nn.Parameter(torch.zeros(spec.n_concepts), requires_grad=not spec.bias_groups)
        self.register_buffer("kernel_width", torch.ones(()))

    @property
    def theta(self) -> Float[Tensor, " K"]:
        """Thresholds, in the unit of standardised codes."""
        return self.log_theta.exp()

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """As any other; one threshold for all, which ``n_active`` pre-codes per token reach."""
        super().start_from(sample, generator=generator, on_iteration=on_iteration)
        level = common_level(self, sample, self.spec.n_active)
        self.log_theta.fill_(float(level.log()))
        self.kernel_width.copy_(self.spec.bandwidth * level)

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """All pre-codes above the threshold of their concept."""
        choose = above(self.theta.detach())
        pairs = encode_pairs(u, self.encoder_weight, bias=self.encoder_bias, choose=choose)
        return SparseCodes(*pairs.padded(), self.n_concepts)

    def activate(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Activation:
        """Codes above their thresholds; pairs just below are kept for the thresholds' gradient alone."""
        theta = self.theta
        near = above((theta.detach() - self.kernel_width / 2).clamp_min(0.0))
        pairs = encode_pairs(inputs, self.encoder_weight, bias=self.encoder_bias, choose=near)
        codes, counted = _Jump.apply(pairs.values, theta[pairs.concepts], self.kernel_width)  # type: ignore[no-untyped-call]
        jumped = pairs.with_values(codes)
        if self.spec.bias_groups:
            return Activation(decode_pairs(jumped, atoms), jumped.counts())
        l0 = counted.sum() / len(inputs)
        penalty = self.spec.l0_weight * (l0 / self.spec.n_active - 1).square()
        return Activation(decode_pairs(jumped, atoms), jumped.counts(), penalty)


class _Jump(Function):
    """Codes, and a 1 for each code above 0."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, theta: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
        passed = values > theta
        ctx.save_for_backward(values, theta, width)
        return values * passed, passed.to(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_codes, of_counted = gradients
        values, theta, width = ctx.saved_tensors
        kernel = ((values - theta).abs() < width / 2) / width
        return of_codes * (values > theta), -(theta * of_codes + of_counted) * kernel, None
