"""What a training run tells while it runs, and what stays of it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from worker.dictionaries.registry import AnyDictionary


@dataclass(frozen=True)
class TrainingProgress:
    """How far a run is. Of several dictionaries: mean loss and R2, and the worst share of dead concepts."""

    phase: Literal["start", "train"]
    tokens_done: int
    tokens_total: int
    epoch: int
    loss: float | None = None
    r2: float | None = None
    dead_share: float | None = None


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of the history; definitions in ``store/metrics``. It holds no times: equal runs, equal records."""

    epoch: int
    loss: float
    r2_train: float
    r2_held_out: float | None
    dead_share_epoch: float
    l0: float
    lr: float

    def as_json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Trained:
    """A trained dictionary, in evaluation mode, and the history of its training."""

    dictionary: AnyDictionary
    history: tuple[EpochRecord, ...]


@dataclass
class EpochSums:
    """Sums over the tokens of an epoch, in double precision over batches."""

    tokens: int = 0
    loss: float = 0.0
    error: float = 0.0
    variance: float = 0.0
    active: int = 0

    @property
    def r2(self) -> float:
        """Share of variance explained so far."""
        return 1.0 - self.error / self.variance if self.variance > 0 else 0.0

    @property
    def mean_loss(self) -> float:
        """Loss per token so far."""
        return self.loss / max(self.tokens, 1)
