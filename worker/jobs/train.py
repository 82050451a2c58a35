"""The train job: activations become a dictionary, with its history and its metrics on held-out images."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from store.artifacts import Artifact, Artifacts
from store.collection import Collection
from store.errors import InvalidInput
from store.methods import DictionarySpec
from store.vocabulary import Kind, Split
from worker.activations import ActivationStore
from worker.dictionaries.files import save_dictionary
from worker.evaluation import evaluate
from worker.jobs.requests import dictionary_inputs
from worker.training.loop import train
from worker.training.records import TrainingProgress

HISTORY, METRICS = "history.json", "metrics.json"
Progress = Callable[[int, int, str], None]


def train_dictionary(
    spec: DictionarySpec,
    activations: ActivationStore,
    *,
    collection: Collection,
    artifacts: Artifacts,
    device: torch.device,
    on_progress: Progress,
) -> Artifact:
    """Train on the train split and judge on the held-out one, or find the result when it has been built."""
    inputs = dictionary_inputs(activations.artifact)
    found = artifacts.find(Kind.DICTIONARY, spec, inputs=inputs)
    if found is not None:
        return found
    with artifacts.draft(Kind.DICTIONARY, spec, inputs=inputs) as draft:
        draft.clear()
        learn, judge = (_images(collection, split) for split in (Split.TRAIN, Split.HELD_OUT))
        if not judge:
            raise InvalidInput(
                f"The collection '{collection.spec['slug']}' has no held-out image to judge by; "
                "ingest more photos or raise --held-out."
            )
        stream, held_out = activations.stream(learn), activations.stream(judge)
        trained = train(spec, stream, held_out=held_out, device=device, on_progress=_told(on_progress, spec.epochs))
        save_dictionary(trained.dictionary, draft.path)
        on_progress(0, 1, "judging on held-out images")
        _write(draft.path / HISTORY, [record.as_json() for record in trained.history])
        _write(draft.path / METRICS, evaluate(trained.dictionary, held_out, train=stream, seed=spec.seed))
        return artifacts.publish(draft)


def load_facts(artifact: Artifact) -> dict[str, Any]:
    """Training history and metrics of a dictionary, as they were written."""
    return {name.removesuffix(".json"): json.loads(artifact.file(name).read_text()) for name in (HISTORY, METRICS)}


def _images(collection: Collection, split: Split) -> list[int]:
    return [row.image for row in collection.images if row.split is split]


def _told(on_progress: Progress, epochs: int) -> Callable[[TrainingProgress], None]:
    """Translate the trainer's progress; the note carries what tells whether training goes well."""

    def tell(state: TrainingProgress) -> None:
        if state.phase == "start" or state.r2 is None or state.dead_share is None:
            on_progress(0, state.tokens_total, "tokens: placing the first atoms")
            return
        note = f"tokens: epoch {state.epoch + 1}/{epochs}, R2 {state.r2:.3f}, dead {state.dead_share:.1%}"
        on_progress(state.tokens_done, state.tokens_total, note)

    return tell


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, sort_keys=True, indent=1, allow_nan=False))
