"""Real worker processes for tests, and a small pipeline for them: drawn photos, a small network, one dictionary."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import SecretStr
from safetensors.torch import save_file

from store.artifacts import Artifacts, open_artifacts, sha256_of
from store.catalog.jobs import find_job, submit_job
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.jobs import AnyJob, IndexJob, IngestJob, Member, NamedDictionary, PipelineJob, TrainJob, UniversalJob
from store.methods import TopKSpec
from store.settings import Settings
from store.specs import AtlasSpec, CollectionSpec, ExtractionSpec
from store.universal import UniversalSpec
from store.vocabulary import Fit, JobState, Kind
from tests.tiny import drawn_images
from worker.models.torchvision_cpu import import_timm

MODEL = "timm/test_resnet"
PATIENCE_S = 120.0
_PLACES = ("database_url", "artifacts_url", "s3_endpoint", "s3_access_key", "s3_secret_key", "s3_region")


def draw_photos(folder: Path, *, n: int) -> None:
    """Distinct small photos in two classes."""
    rng = np.random.default_rng(0)
    pictures = drawn_images(96, 128)
    for i in range(n):
        shifted = np.roll(pictures[i % 8], int(rng.integers(0, 60)), axis=1).astype(np.int16) + rng.integers(-20, 20, 3)
        (folder / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(shifted.clip(0, 255).astype(np.uint8)).save(folder / "ab"[i % 2] / f"{i:03}.png")


@dataclass(frozen=True)
class Inputs:
    """What the jobs of a test read; made once, shared by many stores."""

    photos: Path
    weights: Path

    @classmethod
    def draw(cls, folder: Path, *, n: int = 48) -> "Inputs":
        """Photos and weights below a folder."""
        inputs = cls(folder / "photos", folder / "weights.safetensors")
        draw_photos(inputs.photos, n=n)
        net = import_timm().create_model("test_resnet", pretrained=False)
        save_file({k: v.contiguous() for k, v in net.state_dict().items()}, inputs.weights)
        return inputs

    def ingest(self, slug: str = "drawn") -> IngestJob:
        """The photos as a collection."""
        return IngestJob(folder=self.photos, collection=CollectionSpec(slug=slug, title="Drawn", held_out=0.25))

    def extraction(self, *, images_per_shard: int = 2) -> ExtractionSpec:
        """The small network, its last layer."""
        return ExtractionSpec(
            model=MODEL,
            weights_sha256=sha256_of(self.weights),
            layer="layer4",
            height_px=96,
            width_px=128,
            fit=Fit.COVER,
            images_per_shard=images_per_shard,
        )

    def train(self, slug: str = "small", *, epochs: int = 3, seed: int = 0, collection: str = "drawn") -> TrainJob:
        """One dictionary; more epochs make it take longer."""
        spec = TopKSpec(n_concepts=24, n_active=4, epochs=epochs, batch_tokens=64, seed=seed)
        named = NamedDictionary(slug=slug, title=slug, spec=spec)
        return TrainJob(
            collection=collection, extraction=self.extraction(), weights=self.weights, dictionaries=(named,)
        )

    def universal(self, slug: str = "joint", *, epochs: int = 3, seed: int = 0, **changes: Any) -> UniversalJob:
        """The small network at two layers as if they were two models."""
        last = self.extraction()
        streams = (last, last.model_copy(update={"layer": "layer3"}))
        spec = {"n_concepts": 24, "n_active": 4, "epochs": epochs, "batch_tokens": 64, "seed": seed}
        return UniversalJob(
            collection="drawn",
            streams=streams,
            weights={MODEL: self.weights},
            slug=slug,
            title=slug,
            spec=UniversalSpec(**{"references": False, **spec, **changes}),
        )

    def pipeline(self, *, epochs: int = 3) -> PipelineJob:
        """From photos to an atlas."""
        index = IndexJob(dictionary="small", atlas=AtlasSpec(n_examples=9))
        members = (
            Member(job=self.ingest()),
            Member(job=self.train(epochs=epochs), after=(0,)),
            Member(job=index, after=(1,)),
        )
        return PipelineJob(title="Small pipeline", members=members)


@contextlib.contextmanager
def working(
    settings: Settings, *, name: str = "w", lost_after_s: float = 30.0, within: Sequence[str] = ()
) -> Iterator["subprocess.Popen[str]"]:
    """A worker process over a store; killed at the end if it still lives."""
    process = start_worker(settings, name=name, lost_after_s=lost_after_s, within=within)
    try:
        yield process
    finally:
        kill(process)


def start_worker(
    settings: Settings, *, name: str = "w", lost_after_s: float = 30.0, within: Sequence[str] = ()
) -> "subprocess.Popen[str]":
    """A worker process, not waited for; its messages go where those of the tests go.

    ``within`` is a command that becomes another one, such as ``unshare``.
    """
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "CONCEPTOSCOPE_LOST_AFTER_S": str(lost_after_s),
    }
    given = {name: getattr(settings, name) for name in _PLACES if getattr(settings, name)}
    for place, value in given.items():
        said = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        environment[f"CONCEPTOSCOPE_{place.upper()}"] = said
    command = [*within, sys.executable, "-m", "worker.cli", "worker", "--name", name, "--device", "cpu"]
    return subprocess.Popen([*command, "--store", str(settings.store)], env=environment, text=True)


def kill(process: "subprocess.Popen[str]") -> None:
    """SIGKILL, also of a stopped process, and wait for its end."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)


def submit(catalog: Catalog, job: AnyJob) -> int:
    """Write a job down; its number."""
    with catalog.session() as session:
        return submit_job(session, job).id


def look(catalog: Catalog, job_id: int) -> Job:
    """A job's row now."""
    with catalog.session() as session:
        row = find_job(session, job_id)
    assert row is not None
    return row


def wait_for(catalog: Catalog, job_id: int, wanted: Callable[[Job], bool], *, seconds: float = PATIENCE_S) -> Job:
    """The first row that is as wanted, or that has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        row = look(catalog, job_id)
        if wanted(row) or JobState(row.state).is_final:
            return row
        time.sleep(0.02)
    raise AssertionError(f"job {job_id} is still {row.state}: {row.done}/{row.total} {row.note}")


def wait_end(catalog: Catalog, job_id: int, *, seconds: float = PATIENCE_S) -> Job:
    """The row of a job that has ended."""
    return wait_for(catalog, job_id, lambda _: False, seconds=seconds)


def published(store: Path | Settings) -> dict[str, list[str]]:
    """Digests of all artifacts by kind, every file of them checked."""
    artifacts = open_artifacts(store) if isinstance(store, Settings) else Artifacts(store)
    for kind in Kind:
        for artifact in artifacts.list(kind):
            artifact.verify()
    return {kind.value: [artifact.digest for artifact in artifacts.list(kind)] for kind in Kind}


def drafts(store: Path) -> list[str]:
    """What is being built, without locks."""
    return sorted(path.name for path in store.glob("*/.drafts/*") if path.suffix != ".lock")
