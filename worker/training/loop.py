"""The loop over epochs and batches: one pass of tokens feeds every dictionary."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from store.errors import InvalidInput
from store.methods import GradientSpec, TrainingSpec
from worker.dictionaries.alternating import AlternatingDictionary
from worker.dictionaries.base import TokenStream
from worker.dictionaries.learned import LearnedDictionary
from worker.dictionaries.registry import AnyDictionary, make_dictionary
from worker.dictionaries.tokens import checked_batches, sample_tokens
from worker.metrics.reconstruction import centred_r2
from worker.training.checkpoint import Checkpoints, Position
from worker.training.checks import check
from worker.training.learners import AlternatingLearner, GradientLearner, Learner
from worker.training.records import Trained, TrainingProgress

Listener = Callable[[TrainingProgress], None]

_REPORT_S = 0.5
_CHECKPOINT_S = 60.0
_START_TOKENS = 16_384  # tokens that k-means sees at most, or 8 per cluster where that is more


@dataclass(frozen=True)
class Making:
    """How dictionaries of a run are made from spec and width, and judged by R2 on held-out tokens after each epoch."""

    make: Callable[[Any, int], AnyDictionary] = make_dictionary
    held_out_r2: Callable[[Any, TokenStream], float] = centred_r2


_REGISTERED = Making()


def train(
    spec: TrainingSpec,
    stream: TokenStream,
    *,
    held_out: TokenStream | None = None,
    on_progress: Listener = lambda _: None,
    device: torch.device | str = "cpu",
    checkpoints: Checkpoints | None = None,
    making: Making = _REGISTERED,
) -> Trained:
    """Train one dictionary: ``train_together`` with one spec."""
    return train_together(
        [spec],
        stream,
        held_out=held_out,
        on_progress=on_progress,
        device=device,
        checkpoints=checkpoints,
        making=making,
    )[0]


def train_together(
    specs: Sequence[TrainingSpec],
    stream: TokenStream,
    *,
    held_out: TokenStream | None = None,
    on_progress: Listener = lambda _: None,
    device: torch.device | str = "cpu",
    checkpoints: Checkpoints | None = None,
    making: Making = _REGISTERED,
) -> list[Trained]:
    """Train several dictionaries on one pass of tokens; each becomes what it would have become alone, bit for bit.

    Equal spec, tokens and number of threads give equal weights. ``on_progress`` is called at least once a second as
    long as a step takes less; what it raises ends the training. With ``checkpoints`` the run is put aside once a
    minute, and when the listener ends it, and goes on from there as if it had never stopped.

    Raises ``InvalidInput``: specs that cannot share a pass, fewer tokens than concepts, NaN or infinite activations
    (says where), activations that never change, a run in which every concept dies, a checkpoint of another spec.
    """
    passes = {(spec.batch_tokens, spec.order_seed, spec.epochs, spec.tokens) for spec in specs}
    if len(passes) != 1:
        raise InvalidInput(
            "Dictionaries of one pass need equal batch_tokens, order_seed, epochs and tokens; given: "
            + "; ".join(", ".join(map(str, shared)) for shared in sorted(passes))
            + ". Train them one after the other."
        )
    device = torch.device(device)
    run = _Run(specs, stream, held_out=held_out, on_progress=on_progress, device=device, making=making)
    run.go(checkpoints)
    return [Trained(learner.dictionary.eval(), tuple(learner.history)) for learner in run.learners]


class _Run:
    """Learners, their place in the data, and the clocks for progress and checkpoints."""

    def __init__(
        self,
        specs: Sequence[TrainingSpec],
        stream: TokenStream,
        *,
        held_out: TokenStream | None,
        on_progress: Listener,
        device: torch.device,
        making: Making,
    ) -> None:
        self.spec = specs[0]
        self.making = making
        self.stream, self.held_out, self.on_progress = stream, held_out, on_progress
        self.tokens_total = self.spec.epochs * stream.n_tokens
        samples: dict[tuple[int, int], Tensor] = {}
        for spec in specs:
            check(spec, stream)
        self.learners = [self._learner(spec, samples, device=device) for spec in specs]
        for learner in self.learners:
            learner.held_out_r2 = making.held_out_r2
        self._reported = self._put_aside = time.monotonic()

    def go(self, checkpoints: Checkpoints | None) -> None:
        """Train to the end, from the last checkpoint where there is one."""
        position = (checkpoints.load(self.learners) if checkpoints else None) or Position(0, 0)
        for epoch in range(position.epoch, self.spec.epochs):
            done = position.batch if epoch == position.epoch else 0
            batches = checked_batches(self.stream, self.spec.batch_tokens, seed=self.spec.order_seed, epoch=epoch)
            for number, batch in enumerate(islice(batches, done, None), start=done + 1):
                for learner in self.learners:
                    learner.take(batch)
                try:
                    self._report(epoch)
                except BaseException:  # whoever listens ends the run: nothing of it is lost
                    if checkpoints:
                        self._save(checkpoints, Position(epoch, number))
                    raise
                if checkpoints and time.monotonic() - self._put_aside > _CHECKPOINT_S:
                    self._save(checkpoints, Position(epoch, number))
            for learner in self.learners:
                learner.end_epoch(epoch, held_out=self.held_out)
        if checkpoints:
            checkpoints.clear()

    def _save(self, checkpoints: Checkpoints, position: Position) -> None:
        checkpoints.save(self.learners, position)
        self._put_aside = time.monotonic()

    def _learner(self, spec: TrainingSpec, samples: dict[tuple[int, int], Tensor], *, device: torch.device) -> Learner:
        dictionary = self.making.make(spec, self.stream.width)
        n_clusters = max(getattr(spec, name, 0) for name in ("n_concepts", "n_candidates", "n_points"))
        wanted = (max(_START_TOKENS, 8 * n_clusters), spec.seed)
        if wanted not in samples:
            samples[wanted] = sample_tokens(self.stream, wanted[0], seed=spec.seed).to(device)
        limit = self._place(dictionary, samples[wanted], seed=spec.seed)
        if isinstance(dictionary, AlternatingDictionary):
            return AlternatingLearner(dictionary, tokens_total=self.tokens_total, norm_limit=limit)
        assert isinstance(spec, GradientSpec)
        companions = []
        for number in range(1, spec.n_mutual):
            companion = self.making.make(spec, self.stream.width)
            assert isinstance(companion, LearnedDictionary)
            self._place(companion, samples[wanted], seed=spec.seed + number)
            companions.append(companion)
        return GradientLearner(dictionary, companions=companions, tokens_total=self.tokens_total, norm_limit=limit)

    def _place(self, dictionary: AnyDictionary, sample: Float[Tensor, "m d"], *, seed: int) -> float:
        """Give a dictionary its mean, scale and first weights; returns the longest token to learn from."""
        dictionary.fit_standard(self.stream.mean, self.stream.std)
        dictionary.to(sample.device)
        if isinstance(dictionary, LearnedDictionary) and dictionary.whitening is not None:
            dictionary.fit_whitening((sample - dictionary.mean) / dictionary.scale)
        inputs = dictionary.standardize(sample)
        limit = math.inf
        if dictionary.spec.norm_limit:
            norms = inputs.norm(dim=1)
            limit = dictionary.spec.norm_limit * float(norms.median())
            inputs = inputs[norms <= limit]
        generator = torch.Generator().manual_seed(seed)
        starting = TrainingProgress("start", 0, self.tokens_total, 0)
        self.on_progress(starting)
        dictionary.start_from(inputs, generator=generator, on_iteration=lambda: self.on_progress(starting))
        dictionary.train()
        return limit

    def _report(self, epoch: int) -> None:
        now = time.monotonic()
        done = self.learners[0].tokens_done
        if now - self._reported < _REPORT_S and done < self.tokens_total:
            return
        self._reported = now
        sums = [learner.sums for learner in self.learners]
        self.on_progress(
            TrainingProgress(
                "train",
                done,
                self.tokens_total,
                epoch,
                loss=sum(one.mean_loss for one in sums) / len(sums),
                r2=sum(one.r2 for one in sums) / len(sums),
                dead_share=max(learner.dead_share for learner in self.learners),
            )
        )
