"""What models said about the last photos, kept for a while: an edit needs no second pass through a network."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from cachetools import TTLCache
from jaxtyping import Float
from torch import Tensor

from store.grid import Window
from worker.encoder.plans import ModelKey

KEPT_S: Final = 900.0


@dataclass(frozen=True)
class LookKey:
    """A photo, by the SHA-256 of its bytes, as a model saw it through a window."""

    sha256: str
    model: ModelKey
    window: Window
    layer: str


@dataclass(frozen=True)
class PhotoLook:
    """One photo at one layer, in float32 on the CPU, before it is rounded to what is stored; and the model's logits."""

    width: int  # of the upright photo, in pixels
    height: int
    patches: Float[Tensor, "h w d"]
    prefix: Float[Tensor, "p d"]
    logits: Float[Tensor, " c"] | None

    @property
    def n_bytes(self) -> int:
        """Memory that it takes."""
        tensors = [self.patches, self.prefix, *([] if self.logits is None else [self.logits])]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class Looks:
    """The last looks, at most so many bytes, none longer than ``kept_s`` after its last use."""

    def __init__(
        self, budget_bytes: int, *, kept_s: float = KEPT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.budget_bytes = budget_bytes
        self._looks: TTLCache[LookKey, PhotoLook] = TTLCache(budget_bytes, kept_s, clock, attrgetter("n_bytes"))

    @property
    def n_bytes(self) -> int:
        """Memory that they take."""
        return int(self._looks.currsize)

    def find(self, key: LookKey) -> PhotoLook | None:
        """The look, if it is there; its time begins anew."""
        found = self._looks.pop(key, None)
        if found is not None:
            self._looks[key] = found
        return found

    def keep(self, key: LookKey, look: PhotoLook) -> None:
        """Keep a look, and let the oldest go where there is no room; one that is larger than all may be is not kept."""
        if look.n_bytes <= self.budget_bytes:
            self._looks[key] = look

    def forget(self, sha256: str) -> int:
        """Drop all looks at a photo; how many there were."""
        self._looks.expire()  # what nobody can find any more is still in memory
        gone = [key for key in self._looks if key.sha256 == sha256]
        return sum(self._looks.pop(key, None) is not None for key in gone)
