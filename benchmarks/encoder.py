"""The encoder over the demo store against bare timm networks, paired within one run.

One visitor: the bare forward of a photo (a fitted tensor in memory, logits out), then the same photo as a file by the
web program's client, one dictionary. Eight visitors: the bare network in batches of eight, then as many photos by eight
clients at once. Memory: resident bytes of the encoder after 50 and after 500 mixed requests. Every request is for a
file that the encoder has not seen: bytes after the end of a JPEG change its digest and not its pixels.

The bare network runs in a thread of its own, as in the encoder: in the first thread OpenMP's threads wait for each
other by spinning, which is a little faster on an idle machine and many times slower on a busy one.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from app.encoder import Encoder
from benchmarks.machine import WORK, emit
from store.artifacts import Artifacts
from store.catalog.dictionaries import list_dictionaries
from store.catalog.session import Catalog
from store.encoding.refusals import PhotoRefused
from store.settings import Settings
from store.specs import ExtractionSpec
from store.vocabulary import Kind
from tests.encoding import Running, encoding
from worker.demo import find_demo_photos
from worker.images.decode import decode
from worker.images.fit import fit
from worker.images.normalise import normalise
from worker.models.registry import load_model

_CLIENTS = 8
_MIB = 2**20
_BARE = ThreadPoolExecutor(1)


class Subject:
    """A dictionary of the demo store, and its bare network."""

    def __init__(self, store: Path, digest: str) -> None:
        artifacts = Artifacts(store)
        inputs = artifacts.get(Kind.DICTIONARY, digest).manifest.inputs
        spec = ExtractionSpec.model_validate(artifacts.get(Kind.ACTIVATIONS, inputs["activations"]).manifest.spec)
        self.digest, self.name = digest, spec.model
        self.model = load_model(spec.model)
        self.window = self.model.window(spec.height_px, spec.width_px, fit=spec.fit)

    def tensor(self, photo: bytes) -> torch.Tensor:
        """The photo as the network takes it."""
        own = self.model.preprocessing
        picture = fit(decode(photo), self.window, own.interpolation)
        return normalise(torch.from_numpy(picture[None].copy()), mean=own.mean, std=own.std)

    def forward(self, images: torch.Tensor) -> None:
        """All of the network, in a thread of its own."""
        _BARE.submit(self._forward, images).result()

    def _forward(self, images: torch.Tensor) -> None:
        if self.model.class_names is None:
            self.model.activations(images, self.model.layers[-1])
        else:
            self.model.logits(images)


class Photos:
    """The demo's photos, each time as other bytes."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._contents = [path.read_bytes() for path in files]
        self._n = 0

    def fresh(self, n: int) -> list[bytes]:
        """The next photos."""
        found = []
        for _ in range(n):
            self._n += 1
            found.append(self._contents[self._n % len(self._contents)] + self._n.to_bytes(8, "little"))
        return found


def one_visitor(subject: Subject, photos: Photos, encoder: Encoder, loop: asyncio.Runner, *, n: int) -> dict[str, Any]:
    """Forward and request in turn."""
    bare, asked = [], []
    for photo in photos.fresh(n):
        tensor = subject.tensor(photo)
        bare.append(_timed(lambda tensor=tensor: subject.forward(tensor)))
        asked.append(_timed(lambda photo=photo: loop.run(encoder.encode(photo, [subject.digest]))))
    more = [b - a for a, b in zip(bare, asked, strict=True)]
    return {
        "forward_ms": _spread(bare),
        "request_ms": _spread(asked),
        "difference_ms": _spread(more),
        "p95_above_forward_p95_ms": round(1000 * float(np.percentile(asked, 95) - np.percentile(bare, 95)), 1),
    }


def eight_visitors(
    subject: Subject, photos: Photos, encoder: Encoder, loop: asyncio.Runner, *, rounds: int, n: int = 32
) -> dict[str, Any]:
    """Batches and clients in turn; images per second."""
    bare, single, asked = [], [], []
    for _ in range(rounds):
        some = photos.fresh(n)
        tensors = torch.cat([subject.tensor(photo) for photo in some])
        bare.append(n / _timed(lambda tensors=tensors: [subject.forward(b) for b in tensors.split(_CLIENTS)]))
        asked.append(n / _timed(lambda some=some: loop.run(_together(encoder, subject.digest, some))))
        single.append(n / _timed(lambda tensors=tensors: [subject.forward(b) for b in tensors.split(1)]))
    ratios = [a / b for a, b in zip(asked, bare, strict=True)]
    return {
        "bare_batches_of_8_per_s": round(statistics.median(bare), 1),
        "bare_one_by_one_per_s": round(statistics.median(single), 1),
        "encoder_per_s": round(statistics.median(asked), 1),
        "ratio_median": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
    }


async def _together(encoder: Encoder, digest: str, photos: Sequence[bytes]) -> None:
    """Eight clients, each asking for its next photo as soon as it has its last; everybody gets their own."""
    waiting = iter(photos)

    async def client() -> None:
        for photo in waiting:
            found = await encoder.encode(photo, [digest])
            assert found.streams[0].facts.dictionary == digest

    await asyncio.gather(*(client() for _ in range(_CLIENTS)))


def memory(subjects: Sequence[Subject], photos: Photos, encoder: Encoder, loop: asyncio.Runner, pid: int) -> Any:
    """Mixed requests: all dictionaries, one and all at once, broken and foreign files, forgotten photos."""
    process, seen = psutil.Process(pid), {}
    requests = _mixed(subjects, photos, encoder)
    for number in range(1, 501):
        loop.run(next(requests))
        if number in (10, 50, 100, 250, 500):
            seen[number] = round(process.memory_info().rss / _MIB, 1)
            sys.stderr.write(f"memory after {number}: {seen[number]} MiB\n")
    state = encoder.look()
    return {
        "resident_mib": seen,
        "growth_50_to_500": round(seen[500] / seen[50] - 1, 4),
        "held_mib": round(state.held_bytes / _MIB, 1),
        "budget_mib": round(state.budget_bytes / _MIB, 1),
    }


def _mixed(subjects: Sequence[Subject], photos: Photos, encoder: Encoder) -> Iterator[Any]:
    digests = [one.digest for one in subjects]
    number = 0
    while True:
        [photo] = photos.fresh(1)
        number += 1
        if number % 10 == 3:
            yield _refused(encoder, photo[: len(photo) // 2], digests[:1])
        elif number % 10 == 7:
            yield encoder.encode(photo, digests)
        else:
            yield encoder.encode(photo, [digests[number % len(digests)]])


async def _refused(encoder: Encoder, photo: bytes, digests: Sequence[str]) -> None:
    try:
        await encoder.encode(photo, digests)
    except PhotoRefused:
        return


def _timed(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    return {f"p{q}": round(1000 * float(np.percentile(seconds, q)), 1) for q in (50, 95)}


def subjects_of(store: Path) -> list[Subject]:
    """One dictionary of each model."""
    artifacts = Artifacts(store)
    with Catalog(Settings(store=store).catalog_url).session() as session:
        rows = [row for row in list_dictionaries(session) if artifacts.is_there(Kind.DICTIONARY, row.digest)]
    return [Subject(store, digest) for digest in {row.model.slug: row.digest for row in rows}.values()]


def measure_speed(
    running: Running, subjects: Sequence[Subject], photos: Photos, *, n: int, rounds: int
) -> dict[str, Any]:
    """Model by model."""
    encoder = Encoder(running.settings)
    result: dict[str, Any] = {"load_average": os.getloadavg(), "threads": torch.get_num_threads()}
    with asyncio.Runner() as loop:
        for subject in subjects:
            loop.run(_together(encoder, subject.digest, photos.fresh(8)))
            subject.forward(torch.cat([subject.tensor(photo) for photo in photos.fresh(8)]))
            alone = one_visitor(subject, photos, encoder, loop, n=n)
            result[subject.name] = {"one_visitor": alone}
            result[subject.name]["eight_visitors"] = eight_visitors(subject, photos, encoder, loop, rounds=rounds)
            sys.stderr.write(f"{subject.name}: {result[subject.name]}\n")
        loop.run(encoder.close())
    return result


def measure_memory(running: Running, subjects: Sequence[Subject], photos: Photos) -> dict[str, Any]:
    """Of an encoder that has only just started."""
    encoder = Encoder(running.settings)
    with asyncio.Runner() as loop:
        found: dict[str, Any] = memory(subjects, photos, encoder, loop, running.process.pid)
        loop.run(encoder.close())
    return found


def main() -> None:
    """Start encoders over the demo store and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=WORK / "demo-store")
    parser.add_argument("--n", type=int, default=100, help="photos of the one visitor, for each model; 0: memory only")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    subjects = subjects_of(given.store)
    photos = Photos(sorted(find_demo_photos(Settings()).glob("*"))[:200])
    result: dict[str, Any] = {}
    if given.n:
        with encoding(given.store, threads=None) as running:
            result = measure_speed(running, subjects, photos, n=given.n, rounds=given.rounds)
    with encoding(given.store, threads=None) as running:
        result["memory"] = measure_memory(running, subjects, photos)
    bars = {"above_forward_p95_ms": 150, "request_p95_ms": 1000, "ratio": 0.8, "growth": 0.05}
    emit(result | {"bars": bars})


if __name__ == "__main__":
    main()
