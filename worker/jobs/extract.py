"""Job: from a collection's photos to activations of one model at one layer."""

import hashlib
import logging
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from store.artifacts import Artifact, Artifacts, Draft, sha256_of
from store.collection import Collection, ImageRow
from store.errors import Damaged, InvalidInput
from store.grid import Window
from store.specs import ExtractionSpec
from store.version import VERSION
from store.vocabulary import Kind, Split
from worker.activations import GEOMETRY, STATISTICS, Shard, StoredGeometry, load_tensors, shard_name
from worker.images.decode import decode, read
from worker.images.fit import fit, normalise
from worker.images.loader import in_order
from worker.jobs.requests import activations_inputs
from worker.models.base import VisionModel
from worker.moments import Moments, merge
from worker.progress import OnProgress, silent

log = logging.getLogger(__name__)

_MADE_BY = ".made-by"  # hidden files of a draft are not published
_BATCH = {"cpu": 8, "cuda": 64}  # a fixed size per device: another size gives other last bits
_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class _Task:
    """One extraction."""

    spec: ExtractionSpec
    model: VisionModel
    collection: Collection
    folder: Path
    window: Window
    device: torch.device
    n_threads: int | None

    @property
    def n_shards(self) -> int:
        return -(-len(self.collection.images) // self.spec.images_per_shard)

    @property
    def batch_images(self) -> int:
        return _BATCH.get(self.device.type, _BATCH["cpu"])

    def rows(self, shard: int) -> Sequence[ImageRow]:
        """The images of a shard."""
        size = self.spec.images_per_shard
        return self.collection.images[shard * size : (shard + 1) * size]


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

    ``folder`` is where the collection's photos lie now. Photos are read, fitted and decoded by ``n_threads`` threads
    while the model works. Interrupted, finished shards stay and the next run goes on with the others: the digest is
    the same. Raises ``NotFound`` (layer), ``Damaged`` naming a photo that vanished or changed, ``InvalidInput``
    naming model, layer and image of a value that is no number or does not fit the dtype.
    """
    model.check_layer(spec.layer)
    inputs = activations_inputs(collection.artifact)
    built = artifacts.find(Kind.ACTIVATIONS, spec, inputs=inputs)
    if built is not None:
        return built
    window = model.window(spec.height_px, spec.width_px, fit=spec.fit)
    task = _Task(spec, model, collection, folder, window, torch.device(device), n_threads)
    with artifacts.draft(Kind.ACTIVATIONS, spec, inputs=inputs) as draft:
        if draft.found is not None:
            return draft.found
        _write_shards(task, draft, on_progress=on_progress)
        _write_summary(task, draft)
        total = len(collection.images)
        on_progress(total, total, "publishing")
        return artifacts.publish(draft)


def _write_shards(task: _Task, draft: Draft, *, on_progress: OnProgress) -> None:
    missing = _missing_shards(task, draft, on_progress=on_progress)
    total = len(task.collection.images)
    done = total - sum(len(task.rows(shard)) for shard in missing)
    on_progress(done, total, f"{done} images from an earlier run" if done else "starting")
    wanted = (row for shard in missing for row in task.rows(shard))
    with closing(
        in_order(lambda row: _load(task, row), wanted, n_threads=task.n_threads, ahead=4 * task.batch_images)
    ) as pictures:
        for shard in missing:
            rows = task.rows(shard)
            parts, moments = [], []
            for start in range(0, len(rows), task.batch_images):
                batch = rows[start : start + task.batch_images]
                part = _forward(task, batch, pictures=list(islice(pictures, len(batch))))
                parts.append(part)
                moments.append(_train_moments(batch, part))
                done += len(batch)
                on_progress(done, total, f"shard {shard + 1} of {task.n_shards}")
            _save_shard(draft.path / shard_name(shard), parts, merge(moments, parts[0].patches.shape[-1]))


def _load(task: _Task, row: ImageRow) -> UInt8[np.ndarray, "H W 3"]:
    """A photo as the model's window sees it; raises ``Damaged`` if it is not what was ingested."""
    remedy = f"Put it back, or ingest '{task.folder}' again."
    path = task.folder / row.source
    if not path.exists():
        raise Damaged(f"The photo '{row.source}' of the collection is missing in '{task.folder}'. {remedy}")
    limits = task.collection.spec
    content = read(path, max_bytes=limits["max_bytes"])
    if not hashlib.sha256(content).hexdigest().startswith(row.id):
        raise Damaged(f"The photo '{row.source}' in '{task.folder}' has changed since it was ingested. {remedy}")
    image = decode(content, max_pixels=limits["max_pixels"], max_bytes=limits["max_bytes"], name=row.source)
    return fit(image, task.window, task.model.preprocessing.interpolation)


@torch.inference_mode()
def _forward(task: _Task, rows: Sequence[ImageRow], *, pictures: list[UInt8[np.ndarray, "H W 3"]]) -> Shard:
    preprocessing = task.model.preprocessing
    pixels = torch.from_numpy(np.stack(pictures)).to(task.device)
    images = normalise(pixels, mean=preprocessing.mean, std=preprocessing.std)
    found = task.model.activations(images, task.spec.layer)
    dtype = _DTYPES[task.spec.dtype]
    for tokens in (found.patches, found.prefix):
        _check_range(task, rows, tokens)
    return Shard(
        torch.tensor([row.image for row in rows], dtype=torch.int32),
        found.patches.flatten(1, 2).to(dtype).cpu().contiguous(),
        found.prefix.to(dtype).cpu().contiguous(),
    )


def _check_range(task: _Task, rows: Sequence[ImageRow], tokens: Tensor) -> None:
    """Refuse values that are no numbers, or that become infinite in the dtype of the shards."""
    if not tokens.numel():
        return
    low, high = (float(bound) for bound in torch.aminmax(tokens.float()))
    largest = torch.finfo(_DTYPES[task.spec.dtype]).max
    if -largest <= low and high <= largest:  # false for NaN, too
        return
    fits = (tokens.float().abs() <= largest).flatten(1).all(dim=1)
    source = rows[int((~fits).nonzero()[0])].source
    where = f"{task.model.name} at layer '{task.spec.layer}' gives {{}} for the photo '{source}'"
    if np.isfinite(low) and np.isfinite(high):
        raise InvalidInput(
            f"{where.format(f'values up to {max(-low, high):.3g}')}, above the {largest:.0f} of {task.spec.dtype}: "
            "use bfloat16."
        )
    raise InvalidInput(f"{where.format('values that are no numbers')}. Check the weights, or choose an earlier layer.")


def _train_moments(rows: Sequence[ImageRow], part: Shard) -> Moments:
    """Moments of the patches, as they are stored, of training images."""
    train = torch.tensor([row.split is Split.TRAIN for row in rows])
    patches = part.patches if bool(train.all()) else part.patches[train]
    return Moments.of(patches.flatten(0, 1))


def _save_shard(path: Path, parts: Sequence[Shard], moments: Moments) -> None:
    """Write a shard beside its place, then move it there; its checksum stands in a hidden file for the next run."""
    from safetensors.torch import save_file

    fresh = path.with_name(f".{path.name}.new")
    tensors = {
        "image": torch.cat([part.images for part in parts]),
        "patches": torch.cat([part.patches for part in parts]),
        "prefix": torch.cat([part.prefix for part in parts]),
        "train_n": torch.tensor([moments.n], dtype=torch.int64),
        "train_mean": moments.mean,
        "train_m2": moments.m2,
    }
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


def _missing_shards(task: _Task, draft: Draft, *, on_progress: OnProgress) -> list[int]:
    """Shards that no earlier run of the same program on the same kind of device has finished."""
    program = f"{VERSION} torch {torch.__version__} {task.device.type} {platform.machine()}"
    made_by = f"{program} weights {task.model.weights_sha256}"
    note = draft.path / _MADE_BY
    if not note.exists() or note.read_text() != made_by:
        draft.clear()  # shards of another program differ in their last bits, those of other weights altogether
        note.write_text(made_by)
    missing, total = [], len(task.collection.images)
    for shard in range(task.n_shards):
        path = draft.path / shard_name(shard)
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


def _stored_moments(task: _Task, draft: Draft) -> Iterator[Moments]:
    for shard in range(task.n_shards):
        tensors = load_tensors(draft.path / shard_name(shard))
        yield Moments(int(tensors["train_n"]), tensors["train_mean"], tensors["train_m2"])


def _write_summary(task: _Task, draft: Draft) -> None:
    from safetensors.torch import save_file

    geometry = task.model.geometry(task.spec.layer, task.window)
    moments = merge(_stored_moments(task, draft), geometry.width)
    if moments.n == 0:
        raise InvalidInput(
            f"None of the {len(task.collection.images)} images of '{task.collection.spec['slug']}' trains: "
            "lower the held-out share."
        )
    save_file({"mean": moments.mean, "std": moments.std, "n": torch.tensor([moments.n])}, draft.path / STATISTICS)
    stored = StoredGeometry(
        model=task.model.name,
        layer=task.spec.layer,
        weights_sha256=task.model.weights_sha256,
        grid_rows=geometry.grid.rows,
        grid_cols=geometry.grid.cols,
        width=geometry.width,
        n_class=geometry.n_class,
        n_register=geometry.n_register,
        height_px=task.window.height_px,
        width_px=task.window.width_px,
        fit=task.window.fit,
        crop_ratio=task.window.crop_ratio,
        dtype=task.spec.dtype,
        n_images=len(task.collection.images),
        images_per_shard=task.spec.images_per_shard,
    )
    (draft.path / GEOMETRY).write_text(stored.model_dump_json(indent=1))
