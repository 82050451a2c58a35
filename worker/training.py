"""Training one dictionary on a stream of tokens."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from store.errors import InvalidInput
from store.specs import ArchetypalSpec, TopKSpec
from worker.dictionaries.base import Dictionary, TokenStream
from worker.dictionaries.losses import auxiliary_loss, reconstruction_loss
from worker.dictionaries.registry import make_dictionary
from worker.dictionaries.sparse import Reconstruction, reconstruct
from worker.dictionaries.tokens import checked_batches, sample_tokens

log = logging.getLogger(__name__)

_REPORT_S = 0.5
_LAST_LR = 0.01  # share of the peak at which the cosine ends
_START_TOKENS = 16_384  # tokens that k-means sees at most, or 8 per cluster where that is more


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training run is. Values are of the last batches; None before the first."""

    phase: Literal["start", "train"]
    tokens_done: int
    tokens_total: int
    epoch: int
    loss: float | None = None
    r2: float | None = None
    dead_share: float | None = None


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of the history; definitions in ``store/metrics.py``. It holds no times: equal runs, equal records."""

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

    dictionary: Dictionary
    history: tuple[EpochRecord, ...]


def train(
    spec: TopKSpec | ArchetypalSpec,
    stream: TokenStream,
    *,
    held_out: TokenStream | None = None,
    on_progress: Callable[[TrainingProgress], None] = lambda _: None,
    device: torch.device | str = "cpu",
) -> Trained:
    """Train a dictionary; equal spec, tokens and number of threads give equal weights, bit for bit.

    Adam with a linear warm-up and a cosine down to a hundredth of the peak, gradient norm clipped. ``on_progress`` is
    called at least once a second as long as a step takes less; what it raises ends the training.

    Raises ``InvalidInput``: fewer tokens than concepts, NaN or infinite activations (names the batch), activations
    that never change, or a run in which every concept dies.
    """
    _check(spec, stream)
    starting = TrainingProgress("start", 0, spec.epochs * stream.n_tokens, 0)
    on_progress(starting)
    dictionary = _started(spec, stream, device=torch.device(device), on_iteration=lambda: on_progress(starting))
    trainer = _Trainer(dictionary, stream, on_progress=on_progress)
    history = tuple(trainer.run_epoch(epoch, held_out=held_out) for epoch in range(spec.epochs))
    return Trained(dictionary.eval(), history)


def _check(spec: TopKSpec | ArchetypalSpec, stream: TokenStream) -> None:
    for name in ("n_concepts", "n_candidates"):
        wanted = getattr(spec, name, 0)
        if stream.n_tokens < wanted:
            raise InvalidInput(f"{name} is {wanted}, but there are only {stream.n_tokens} tokens; lower {name}.")
    if not (bool(stream.mean.isfinite().all()) and bool(stream.std.isfinite().all())):
        raise InvalidInput("The activations hold NaN or infinite values (mean or std is not finite); extract again.")
    if not float(stream.std.double().square().mean()) > 0:
        raise InvalidInput("All activations are equal, so there is nothing to learn; choose another layer.")


def _started(
    spec: TopKSpec | ArchetypalSpec, stream: TokenStream, *, device: torch.device, on_iteration: Callable[[], None]
) -> Dictionary:
    """A dictionary with mean, scale and first weights."""
    dictionary = make_dictionary(spec, stream.width)
    dictionary.mean.copy_(stream.mean)
    dictionary.scale.fill_(float(stream.std.double().square().mean().sqrt()))
    dictionary.to(device)
    n_clusters = max(spec.n_concepts, getattr(spec, "n_candidates", 0))
    sample = sample_tokens(stream, max(_START_TOKENS, 8 * n_clusters), seed=spec.seed)
    generator = torch.Generator().manual_seed(spec.seed)
    inputs = dictionary.standardize(sample.to(device))
    dictionary.start_from(inputs, generator=generator, on_iteration=on_iteration)
    return dictionary.train()


def learning_rate_factor(done: float, *, warmup: float) -> float:
    """Factor on the peak learning rate after a share ``done`` of all tokens: linear rise, then cosine to 0.01."""
    if done < warmup:
        return done / warmup
    falling = (done - warmup) / max(1.0 - warmup, 1e-12)
    return _LAST_LR + (1.0 - _LAST_LR) * 0.5 * (1.0 + math.cos(math.pi * min(falling, 1.0)))


@dataclass
class _EpochSums:
    """Sums over one epoch, in double precision over batches."""

    tokens: int = 0
    loss: float = 0.0
    error: float = 0.0
    variance: float = 0.0
    active: int = 0

    @property
    def r2(self) -> float:
        return 1.0 - self.error / self.variance if self.variance > 0 else 0.0


class _Trainer:
    """The loop: one optimiser, one clock, one count of silent tokens."""

    def __init__(
        self, dictionary: Dictionary, stream: TokenStream, *, on_progress: Callable[[TrainingProgress], None]
    ) -> None:
        self.dictionary = dictionary
        self.spec = dictionary.spec
        self.stream = stream
        self.on_progress = on_progress
        groups = dictionary.parameter_groups()
        self.optimizer = torch.optim.Adam(groups, lr=self.spec.lr, fused=True)
        self.parameters = [p for group in groups for p in group["params"]]
        self.tokens_done = 0
        self.tokens_total = self.spec.epochs * stream.n_tokens
        self.lr = 0.0
        self._reported = time.monotonic()

    def run_epoch(self, epoch: int, *, held_out: TokenStream | None) -> EpochRecord:
        sums = _EpochSums()
        fired = torch.zeros(self.spec.n_concepts, dtype=torch.bool, device=self.dictionary.mean.device)
        for batch in checked_batches(self.stream, self.spec.batch_tokens, seed=self.spec.seed, epoch=epoch):
            fired |= self._step(batch.to(self.dictionary.mean.device), sums)
            self._report(epoch, sums)
        dead_share = 1.0 - float(fired.double().mean())
        self._check_alive(dead_share, epoch=epoch, loss=sums.loss)
        self.dictionary.settle()
        return EpochRecord(
            epoch=epoch,
            loss=sums.loss / sums.tokens,
            r2_train=sums.r2,
            r2_held_out=None if held_out is None else centred_r2(self.dictionary, held_out),
            dead_share_epoch=dead_share,
            l0=sums.active / sums.tokens,
            lr=self.lr,
        )

    def _step(self, batch: Float[Tensor, "b d"], sums: _EpochSums) -> Bool[Tensor, " K"]:
        """One update; returns which concepts fired."""
        self._set_learning_rate(len(batch))
        inputs = self.dictionary.standardize(batch)
        loss, error, found = self._loss(inputs)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.dictionary.project_gradients()
        clip_grad_norm_(self.parameters, self.spec.clip)
        self.optimizer.step()
        self.dictionary.project()
        sums.loss += float(loss.detach()) * len(inputs)
        sums.error += float(error) * inputs.numel()
        sums.variance += float(torch.dot(inputs.flatten(), inputs.flatten()))
        return self._account(found, sums)

    def _loss(self, inputs: Float[Tensor, "b d"]) -> tuple[Tensor, Tensor, Reconstruction]:
        """Loss to descend, the mean squared error in it, and what was reconstructed."""
        dictionary, spec = self.dictionary, self.spec
        atoms = dictionary.make_atoms()
        weight, bias = dictionary.encoder_weight, dictionary.encoder_bias
        found = reconstruct(inputs, weight, bias=bias, atoms=atoms, n_active=spec.n_active)
        loss = error = reconstruction_loss(inputs, found.output)
        dead = (dictionary.silent_tokens >= spec.dead_after_tokens).nonzero()[:, 0]
        if len(dead) and spec.aux_weight > 0:
            loss = loss + spec.aux_weight * auxiliary_loss(
                inputs,
                inputs - found.output,
                weight=weight[dead],
                bias=bias[dead],
                atoms=atoms[dead],
                n_active=spec.aux_active or max(dictionary.width // 2, 1),
            )
        return loss, error.detach(), found

    def _account(self, found: Reconstruction, sums: _EpochSums) -> Bool[Tensor, " K"]:
        """Count tokens and firing concepts; returns which concepts fired."""
        n_tokens = len(found.values)
        firing = found.values.detach() > 0
        fired = torch.zeros(self.spec.n_concepts, dtype=torch.bool, device=firing.device)
        fired[found.indices[firing]] = True
        self.dictionary.silent_tokens.add_(n_tokens).masked_fill_(fired, 0)
        self.tokens_done += n_tokens
        sums.tokens += n_tokens
        sums.active += int(firing.sum())
        return fired

    def _set_learning_rate(self, n_tokens: int) -> None:
        done = (self.tokens_done + 0.5 * n_tokens) / self.tokens_total
        self.lr = self.spec.lr * learning_rate_factor(done, warmup=self.spec.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * group["lr_factor"]

    def _report(self, epoch: int, sums: _EpochSums) -> None:
        now = time.monotonic()
        if now - self._reported < _REPORT_S and self.tokens_done < self.tokens_total:
            return
        self._reported = now
        dead = float((self.dictionary.silent_tokens >= self.spec.dead_after_tokens).double().mean())
        loss = sums.loss / sums.tokens
        self.on_progress(
            TrainingProgress(
                "train", self.tokens_done, self.tokens_total, epoch, loss=loss, r2=sums.r2, dead_share=dead
            )
        )

    def _check_alive(self, dead_share: float, *, epoch: int, loss: float) -> None:
        if math.isfinite(loss) and dead_share < 1.0:
            return
        what = "every concept is dead" if math.isfinite(loss) else "the loss is no finite number"
        raise InvalidInput(
            f"Training stopped in epoch {epoch}: {what}. Lower lr (now {self.spec.lr:g}), raise warmup (now "
            f"{self.spec.warmup:g}) or start from k-means."
        )


@torch.no_grad()
def centred_r2(dictionary: Dictionary, stream: TokenStream) -> float:
    """``1 - sum |x - x_hat|^2 / sum |x - mean|^2`` with the dictionary's mean vector, float64 sums."""
    error = variance = 0.0
    for batch in checked_batches(stream, dictionary.spec.batch_tokens, seed=0, epoch=0):
        tokens = batch.to(dictionary.mean)
        difference = tokens - dictionary.decode(dictionary.encode(tokens))
        error += float(difference.square().sum(dtype=torch.float64))
        variance += float((tokens - dictionary.mean).square().sum(dtype=torch.float64))
    return 1.0 - error / variance if variance > 0 else 0.0
