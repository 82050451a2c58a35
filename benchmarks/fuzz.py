"""Malformed files, each sent to the web program as a visitor sends a photo: what became of them, and what it cost.

Web program and encoder are real processes. Each file has one answer, an analysis or a problem document that says why
not; none brings a program down or leaves anything on the disk once what was made of it is deleted. ``--direct`` sends
them to the encoder alone, by the web program's client.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from app.encoder import Encoder
from benchmarks.machine import emit
from benchmarks.visitors import Stand, Told, standing, upload, watching
from store.encoding.refusals import EncoderBusy, PhotoRefused
from tests.encoding import make_studio
from tests.malformed import malformed

_AT_ONCE = 4
_TELL_EVERY = 500
_ROOM = {"encoder_queue": 16, "analyses_max": 100_000}


async def by_web(stand: Stand, files: Iterator[tuple[str, bytes]], *, dictionary: str) -> dict[str, Any]:
    """All files, a few at once, then delete what was made of them."""
    told, peaks = Told(), {"web": 0.0}
    first, empty = stand.resident_mib(), stand.kept()

    async def visitor(client: httpx.AsyncClient) -> None:
        for way, content in files:
            await upload(client, told, way, content=content, dictionaries=[dictionary])
            if told.statuses.total() % _TELL_EVERY == 0:
                sys.stderr.write(f"{told.statuses.total()}: {dict(told.statuses)}, {stand.resident_mib()} MiB\n")

    async with httpx.AsyncClient(base_url=stand.base, timeout=120) as client, watching(stand, peaks):
        await asyncio.gather(*(visitor(client) for _ in range(_AT_ONCE)))
        full = stand.kept()
        deleted = [(await client.delete(address)).status_code for address in told.made]
    return {
        **told.report(),
        "memory_mib": {"first": first, "peak": peaks, "last": stand.resident_mib()},
        "disk": {"files_and_bytes_before": empty, "full": full, "after_deletion": stand.kept()},
        "deleted": {status: deleted.count(status) for status in sorted(set(deleted))},
    }


async def by_encoder(stand: Stand, files: Iterator[tuple[str, bytes]], *, digest: str) -> dict[str, Any]:
    """All files to the encoder, by the web program's client."""
    encoder, outcomes = Encoder(stand.encoder.settings), dict[str, int]()

    async def client() -> None:
        for _, content in files:
            outcome = await _asked(encoder, content, digest)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1

    await asyncio.gather(*(client() for _ in range(_AT_ONCE)))
    await encoder.close()
    faults = [outcome for outcome in outcomes if outcome.startswith("FAULT")]
    return {"n": sum(outcomes.values()), "outcomes": dict(sorted(outcomes.items())), "n_faults": len(faults)}


async def _asked(encoder: Encoder, content: bytes, digest: str) -> str:
    while True:
        try:
            await encoder.encode(content, [digest])
            return "decoded"
        except PhotoRefused as fault:
            return fault.reason.value
        except EncoderBusy:
            await asyncio.sleep(0.1)
        except Exception as fault:  # none of these may happen
            return f"FAULT {type(fault).__name__}: {fault}"


def fuzz(n: int, *, seed: int, folder: Path, direct: bool = False) -> dict[str, Any]:
    """Run and report."""
    studio = make_studio(folder)
    with standing(studio.settings.store, folder, weights=[studio.inputs.weights], threads=1, **_ROOM) as stand:
        began, files = time.monotonic(), malformed(n, seed=seed)
        if direct:
            found = asyncio.run(by_encoder(stand, files, digest=studio.digest))
        else:
            found = asyncio.run(by_web(stand, files, dictionary="small"))
        return {"seconds": round(time.monotonic() - began, 1), **found, **stand.health()}


def main() -> None:
    """Run the campaign in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--direct", action="store_true", help="without the web program")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        report = fuzz(given.n, seed=given.seed, folder=Path(folder), direct=given.direct)
    emit(report)
    lives = report["web_lives"] and report["encoder_lives"]
    if report["n_faults"] or report["tracebacks"] or not lives:
        sys.exit(1)


if __name__ == "__main__":
    main()
