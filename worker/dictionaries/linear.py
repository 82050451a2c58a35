"""Sparse autoencoders: a linear encoder before any choice of codes, atoms after it, and help for dead concepts."""

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from store.methods import AutoencoderSpec
from worker.dictionaries.bias_groups import BiasGroups
from worker.dictionaries.learned import LearnedDictionary, Moment, Pass
from worker.dictionaries.losses import auxiliary_loss, reconstruction_loss


class Activation(NamedTuple):
    """What encoder, choice of codes and atoms made of a batch, in standardised units."""

    output: Float[Tensor, "b d"]
    counts: Int[Tensor, " K"]
    """In how many tokens of the batch each concept has a code above 0."""
    extra: Float[Tensor, ""] | None = None
    """What the method adds to the loss, with its gradient."""


class LinearDictionary(LearnedDictionary):
    """``c(u) = choose(u W^T + b)`` with ``choose`` the method's own, and atoms as the method makes them.

    The loss is the mean squared error per entry, the auxiliary loss of dead concepts, what the method adds, and
    ``encoder_decay mean_k |W_k|^2``. A small decay keeps rows of the encoder from fitting single tokens: dictionaries
    of different seeds and photos then agree more, at no loss of held-out R2 (after arXiv 2603.04198; figures in
    ``docs/benchmarks.md``).
    """

    per_concept: ClassVar[tuple[str, ...]] = (
        *LearnedDictionary.per_concept,
        "encoder_weight",
        "encoder_bias",
        "bias_groups.target",
        "bias_groups.density",
    )

    spec: AutoencoderSpec

    def __init__(self, spec: AutoencoderSpec, width: int) -> None:
        super().__init__(spec, width)
        self.encoder_weight = nn.Parameter(torch.zeros(spec.n_concepts, width))
        self.encoder_bias = nn.Parameter(torch.zeros(spec.n_concepts), requires_grad=not spec.bias_groups)
        self.bias_groups: BiasGroups | None = None
        if spec.bias_groups:
            self.bias_groups = BiasGroups(
                spec.n_concepts, n_active=spec.n_active, n_groups=spec.bias_groups, rate=spec.bias_rate
            )

    def pre_codes(self, u: Float[Tensor, "n d"]) -> Float[Tensor, "n K"]:
        """``u W^T + b``, before any choice."""
        return functional.linear(u, self.encoder_weight, self.encoder_bias)

    def adapted(self) -> tuple[Tensor, ...]:
        """Biases and measured densities, where groups of concepts have target densities."""
        return () if self.bias_groups is None else (self.encoder_bias, self.bias_groups.density)

    @abstractmethod
    def activate(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Activation:
        """Choose codes and reconstruct; what the method adapts without gradient it adapts here."""

    def learn(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Pass:
        """Mean squared error, auxiliary loss of dead concepts, what the method adds, and the encoder's decay."""
        found = self.activate(inputs, atoms, moment=moment)
        loss = error = reconstruction_loss(inputs, found.output)
        dead = (self.silent_tokens >= self.spec.dead_after_tokens).nonzero()[:, 0]
        if len(dead) and self.spec.aux_weight > 0:
            loss = loss + self.spec.aux_weight * auxiliary_loss(
                inputs,
                inputs - found.output,
                weight=self.encoder_weight[dead],
                bias=self.encoder_bias[dead],
                atoms=atoms[dead],
                n_active=self.spec.aux_active or max(self.width // 2, 1),
            )
        if found.extra is not None:
            loss = loss + found.extra
        if self.spec.encoder_decay:
            loss = loss + self.spec.encoder_decay * self.encoder_weight.square().sum(dim=1).mean()
        if self.bias_groups is not None:
            bias = self.encoder_bias.detach()
            self.bias_groups.adapt(bias, found.counts, n_tokens=len(inputs), done=moment.done)
        return Pass(loss, error.detach(), found.counts > 0, int(found.counts.sum()))
