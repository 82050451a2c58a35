"""Dictionaries that alternate between codes and atoms, from sums that grow with each batch, without gradients."""

from abc import abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from worker.dictionaries.base import Dictionary, SparseCodes


class AlternatingDictionary(Dictionary):
    """What the trainer asks of a factorisation: it shows every batch, and at the end of each epoch asks for new atoms.

    Sums over the tokens of an epoch are enough for exact steps (for example ``Z^T Z [K K]`` and ``Z^T U [K d]``), so
    memory does not grow with the number of tokens. They are buffers, so that a checkpoint holds them.
    """

    @abstractmethod
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Set the first atoms from standardised tokens; ``on_iteration`` is called now and then."""

    @abstractmethod
    def absorb(self, u: Float[Tensor, "b d"]) -> SparseCodes:
        """Add a batch of standardised tokens to the sums; returns the codes it got, in standardised units."""

    @abstractmethod
    def refit(self) -> None:
        """New atoms from the sums, which start again at zero."""

    @abstractmethod
    def sums(self) -> tuple[Tensor, ...]:
        """The sums themselves, which several processes add up before ``refit``."""

    @property
    @abstractmethod
    def standard_atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1 in standardised space, as saved."""

    @property
    def atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1, in the directions of raw activations."""
        return self.standard_atoms
