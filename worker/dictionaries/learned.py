"""Dictionaries that are learned by gradient: what the trainer asks of them."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from store.methods import GradientSpec
from worker.dictionaries.base import Dictionary, SparseCodes


@dataclass(frozen=True)
class Moment:
    """When in a training run a step happens; all that is random in a step is drawn from its number."""

    step: int
    done: float
    """Share of all tokens seen before this step, in [0, 1)."""


@dataclass(frozen=True)
class Pass:
    """What one pass over a batch gave, in standardised units."""

    loss: Float[Tensor, ""]
    error: Float[Tensor, ""]
    """Mean squared error per entry, detached."""
    fired: Bool[Tensor, " K"]
    n_fired: int
    """Codes above 0 in the batch."""


class LearnedDictionary(Dictionary):
    """A dictionary with parameters; the trainer owns the optimiser and calls these in the order they stand here.

    With ``whiten`` the standardised space is turned and stretched: ``u = (x - mean) / scale T`` with ``T = V s^-1``
    from the covariance ``V s^2 V^T`` of a sample of tokens (directions under a thousandth of the strongest are not
    stretched further). The loss then weighs all directions alike. Atoms go back by ``T^-1``, are brought to norm 1,
    and their length goes into ``gain``, which multiplies the codes.
    """

    spec: GradientSpec
    whitening: Tensor | None
    colouring: Tensor | None

    def __init__(self, spec: GradientSpec, width: int) -> None:
        super().__init__(spec, width)
        square = torch.eye(width) if spec.whiten else None
        self.register_buffer("whitening", square)
        self.register_buffer("colouring", square.clone() if square is not None else None)

    @property
    @abstractmethod
    def standard_atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1 in standardised space, as saved."""

    @property
    def atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1, in the directions of raw activations."""
        if self.colouring is None:
            return self.standard_atoms
        return functional.normalize(self.standard_atoms @ self.colouring, dim=1)

    def standardize(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """``(x - mean) / scale``, whitened where the spec asks for it."""
        u = super().standardize(x)
        return u if self.whitening is None else u @ self.whitening

    @torch.no_grad()
    def encode(self, x: Float[Tensor, "n d"]) -> SparseCodes:
        """Codes of raw activations; selection happens in standardised space, as in training."""
        codes = super().encode(x)
        if self.colouring is None:
            return codes
        gain = (self.standard_atoms @ self.colouring).norm(dim=1)
        return SparseCodes(codes.indices, codes.values * gain[codes.indices], codes.n_concepts)

    @torch.no_grad()
    def fit_whitening(self, centred: Float[Tensor, "m d"]) -> None:
        """Set the whitening from tokens that are centred and scaled."""
        assert self.whitening is not None
        assert self.colouring is not None
        variance, directions = torch.linalg.eigh(torch.cov(centred.double().t(), correction=0))
        deviation = variance.clamp_min(float(variance[-1]) * 1e-6).sqrt()
        self.whitening.copy_(directions / deviation)
        self.colouring.copy_((directions * deviation).t())

    @abstractmethod
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Set the first weights from standardised tokens; ``on_iteration`` is called now and then."""

    @abstractmethod
    def make_atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1, with their gradient; called once per step and shared by all losses."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Parameters with a factor on the learning rate, as ``{"params": [...], "lr_factor": 1.0}``."""
        return [{"params": list(self.parameters()), "lr_factor": 1.0}]

    @abstractmethod
    def learn(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Pass:
        """The loss of a batch of standardised tokens, with its gradient, and what fired; may update buffers."""

    def adapted(self) -> tuple[Tensor, ...]:
        """State that ``learn`` moves without a gradient; several processes average it after each step."""
        return ()

    def scheduled(self, done: float) -> float:
        """Where the learning rate's schedule stands after a share ``done`` of all tokens."""
        return done

    def project_gradients(self) -> None:
        """Take out of the gradients what the constraints forbid; called between backward and the step."""

    def project(self) -> None:
        """Bring the parameters back onto the constraints; called after each step."""
