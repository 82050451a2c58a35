"""What every dictionary is: activations in, sparse codes out, and back; everything inference needs is saved state."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from store.methods import TrainingSpec
from worker.dictionaries.sparse import weighted_rows


@dataclass(frozen=True)
class SparseCodes:
    """Codes of n tokens in ``a`` slots each; a slot that is not used has the value 0.

    No two used slots of a token name the same concept. Values are in the unit of the activations: concept k adds
    ``value * atoms[k]`` to the origin.
    """

    indices: Int[Tensor, "n a"]
    values: Float[Tensor, "n a"]
    n_concepts: int

    def dense(self) -> Float[Tensor, "n K"]:
        """The same codes with their zeros, ``[n K]``."""
        empty = self.values.new_zeros(len(self.values), self.n_concepts)
        return empty.scatter_add_(1, self.indices, self.values)

    @classmethod
    def joined(cls, parts: Sequence["SparseCodes"]) -> "SparseCodes":
        """The codes of all parts' tokens, with as many slots as the widest part has."""
        width = max(part.indices.shape[1] for part in parts)
        return cls(
            torch.cat([functional.pad(part.indices, (0, width - part.indices.shape[1])) for part in parts]),
            torch.cat([functional.pad(part.values, (0, width - part.values.shape[1])) for part in parts]),
            parts[0].n_concepts,
        )


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

    def first_bad(self) -> str:
        """Where the first NaN or infinite activation is, in words: shard and row."""


class Dictionary(nn.Module, ABC):
    """Codes and atoms, with the mean and the scale of the activations they were made for.

    In standardised space, ``u = (x - origin) / scale`` (origin: the mean vector of the training tokens, but for NMF;
    scale: one number, the root mean square of the centred activations), a method gives codes ``c(u) >= 0`` and atoms
    ``D [K d]`` of norm 1::

        z     = scale * c(u)                               codes, in the unit of x, all >= 0
        x_hat = origin + z D

    One scale, not one for each dimension: the squared error of ``u`` is then the squared error of ``x`` up to a
    factor, so that training minimises exactly what R2 measures. Centring each dimension is what keeps concepts alive
    (arXiv 2605.31518). Atoms have norm 1, so a code is the length of what its concept adds, in the unit of x.
    """

    method: ClassVar[str]
    per_concept: ClassVar[tuple[str, ...]] = ("silent_tokens",)
    """State with one row per concept: permuting these rows permutes the codes and changes nothing else."""

    mean: Tensor
    scale: Tensor
    silent_tokens: Tensor

    def __init__(self, spec: TrainingSpec, width: int) -> None:
        super().__init__()
        self.spec = spec
        self.width = width
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("silent_tokens", torch.zeros(spec.n_concepts, dtype=torch.int64))

    @property
    def n_concepts(self) -> int:
        """K, the number of concepts."""
        return self.spec.n_concepts

    @property
    def origin(self) -> Float[Tensor, " d"]:
        """What a token without any concept is reconstructed as."""
        return self.mean

    @property
    @abstractmethod
    def atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1, in the directions of raw activations."""

    @abstractmethod
    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """Codes of standardised activations, in their unit; a token's codes do not depend on the other tokens."""

    @torch.no_grad()
    def fit_standard(self, mean: Float[Tensor, " d"], std: Float[Tensor, " d"]) -> None:
        """Take mean and scale from those of the training tokens."""
        self.mean.copy_(mean)
        self.scale.fill_(float(std.double().square().mean().sqrt()))

    def standardize(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """``(x - origin) / scale``, in the precision of the dictionary."""
        return (x.to(self.mean) - self.origin).div_(self.scale)

    @torch.no_grad()
    def encode(self, x: Float[Tensor, "n d"]) -> SparseCodes:
        """Codes of raw activations: the path of training, which calls the same functions."""
        codes = self.standard_codes(self.standardize(x))
        return SparseCodes(codes.indices, codes.values * self.scale, self.n_concepts)

    @torch.no_grad()
    def decode(self, codes: SparseCodes) -> Float[Tensor, "n d"]:
        """``origin + z D``, in raw activations."""
        return self.origin + weighted_rows(codes.indices, codes.values, table=self.atoms)

    def settle(self) -> None:
        """Write what inference needs into saved state; called before judging and at the end."""

    @torch.no_grad()
    def count_silence(self, fired: Tensor, *, n_tokens: int) -> None:
        """Keep for each concept the number of training tokens since it last fired."""
        self.silent_tokens.add_(n_tokens).masked_fill_(fired, 0)
