"""The train job: activations become dictionaries, each with its history and its metrics on held-out images."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from store.artifacts import Artifact, Artifacts, Draft
from store.collection import Collection
from store.errors import InvalidInput
from store.methods import AnyDictionarySpec
from store.vocabulary import Kind, Split, Tokens
from worker.activations import ActivationStore, TokenStream
from worker.dictionaries.files import save_dictionary
from worker.jobs.requests import dictionary_inputs
from worker.metrics.evaluate import judge
from worker.metrics.images import ImageContext
from worker.models.base import LinearHead
from worker.training import team
from worker.training.checkpoint import Checkpoints
from worker.training.loop import train_together
from worker.training.records import Trained, TrainingProgress

HISTORY, METRICS, DENSITIES = "history.json", "metrics.json", "density_histogram.json"
_CHECKPOINT = ".checkpoint"  # hidden files of a draft are not published
Progress = Callable[[int, int, str], None]


def train_dictionaries(
    specs: Sequence[AnyDictionarySpec],
    activations: ActivationStore,
    *,
    collection: Collection,
    artifacts: Artifacts,
    device: torch.device,
    on_progress: Progress,
    head: LinearHead | None = None,
) -> list[Artifact]:
    """Train on the train split and judge on the held-out one, or find what has been built.

    ``head`` is what follows the layer, for the metrics that need it.

    Specs that can share a pass over the tokens do. A run that was cut off goes on from its last checkpoint, which
    stands in the drafts of its dictionaries.
    """
    inputs = dictionary_inputs(activations.artifact)
    task = _Task(activations, collection, device, on_progress, head)
    for group in _groups(spec for spec in specs if artifacts.find(Kind.DICTIONARY, spec, inputs=inputs) is None):
        if team.rank() > 0:
            streams = task.streams(group[0].tokens)
            _trained(task, group, partial(_draft_paths, artifacts, group, inputs), streams=streams)
            continue
        with ExitStack() as stack:
            drafts = [stack.enter_context(artifacts.draft(Kind.DICTIONARY, spec, inputs=inputs)) for spec in group]
            missing = [number for number, draft in enumerate(drafts) if draft.found is None or team.size() > 1]
            if missing:
                _build(task, [group[number] for number in missing], [drafts[number] for number in missing])
            for number in missing:
                artifacts.publish(drafts[number])
    with team.first_alone():
        pass
    built = [artifacts.find(Kind.DICTIONARY, spec, inputs=inputs) for spec in specs]
    return [artifact for artifact in built if artifact is not None]


def load_facts(artifact: Artifact) -> dict[str, Any]:
    """Training history, metrics and histogram of densities of a dictionary, as they were written."""
    names = (HISTORY, METRICS, DENSITIES)
    return {name.removesuffix(".json"): json.loads(artifact.file(name).read_text()) for name in names}


def _draft_paths(artifacts: Artifacts, specs: Sequence[AnyDictionarySpec], inputs: Mapping[str, str]) -> list[Path]:
    return [artifacts.draft_path(Kind.DICTIONARY, spec, inputs=inputs) for spec in specs]


def _groups(specs: Any) -> list[list[AnyDictionarySpec]]:
    """Distinct specs in groups that share a pass."""
    groups: dict[tuple[object, ...], dict[str, AnyDictionarySpec]] = {}
    for spec in specs:
        shared = (spec.batch_tokens, spec.order_seed, spec.epochs, spec.tokens)
        groups.setdefault(shared, {})[spec.digest] = spec
    return [list(group.values()) for group in groups.values()]


def learning_stream(activations: ActivationStore, collection: Collection, *, tokens: Tokens) -> TokenStream:
    """The tokens of the images that dictionaries learn from."""
    return activations.stream(collection.split_images(Split.TRAIN), tokens=tokens)


def judging_stream(activations: ActivationStore, collection: Collection, *, tokens: Tokens) -> TokenStream:
    """The tokens of the images that only judge; raises ``InvalidInput`` when there are none."""
    images = collection.split_images(Split.HELD_OUT)
    if not images:
        raise InvalidInput(
            f"The collection '{collection.spec['slug']}' has no held-out image to judge by; "
            "ingest more photos or raise --held-out."
        )
    return activations.stream(images, tokens=tokens)


@dataclass(frozen=True)
class _Task:
    """What all groups of a run share."""

    activations: ActivationStore
    collection: Collection
    device: torch.device
    on_progress: Progress
    head: LinearHead | None

    def images(self, tokens: Tokens) -> ImageContext:
        """The images of both splits, with their classes."""
        of = self.collection
        splits = of.split_images(Split.TRAIN), of.split_images(Split.HELD_OUT)
        return ImageContext.of_store(self.activations, splits=splits, classes=of.class_places()[1], tokens=tokens)

    def streams(self, tokens: Tokens) -> tuple[TokenStream, TokenStream]:
        """What is learned from, and what judges."""
        of = learning_stream, judging_stream
        learn, judge = (stream(self.activations, self.collection, tokens=tokens) for stream in of)
        return learn, judge


def _trained(
    task: _Task,
    specs: Sequence[AnyDictionarySpec],
    find_drafts: Callable[[], Sequence[Path]],
    *,
    streams: tuple[TokenStream, TokenStream],
) -> list[Trained]:
    stream, held_out = streams
    with team.first_alone():  # the others look when the first one has its drafts
        folders = [draft / _CHECKPOINT for draft in find_drafts()]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
    told = _told(task.on_progress, specs[0].epochs)
    return train_together(
        specs,
        stream,
        held_out=held_out,
        device=task.device,
        on_progress=told,
        checkpoints=Checkpoints(folders),
    )


def _build(task: _Task, specs: Sequence[AnyDictionarySpec], drafts: Sequence[Draft]) -> None:
    stream, held_out = streams = task.streams(specs[0].tokens)
    trained = _trained(task, specs, lambda: [draft.path for draft in drafts], streams=streams)
    images = task.images(specs[0].tokens)
    for number, (one, draft) in enumerate(zip(trained, drafts, strict=True)):
        task.on_progress(number, len(drafts), "dictionaries judged on held-out images")
        seed = one.dictionary.spec.seed
        judged = judge(one.dictionary, held_out, train=stream, images=images, head=task.head, seed=seed)
        save_dictionary(one.dictionary, draft.path)
        _write(draft.path / HISTORY, [record.as_json() for record in one.history])
        _write(draft.path / METRICS, judged.metrics)
        _write(draft.path / DENSITIES, judged.density_histogram)


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
