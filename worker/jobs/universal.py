"""The universal job: activations of several models become one dictionary, with its history and its metrics."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from store.artifacts import Artifact, Artifacts
from store.collection import Collection
from store.universal import UniversalSpec
from store.vocabulary import Kind, Split
from worker.activations import ActivationStore, TokenStream
from worker.jobs.requests import universal_inputs
from worker.jobs.train import HISTORY, METRICS, Progress
from worker.training.checkpoint import Checkpoints
from worker.training.loop import Listener
from worker.training.records import TrainingProgress
from worker.universal.files import describe, save_universal
from worker.universal.judging import judge_universal
from worker.universal.pairing import PairedStore, parts_of
from worker.universal.references import Alone, independent_spec, train_alone
from worker.universal.training import train_universal

STREAMS = "streams.json"
_CHECKPOINT = ".checkpoint"  # hidden files of a draft are not published


def build_universal(
    spec: UniversalSpec,
    stores: Sequence[ActivationStore],
    *,
    collection: Collection,
    artifacts: Artifacts,
    device: torch.device,
    on_progress: Progress,
) -> Artifact:
    """Train on the train split and judge on the held-out one, or find what has been built.

    A run that was cut off goes on from its last checkpoint. Raises ``InvalidInput`` for streams that cannot be paired.
    """
    paired = PairedStore(stores, collection, rows=spec.grid_rows, cols=spec.grid_cols)
    inputs = universal_inputs([store.artifact for store in stores], collection=collection.digest)
    with artifacts.draft(Kind.UNIVERSAL, spec, inputs=inputs) as draft:
        if draft.found is None:
            _fill(spec, paired, draft.path, device=device, on_progress=on_progress)
        return artifacts.publish(draft)


def load_facts(artifact: Artifact) -> dict[str, Any]:
    """Training history and metrics of a universal dictionary, as they were written."""
    return {name.removesuffix(".json"): json.loads(artifact.file(name).read_text()) for name in (HISTORY, METRICS)}


def _fill(
    spec: UniversalSpec, paired: PairedStore, folder: Path, *, device: torch.device, on_progress: Progress
) -> None:
    on_progress(0, 1, "streams: reading activations")
    stream, held_out = paired.stream(Split.TRAIN), paired.stream(Split.HELD_OUT)
    checkpoint = folder / _CHECKPOINT
    checkpoint.mkdir(parents=True, exist_ok=True)

    def tell(what: str, state: TrainingProgress) -> None:
        r2 = "" if state.r2 is None else f", mean R2 {state.r2:.3f}"
        on_progress(state.tokens_done, state.tokens_total, f"places: {what}, epoch {state.epoch + 1}/{spec.epochs}{r2}")

    trained = train_universal(
        spec,
        stream,
        widths=paired.widths,
        held_out=held_out,
        device=device,
        on_progress=partial(tell, "all streams"),
        checkpoints=Checkpoints([checkpoint]),
    )
    alone = None
    if spec.references:
        single = partial(tell, "single streams")
        alone = _alone(spec, stream, held_out, widths=paired.widths, device=device, tell=single)
    judged = judge_universal(
        trained.dictionary,
        held_out,
        train=stream,
        alone=alone,
        seed=spec.seed,
        on_progress=on_progress,
    )
    save_universal(trained.dictionary, describe(spec, paired), folder)
    _write(folder / HISTORY, [record.as_json() for record in trained.history])
    _write(folder / METRICS, judged.metrics)
    _write(folder / STREAMS, {"names": list(paired.names), **judged.by_stream()})


def _alone(
    spec: UniversalSpec,
    stream: TokenStream,
    held_out: TokenStream,
    *,
    widths: Sequence[int],
    device: torch.device,
    tell: Listener,
) -> list[Alone]:
    """Dictionaries of the same size, each of one stream alone."""
    parts = parts_of(widths)
    return train_alone(independent_spec(spec), stream, held_out, parts=parts, device=device, on_progress=tell)


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, sort_keys=True, indent=1, allow_nan=False))
