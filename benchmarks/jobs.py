"""Durable jobs: time from asking to starting, what durability costs, many jobs on several workers, shared extraction.

``--database-url`` runs them over PostgreSQL; without it, over SQLite.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from PIL import Image, ImageOps

from benchmarks.machine import WORK, emit
from store.catalog.jobs import get_job, list_jobs, list_steps, submit_job
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.jobs import AnyJob, ExtractJob, IngestJob, NamedDictionary, TrainJob
from store.presets import DEMO_COLLECTION, DEMO_DICTIONARIES
from store.settings import Settings
from store.vocabulary import JobState
from tests.working import start_worker
from worker.demo import find_demo_photos
from worker.reporting import Reporter
from worker.workshop import Wanted, Workshop

_LITE0 = DEMO_DICTIONARIES[1]


def main() -> None:
    """Those named, or all."""
    parts: dict[str, Callable[[Bench], dict[str, Any]]] = {
        "latency": latency,
        "overhead": overhead,
        "many": many,
        "spread": spread,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(parts), choices=list(parts))
    parser.add_argument("--database-url", default=None)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    found = {}
    for name in options.parts:
        with TemporaryDirectory(dir=WORK) as folder:
            found[name] = parts[name](Bench(Path(folder), options.database_url, options.rounds))
    emit({"database": "PostgreSQL" if options.database_url else "SQLite", **found})


class Bench:
    """A store, its catalog, and workers over it."""

    def __init__(self, folder: Path, database_url: str | None, rounds: int) -> None:
        self.folder, self.database_url, self.rounds = folder, database_url, rounds
        self.photos = find_demo_photos(Settings())
        self.workers: list[Any] = []

    def fresh(self, name: str) -> tuple[Settings, Catalog]:
        """An empty store; over PostgreSQL the catalog is shared by all."""
        store = self.folder / name
        store.mkdir()
        settings = Settings(store=store, database_url=self.database_url)
        return settings, Catalog(settings.catalog_url)

    def start(self, settings: Settings, *names: str) -> None:
        """Workers, ready to take jobs."""
        self.workers = [start_worker(settings, name=name) for name in names]
        time.sleep(6)

    def stop(self) -> None:
        """End them."""
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait(timeout=60)
        self.workers = []


def latency(bench: Bench) -> dict[str, Any]:
    """Seconds from the commit of a job to its start on an idle worker."""
    settings, catalog = bench.fresh("latency")
    bench.start(settings, "one")
    times = []
    job = IngestJob(folder=bench.photos, collection=DEMO_COLLECTION)
    for _ in range(20):
        row = done(catalog, ask(catalog, job))
        assert row.started_at is not None
        times.append((row.started_at - row.created_at).total_seconds())
        time.sleep(0.37)
    bench.stop()
    return {"median_s": round(statistics.median(times), 3), "largest_s": round(max(times), 3), "n": len(times)}


def overhead(bench: Bench) -> dict[str, Any]:
    """The same extraction and training as plain calls and as a job, in turns, by one thread each.

    Both sides have extracted something before, so that neither pays for its first imports.
    """
    torch.set_num_threads(1)  # as workers are started here
    few = _few(bench)
    settings, catalog = bench.fresh("warm")
    workshop = Workshop(settings, Reporter(), catalog=catalog)
    workshop.ingest(few, DEMO_COLLECTION)
    workshop.extract(DEMO_COLLECTION.slug, _LITE0.extraction)
    ratios, seconds = [], []
    for number in range(bench.rounds):
        plain_s = _plain(bench, f"plain-{number}")
        job_s = _as_job(bench, f"job-{number}")
        ratios.append(job_s / plain_s)
        seconds.append((round(plain_s, 1), round(job_s, 1)))
    return {"seconds": seconds, "ratios": [round(r, 3) for r in ratios], "median": round(statistics.median(ratios), 3)}


def _plain(bench: Bench, name: str) -> float:
    settings, catalog = bench.fresh(name)
    workshop = Workshop(settings, Reporter(), catalog=catalog)
    workshop.ingest(bench.photos, DEMO_COLLECTION)
    begun = time.monotonic()
    built = workshop.extract(DEMO_COLLECTION.slug, _LITE0.extraction)
    workshop.train([Wanted(_LITE0.slug, _LITE0.title, _LITE0.spec)], activations=built.artifact)
    return time.monotonic() - begun


def _as_job(bench: Bench, name: str) -> float:
    settings, catalog = bench.fresh(name)
    bench.start(settings, name)
    warm = DEMO_COLLECTION.model_copy(update={"slug": "few"})
    done(catalog, ask(catalog, IngestJob(folder=_few(bench), collection=warm)))
    done(catalog, ask(catalog, ExtractJob(collection="few", extraction=_LITE0.extraction)))
    done(catalog, ask(catalog, IngestJob(folder=bench.photos, collection=DEMO_COLLECTION)))
    named = NamedDictionary(slug=_LITE0.slug, title=_LITE0.title, spec=_LITE0.spec)
    job = TrainJob(collection=DEMO_COLLECTION.slug, extraction=_LITE0.extraction, dictionaries=(named,))
    row = done(catalog, ask(catalog, job))
    bench.stop()
    assert row.started_at is not None
    assert row.finished_at is not None
    return (row.finished_at - row.started_at).total_seconds()


def many(bench: Bench) -> dict[str, Any]:
    """200 jobs on four workers: each once, started in the order of asking."""
    settings, catalog = bench.fresh("many")
    few = _few(bench)
    jobs = []
    for number in range(200):
        spec = DEMO_COLLECTION.model_copy(update={"slug": f"few-{number}"})
        jobs.append(ask(catalog, IngestJob(folder=few, collection=spec)))
    begun = time.monotonic()
    bench.start(settings, "one", "two", "three", "four")
    rows = [done(catalog, job) for job in jobs]
    seconds = time.monotonic() - begun
    bench.stop()
    order = sorted(range(len(rows)), key=lambda place: rows[place].started_at or 0)
    with catalog.session() as session:
        steps = [len(list_steps(session, job)) for job in jobs]
        states = {row.state for row in list_jobs(session, limit=1000)}
    return {
        "seconds": round(seconds, 1),
        "states": sorted(states),
        "steps_per_job": sorted(set(steps)),
        "attempts": sorted({row.attempt for row in rows}),
        "per_worker": {name: sum(row.worker == name for row in rows) for name in ("one", "two", "three", "four")},
        "largest_displacement": max(abs(place - started) for started, place in enumerate(order)),
    }


def _few(bench: Bench) -> Path:
    """A folder of six photos."""
    few = bench.folder / "few"
    if not few.exists():
        few.mkdir()
        for photo in sorted(bench.photos.rglob("*.jpeg"))[:6]:
            (few / photo.name).symlink_to(photo.absolute())
    return few


def spread(bench: Bench) -> dict[str, Any]:
    """One extraction on one worker and on two, each on a core and a thread of its own, in turns.

    It takes minutes, as that of a small collection would: whoever helps has to load the model first.
    """
    photos = _with_mirrored(bench)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    job = ExtractJob(
        collection=DEMO_COLLECTION.slug, extraction=_LITE0.extraction.model_copy(update={"images_per_shard": 16})
    )
    for number in range(bench.rounds):
        for n_workers, found in seconds.items():
            settings, catalog = bench.fresh(f"spread-{number}-{n_workers}")
            _start_on_cores(bench, settings, [f"{number}-{n_workers}-{k}" for k in range(n_workers)])
            done(catalog, ask(catalog, IngestJob(folder=photos, collection=DEMO_COLLECTION)))
            row = done(catalog, ask(catalog, job))
            bench.stop()
            assert row.started_at is not None
            assert row.finished_at is not None
            found.append(round((row.finished_at - row.started_at).total_seconds(), 1))
    ratios = [one / two for one, two in zip(seconds[1], seconds[2], strict=True)]
    return {"one_s": seconds[1], "two_s": seconds[2], "ratios": [round(r, 2) for r in ratios]}


def _with_mirrored(bench: Bench) -> Path:
    """The demo's photos, and all of them once more, mirrored."""
    folder = bench.folder / "twice"
    folder.mkdir()
    for photo in sorted(bench.photos.rglob("*.jpeg")):
        (folder / photo.name).symlink_to(photo.absolute())
        with Image.open(photo) as image:
            ImageOps.mirror(image).save(folder / f"{photo.stem}-mirrored.jpeg", quality=90)
    return folder


def _start_on_cores(bench: Bench, settings: Settings, names: list[str]) -> None:
    """Workers that have nothing in common but the store; they inherit the core from us, and have imported all."""
    ours = os.sched_getaffinity(0)
    try:
        for core, name in zip(sorted(ours), names, strict=False):
            os.sched_setaffinity(0, {core})
            bench.workers.append(start_worker(settings, name=name))
    finally:
        os.sched_setaffinity(0, ours)
    time.sleep(15)


def ask(catalog: Catalog, job: AnyJob) -> int:
    """Write a job down."""
    with catalog.session() as session:
        return submit_job(session, job).id


def done(catalog: Catalog, job_id: int) -> Job:
    """Wait for a job, which must succeed."""
    while True:
        with catalog.session() as session:
            row = get_job(session, job_id)
        if JobState(row.state).is_final:
            assert row.state == JobState.SUCCEEDED, row.failure
            return row
        time.sleep(0.02)


if __name__ == "__main__":
    main()
