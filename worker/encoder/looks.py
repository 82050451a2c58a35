"""What models said about the last photos, kept for a while: an edit needs no second pass through a network."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

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
        self._kept_s, self._clock = kept_s, clock
        self._looks: OrderedDict[LookKey, tuple[PhotoLook, float]] = OrderedDict()
        self.n_bytes = 0

    def find(self, key: LookKey) -> PhotoLook | None:
        """The look, if it is there; it is the most recently used one then."""
        self._expire()
        found = self._looks.pop(key, None)
        if found is None:
            return None
        self._looks[key] = (found[0], self._clock())
        return found[0]

    def keep(self, key: LookKey, look: PhotoLook) -> None:
        """Keep a look, and let the oldest go where there is no room."""
        self._expire()
        self._remove(key)
        self._looks[key] = (look, self._clock())
        self.n_bytes += look.n_bytes
        while self.n_bytes > self.budget_bytes:
            self._remove(next(iter(self._looks)))

    def forget(self, sha256: str) -> int:
        """Drop all looks at a photo; how many there were."""
        gone = [key for key in self._looks if key.sha256 == sha256]
        for key in gone:
            self._remove(key)
        return len(gone)

    def _expire(self) -> None:
        oldest = self._clock() - self._kept_s
        while self._looks and next(iter(self._looks.values()))[1] < oldest:
            self._remove(next(iter(self._looks)))

    def _remove(self, key: LookKey) -> None:
        found = self._looks.pop(key, None)
        if found is not None:
            self.n_bytes -= found[0].n_bytes
