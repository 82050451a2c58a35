"""Training of a universal dictionary: the trainer of all dictionaries, on paired tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch

from store.universal import FREE, UniversalSpec
from worker.dictionaries.base import TokenStream
from worker.training.checkpoint import Checkpoints
from worker.training.loop import Listener, Making, train
from worker.training.records import EpochRecord
from worker.universal.archetypal import ArchetypalUniversalDictionary
from worker.universal.crossing import mean_cross_r2
from worker.universal.dictionary import UniversalDictionary
from worker.universal.published import PublishedUniversalDictionary


@dataclass(frozen=True)
class TrainedUniversal:
    """A universal dictionary in evaluation mode, and its history; R2 there is the mean over all pairs of streams."""

    dictionary: UniversalDictionary
    history: tuple[EpochRecord, ...]


def make_universal(spec: UniversalSpec, widths: Sequence[int]) -> UniversalDictionary:
    """An empty universal dictionary for streams of these widths."""
    kind = UniversalDictionary
    if spec.procedure == "published":
        kind = PublishedUniversalDictionary
    elif spec.relaxation < FREE:
        kind = ArchetypalUniversalDictionary
    return kind(spec, widths)


def train_universal(
    spec: UniversalSpec,
    stream: TokenStream,
    *,
    widths: Sequence[int],
    held_out: TokenStream | None = None,
    on_progress: Listener = lambda _: None,
    device: torch.device | str = "cpu",
    checkpoints: Checkpoints | None = None,
) -> TrainedUniversal:
    """Train on paired tokens ``[x_1 .. x_M]``; equal specs, tokens and threads give equal weights.

    Checkpoints, progress and errors are those of ``worker.training.loop.train_together``.
    """
    making = Making(lambda spec, _: make_universal(spec, widths), mean_cross_r2)
    trained = train(
        spec,
        stream,
        held_out=held_out,
        on_progress=on_progress,
        device=device,
        checkpoints=checkpoints,
        making=making,
    )
    return TrainedUniversal(cast(UniversalDictionary, trained.dictionary), trained.history)
