"""Tables of similarities, read some rows at a time: K x K of them need not stand in memory."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

_BLOCK_ENTRIES = 2**22


class Similarities(ABC):
    """A table ``[K J]`` of similarities."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Rows K and columns J."""

    @abstractmethod
    def rows(self, chosen: Int64[np.ndarray, " b"]) -> Float[Tensor, "b J"]:
        """Some rows of the table, a copy."""

    @abstractmethod
    def turned(self) -> "Similarities":
        """The transposed table."""

    def blocks(
        self, chosen: Int64[np.ndarray, " b"] | None = None
    ) -> Iterator[tuple[Int64[np.ndarray, " a"], Float[Tensor, "a J"]]]:
        """Chosen rows, or all, with their numbers; at most about ``2**22`` entries at once."""
        chosen = np.arange(self.shape[0]) if chosen is None else chosen
        step = max(1, _BLOCK_ENTRIES // max(self.shape[1], 1))
        for start in range(0, len(chosen), step):
            some = chosen[start : start + step]
            yield some, self.rows(some)


@dataclass(frozen=True)
class Table(Similarities):
    """A table that stands whole."""

    values: Float[Tensor, "K J"]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows K and columns J."""
        return self.values.shape[0], self.values.shape[1]

    def rows(self, chosen: Int64[np.ndarray, " b"]) -> Float[Tensor, "b J"]:
        """Some rows of the table, a copy."""
        return self.values[torch.from_numpy(chosen).to(self.values.device)]

    def turned(self) -> "Table":
        """The transposed table."""
        return Table(self.values.t())


@dataclass(frozen=True)
class Cosines(Similarities):
    """Cosines of the vectors of two lists, made when they are asked for; ``absolute`` drops their signs."""

    first: Float[Tensor, "K d"]
    second: Float[Tensor, "J d"]
    absolute: bool = False

    @classmethod
    def of(cls, first: Float[Tensor, "K d"], second: Float[Tensor, "J d"], *, absolute: bool = False) -> "Cosines":
        """Of vectors of any norm."""
        return cls(functional.normalize(first, dim=1), functional.normalize(second, dim=1), absolute)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows K and columns J."""
        return len(self.first), len(self.second)

    def rows(self, chosen: Int64[np.ndarray, " b"]) -> Float[Tensor, "b J"]:
        """Some rows of the table."""
        cosines = (self.first[torch.from_numpy(chosen).to(self.first.device)] @ self.second.t()).clamp_(-1, 1)
        return cosines.abs_() if self.absolute else cosines

    def turned(self) -> "Cosines":
        """The transposed table."""
        return Cosines(self.second, self.first, self.absolute)
