"""Job: from a collection's photos to activations of one model at one layer."""

import logging
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import torch

from store.artifacts import Artifact, Artifacts, Draft, sha256_of
from store.collection import Collection, ImageRow
from store.errors import InvalidInput
from store.specs import ExtractionSpec
from store.version import VERSION
from store.vocabulary import Kind, Split
from worker.activations import GEOMETRY, STATISTICS
from worker.extraction import Extraction, joined
from worker.jobs.requests import activations_inputs
from worker.models.base import VisionModel
from worker.moments import Moments, merge
from worker.progress import OnProgress, silent
from worker.shards import Shard, load_tensors, shard_name

log = logging.getLogger(__name__)

_MADE_BY = ".made-by"  # hidden files of a draft are not published


def extract(
    spec: ExtractionSpec,
    model: VisionModel,
    collection: Collection,
    folder: Path,
    artifacts: Artifacts,
    *,
    device: torch.device | str = "cpu",
    n_threads: int | None = None,
    on_progress: OnProgress = silent,
) -> Artifact:
    """Tokens of every image of a collection, in shards, with mean and standard deviation over training patches.

    With ``spec.stored`` false there are no shards: only the statistics and the geometry are published, and the tokens
    are made anew whenever they are read. ``folder`` is where the collection's photos lie now. Interrupted, finished
    shards stay and the next run goes on with the others: the digest is the same. Raises ``NotFound`` (layer), and what
    ``Extraction`` raises.
    """
    task = Extraction(spec, model, collection, folder, torch.device(device), n_threads)
    task.check()
    inputs = activations_inputs(collection.artifact)
    built = artifacts.find(Kind.ACTIVATIONS, spec, inputs=inputs)
    if built is not None:
        return built
    with artifacts.draft(Kind.ACTIVATIONS, spec, inputs=inputs) as draft:
        if draft.found is not None:
            return draft.found
        _write_shards(task, draft, on_progress=on_progress)
        _write_summary(task, draft)
        total = len(collection.images)
        on_progress(total, total, "publishing")
        return artifacts.publish(draft)


def _write_shards(task: Extraction, draft: Draft, *, on_progress: OnProgress) -> None:
    missing = _missing_shards(task, draft, on_progress=on_progress)
    total = len(task.collection.images)
    done = total - sum(len(task.rows(shard)) for shard in missing)
    on_progress(done, total, f"{done} images from an earlier run" if done else "starting")
    parts: list[Shard] = []
    moments: list[Moments] = []
    with closing(task.batches(missing)) as batches:
        for shard, rows, part in batches:
            parts.append(part)
            moments.append(_train_moments(rows, part))
            done += len(rows)
            on_progress(done, total, f"shard {shard + 1} of {task.n_shards}")
            if sum(len(one.images) for one in parts) == len(task.rows(shard)):
                summed = merge(moments, part.patches.shape[-1])
                _save_shard(_shard_path(task, draft, shard), joined(parts), summed, stored=task.spec.stored)
                parts.clear()
                moments.clear()


def _train_moments(rows: Sequence[ImageRow], part: Shard) -> Moments:
    """Moments of the patches, as they are stored, of training images."""
    train = torch.tensor([row.split is Split.TRAIN for row in rows])
    patches = part.patches if bool(train.all()) else part.patches[train]
    return Moments.of(patches.flatten(0, 1))


def _shard_path(task: Extraction, draft: Draft, shard: int) -> Path:
    """Where a finished shard stands: hidden where it is not to be published and holds moments alone."""
    return draft.path / (shard_name(shard) if task.spec.stored else f".{shard_name(shard)}")


def _save_shard(path: Path, shard: Shard, moments: Moments, *, stored: bool) -> None:
    """Write a shard beside its place, then move it there; its checksum stands in a hidden file for the next run."""
    from safetensors.torch import save_file

    fresh = path.with_name(f".{path.name}.new")
    tensors = {
        "image": shard.images,
        "train_n": torch.tensor([moments.n], dtype=torch.int64),
        "train_mean": moments.mean,
        "train_m2": moments.m2,
    }
    if stored:
        tensors |= {"patches": shard.patches, "prefix": shard.prefix}
    save_file(tensors, fresh)
    _sync(fresh)
    _sum_path(path).write_text(sha256_of(fresh))
    _sync(_sum_path(path))
    fresh.replace(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sum_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")


def _missing_shards(task: Extraction, draft: Draft, *, on_progress: OnProgress) -> list[int]:
    """Shards that no earlier run of the same program on the same kind of device has finished."""
    program = f"{VERSION} torch {torch.__version__} {task.device.type} {platform.machine()}"
    made_by = f"{program} weights {task.model.weights_sha256}"
    note = draft.path / _MADE_BY
    if not note.exists() or note.read_text() != made_by:
        draft.clear()  # shards of another program differ in their last bits, those of other weights altogether
        note.write_text(made_by)
    missing, total = [], len(task.collection.images)
    for shard in range(task.n_shards):
        path = _shard_path(task, draft, shard)
        if path.exists():
            on_progress(min(shard * task.spec.images_per_shard, total), total, "checking shards of an earlier run")
        if not _is_whole(path, task.rows(shard)):
            missing.append(shard)
    return missing


def _is_whole(path: Path, rows: Sequence[ImageRow]) -> bool:
    sums = _sum_path(path)
    if not path.exists() or not sums.exists():
        return False
    if sums.read_text() != sha256_of(path):
        log.warning("%s of an earlier run is damaged and is made again", path.name)
        return False
    return load_tensors(path)["image"].tolist() == [row.image for row in rows]


def _stored_moments(task: Extraction, draft: Draft) -> Iterator[Moments]:
    for shard in range(task.n_shards):
        tensors = load_tensors(_shard_path(task, draft, shard))
        yield Moments(int(tensors["train_n"]), tensors["train_mean"], tensors["train_m2"])


def _write_summary(task: Extraction, draft: Draft) -> None:
    from safetensors.torch import save_file

    moments = merge(_stored_moments(task, draft), task.geometry.width)
    if moments.n == 0:
        raise InvalidInput(
            f"None of the {len(task.collection.images)} images of '{task.collection.spec['slug']}' trains: "
            "lower the held-out share."
        )
    save_file({"mean": moments.mean, "std": moments.std, "n": torch.tensor([moments.n])}, draft.path / STATISTICS)
    (draft.path / GEOMETRY).write_text(task.geometry.model_dump_json(indent=1))
