"""What every dictionary is: activations in, sparse codes out, and back; everything inference needs is saved state."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from store.specs import TrainingSpec
from worker.dictionaries.sparse import top_codes, weighted_rows


@dataclass(frozen=True)
class SparseCodes:
    """Codes of n tokens, ``a`` = n_active slots each; a slot that is not used has the value 0.

    Values are in the unit of the activations: concept k adds ``value * atoms[k]`` to the mean activation.
    """

    indices: Int[Tensor, "n a"]
    values: Float[Tensor, "n a"]
    n_concepts: int

    def dense(self) -> Float[Tensor, "n K"]:
        """The same codes with their zeros, ``[n K]``."""
        empty = self.values.new_zeros(len(self.values), self.n_concepts)
        return empty.scatter_add_(1, self.indices, self.values)


@runtime_checkable
class TokenStream(Protocol):
    """Activations in shuffled batches; equal ``seed`` and ``epoch`` give equal batches."""

    @property
    def n_tokens(self) -> int:
        """Tokens in one epoch."""

    @property
    def width(self) -> int:
        """Length d of one activation."""

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """Mean vector over all tokens of the training split."""

    @property
    def std(self) -> Float[Tensor, " d"]:
        """Standard deviation of each dimension over the training split."""

    def batches(self, batch_tokens: int, *, seed: int, epoch: int) -> Iterator[Float[Tensor, "b d"]]:
        """Every token once, at most ``batch_tokens`` at a time."""


class Dictionary(nn.Module, ABC):
    """Encoder and atoms, with the mean and the scale of the activations they were made for.

    With ``u = (x - mean) / scale`` (mean: vector of the training tokens; scale: one number, the root mean square of
    the centred activations) and unit-norm atoms ``D [K d]``::

        z     = scale * relu(top_n_active(u W^T + b))          codes, in the unit of x, all >= 0
        x_hat = mean + z D

    One scale, not one for each dimension: the squared error of ``u`` is then the squared error of ``x`` up to a
    factor, so that training minimises exactly what R2 measures. Centring each dimension is what keeps concepts alive
    (arXiv 2605.31518). Atoms have norm 1, so a code is the length of what its concept adds, in the unit of x.
    """

    method: ClassVar[str]
    per_concept: ClassVar[tuple[str, ...]] = ("encoder_weight", "encoder_bias", "silent_tokens")
    """State with one row per concept: permuting these rows permutes the codes and changes nothing else."""

    mean: Tensor
    scale: Tensor
    silent_tokens: Tensor

    def __init__(self, spec: TrainingSpec, width: int) -> None:
        super().__init__()
        self.spec = spec
        self.width = width
        self.encoder_weight = nn.Parameter(torch.zeros(spec.n_concepts, width))
        self.encoder_bias = nn.Parameter(torch.zeros(spec.n_concepts))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("silent_tokens", torch.zeros(spec.n_concepts, dtype=torch.int64))

    @property
    def n_concepts(self) -> int:
        """K, the number of concepts."""
        return self.spec.n_concepts

    @property
    @abstractmethod
    def atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1, in the directions of raw activations."""

    def standardize(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """``(x - mean) / scale``, in the precision of the dictionary."""
        return (x.to(self.mean) - self.mean).div_(self.scale)

    @torch.no_grad()
    def encode(self, x: Float[Tensor, "n d"]) -> SparseCodes:
        """Codes of raw activations: the path of training, which calls the same functions."""
        pre_codes = functional.linear(self.standardize(x), self.encoder_weight, self.encoder_bias)
        indices, values = top_codes(pre_codes, self.spec.n_active)
        return SparseCodes(indices, values * self.scale, self.n_concepts)

    @torch.no_grad()
    def decode(self, codes: SparseCodes) -> Float[Tensor, "n d"]:
        """``mean + z D``, in raw activations."""
        return self.mean + weighted_rows(codes.indices, codes.values, table=self.atoms)

    # What the trainer calls. A method that needs nothing special overrides nothing but the first two.

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

    def project_gradients(self) -> None:
        """Take out of the gradients what the constraints forbid; called between backward and the step."""

    def project(self) -> None:
        """Bring the parameters back onto the constraints; called after each step."""

    def settle(self) -> None:
        """Write what inference needs into saved state; called before judging and at the end."""
