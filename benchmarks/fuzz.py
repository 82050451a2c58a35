"""Malformed files against a real encoder, by the web program's client: what became of them, and what it cost.

No file may bring down the encoder or make its memory grow; each has one answer: codes, or a refusal with its reason.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from app.encoder import Encoder
from benchmarks.machine import emit
from store.encoding.refusals import EncoderBusy, PhotoRefused
from store.settings import Settings
from tests.encoding import Running, encoding, make_studio
from tests.malformed import malformed

_AT_ONCE = 4
_PROBE_EVERY = 500
MIB = 2**20


class Campaign:
    """One run against one encoder."""

    def __init__(self, running: Running, digest: str) -> None:
        self.settings: Settings = running.settings
        self.process = psutil.Process(running.process.pid)
        self.digest = digest
        self.outcomes: Counter[str] = Counter()
        self.by_way: dict[str, Counter[str]] = {}
        self.memory_mib: list[int] = []
        self.slowest_s = 0.0
        self.slowest_way = ""

    async def run(self, files: Iterator[tuple[str, bytes]]) -> None:
        """All files, a few at once."""
        encoder = Encoder(self.settings)
        tell = asyncio.create_task(self._watch())
        await asyncio.gather(*(self._worker(encoder, files) for _ in range(_AT_ONCE)))
        tell.cancel()
        await encoder.close()

    async def _worker(self, encoder: Encoder, files: Iterator[tuple[str, bytes]]) -> None:
        for way, content in files:
            began = time.monotonic()
            outcome = await self._send(encoder, content)
            took_s = time.monotonic() - began
            if took_s > self.slowest_s:
                self.slowest_s, self.slowest_way = took_s, way
            self.outcomes[outcome] += 1
            self.by_way.setdefault(way, Counter())[outcome] += 1
            if self.outcomes.total() % _PROBE_EVERY == 0:
                sys.stderr.write(f"{self.outcomes.total()}: {dict(self.outcomes)}, {self.memory_mib[-1:]} MiB\n")

    async def _send(self, encoder: Encoder, content: bytes) -> str:
        while True:
            try:
                await encoder.encode(content, [self.digest])
                return "decoded"
            except PhotoRefused as fault:
                return fault.reason.value
            except EncoderBusy:
                await asyncio.sleep(0.1)
            except Exception as fault:  # none of these may happen
                return f"FAULT {type(fault).__name__}: {fault}"

    async def _watch(self) -> None:
        while True:
            self.memory_mib.append(self.process.memory_info().rss // MIB)
            await asyncio.sleep(0.2)


def fuzz(n: int, *, seed: int, folder: Path) -> dict[str, Any]:
    """Run and report; ``faults`` lists answers that are neither codes nor a refusal of the photo."""
    studio = make_studio(folder)
    changes = {"encoder_queue": 16, "weights": [studio.inputs.weights]}
    with encoding(studio.settings.store, **changes) as running:  # type: ignore[arg-type]
        campaign = Campaign(running, studio.digest)
        began = time.monotonic()
        asyncio.run(campaign.run(malformed(n, seed=seed)))
        lives = running.process.poll() is None
        deaths = asyncio.run(_deaths(running))
    memory = campaign.memory_mib
    return {
        "n": campaign.outcomes.total(),
        "seconds": round(time.monotonic() - began, 1),
        "outcomes": dict(sorted(campaign.outcomes.items())),
        "by_way": {way: dict(sorted(found.items())) for way, found in sorted(campaign.by_way.items())},
        "faults": sorted(outcome for outcome in campaign.outcomes if outcome.startswith("FAULT")),
        "encoder_lives": lives,
        "decoder_deaths": deaths,
        "memory_mib": {"first": memory[0], "peak": max(memory), "last": memory[-1]},
        "slowest_s": round(campaign.slowest_s, 2),
        "slowest_way": campaign.slowest_way,
    }


async def _deaths(running: Running) -> int:
    encoder = Encoder(running.settings)
    try:
        return (await encoder.state()).n_decoder_deaths
    finally:
        await encoder.close()


def main() -> None:
    """Run the campaign in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        report = fuzz(given.n, seed=given.seed, folder=Path(folder))
    emit(report)
    if report["faults"] or not report["encoder_lives"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
