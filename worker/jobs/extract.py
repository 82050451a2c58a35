"""Job: from a collection's photos to activations of one model at one layer."""

import torch

from store.artifacts import Artifact, Artifacts, Draft
from store.errors import InvalidInput
from store.vocabulary import Kind
from worker.activations import GEOMETRY, STATISTICS
from worker.extraction import Extraction
from worker.jobs.requests import activations_inputs
from worker.moments import merge
from worker.progress import OnProgress, silent
from worker.shard_files import ShardFiles
from worker.sharing import AllMine, Parts, make_all

_MADE_BY = ".made-by"  # hidden files of a draft are not published


def extract(
    task: Extraction, artifacts: Artifacts, *, parts: Parts | None = None, on_progress: OnProgress = silent
) -> Artifact:
    """Tokens of every image of a collection, in shards, with mean and standard deviation over training patches.

    With ``spec.stored`` false there are no shards: only the statistics and the geometry are published, and the tokens
    are made anew whenever they are read. ``parts`` lets other workers make some of the shards. Interrupted, finished
    shards stay and the next run goes on with the others: the digest is the same. Raises ``NotFound`` (layer), and what
    ``Extraction`` raises.
    """
    spec, collection = task.spec, task.collection
    task.check()
    inputs = activations_inputs(collection.artifact)
    built = artifacts.find(Kind.ACTIVATIONS, spec, inputs=inputs)
    if built is not None:
        return built
    with artifacts.draft(Kind.ACTIVATIONS, spec, inputs=inputs) as draft:
        if draft.found is not None:
            return draft.found
        files = ShardFiles(task, draft.path)
        missing = _missing(files, draft, on_progress=on_progress)
        shared = artifacts.shared_draft(Kind.ACTIVATIONS, spec, inputs=inputs)
        make_all(files, parts or AllMine(), shared, missing, tell=on_progress)
        _write_summary(files)
        total = len(collection.images)
        on_progress(total, total, "images: publishing")
        return artifacts.publish(draft)


def _missing(files: ShardFiles, draft: Draft, *, on_progress: OnProgress) -> list[int]:
    """Shards that no earlier run of the same program on the same kind of device has finished."""
    note = draft.path / _MADE_BY
    if not note.exists() or note.read_text() != files.program:
        draft.clear()
        note.write_text(files.program)
    missing, total = [], files.task.n_shards
    for shard in range(total):
        if files.path(shard).exists():
            on_progress(shard, total, "shards of an earlier run are checked")
        if not files.is_whole(shard):
            missing.append(shard)
    return missing


def _write_summary(files: ShardFiles) -> None:
    from safetensors.torch import save_file

    task = files.task
    moments = merge(files.moments(), task.geometry.width)
    if moments.n == 0:
        raise InvalidInput(
            f"None of the {len(task.collection.images)} images of '{task.collection.spec['slug']}' trains: "
            "lower the held-out share."
        )
    statistics = {"mean": moments.mean, "std": moments.std, "n": torch.tensor([moments.n])}
    save_file(statistics, files.folder / STATISTICS)
    (files.folder / GEOMETRY).write_text(task.geometry.model_dump_json(indent=1))
