"""The concept grid under 16 visitors at once for a minute: rate, times and errors, twice.

``browsing``: whole pages and fragments in the orders and filters that the page offers, some pages deep; the k-th most
liked start is opened 1/k as often as the first (Zipf), so people meet where others have been. ``distinct``: a filter
that nobody used before in every request, so that each is made anew. Times are from the request to the last byte, by a
client that does as little as it can: it shares the machine.
"""

import argparse
import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.demo import _free_port
from benchmarks.machine import WORK, emit
from benchmarks.web import _wait

N_VISITORS, SECONDS = 16, 60
_SORTS = ("", "-density", "density", "-max", "-purity", "-spatial_size", "position_entropy", "id")
_FILTERS = ("", "badge__not=dead", "importance__gte=0.001", "density__lte=0.01", "purity__gte=0.5", "badge=dense")
_DEEPEST = 4


@dataclass
class Told:
    """What the visitors met."""

    times: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    n_bytes: int = 0

    def report(self, seconds: float) -> dict[str, Any]:
        """Rate per second, times in ms."""
        ordered = sorted(self.times)
        spread = {f"p{q}": round(1e3 * ordered[int(q / 100 * (len(ordered) - 1))], 1) for q in (50, 95, 99)}
        return {
            "n": len(ordered),
            "per_s": round(len(ordered) / seconds, 1),
            "ms": spread,
            "mib_per_s": round(self.n_bytes / seconds / 2**20, 1),
            "n_errors": len(self.errors),
            "errors": sorted(set(self.errors))[:5],
        }


class Line:
    """One connection that is kept: asks for an address, reads the answer."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def get(self, address: str, *, coding: str = "br") -> tuple[int, bytes]:
        """Status and body as sent."""
        head = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAccept-Encoding: {coding}\r\n\r\n"
        self._writer.write(head.encode())
        told = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        n_bytes = int(told.split("content-length:")[1].split("\r\n")[0])
        return int(told.split(" ", 2)[1]), await self._reader.readexactly(n_bytes)


def browsing(slugs: list[str], depths: dict[str, list[str]], rng: random.Random) -> Iterator[str]:
    """Grids as people open them, and the pages after."""
    starts = [(sort, narrowed) for sort in _SORTS for narrowed in _FILTERS]
    random.Random(0).shuffle(starts)
    likings = [1 / rank for rank in range(1, len(starts) + 1)]
    while True:
        start = _grid(rng.choice(slugs), *rng.choices(starts, likings)[0])
        for address in depths[start][: 1 + rng.randrange(_DEEPEST)]:
            yield address if rng.random() < 0.5 else f"/_f{address}"


def distinct(slugs: list[str], numbers: Iterator[int], rng: random.Random) -> Iterator[str]:
    """Grids with a filter of their own."""
    for n in numbers:
        address = _grid(rng.choice(slugs), rng.choice(_SORTS), f"density__lte={0.5 + n * 1e-7:.7f}")
        yield address if n % 2 else f"/_f{address}"


def _grid(slug: str, sort: str, narrowed: str) -> str:
    query = "&".join(part for part in (f"sort={sort}" if sort else "", narrowed) if part)
    return f"/d/{slug}/c" + (f"?{query}" if query else "")


def _depths(client: httpx.Client, slugs: list[str]) -> dict[str, list[str]]:
    """Every grid that is offered, and the pages after it."""
    starts = [_grid(slug, sort, narrowed) for slug in slugs for sort in _SORTS for narrowed in _FILTERS]
    return {start: _walk(client, start) for start in starts}


def _walk(client: httpx.Client, address: str) -> list[str]:
    """A grid and the pages after it, as its API twin names them."""
    path, _, query = address.partition("?")
    slug, found = path.split("/")[2], [address]
    narrowed = f"&{query}" if query else ""
    listed = asked = f"/api/v1/dictionaries/{slug}/concepts?fields=id&limit=24{narrowed}"
    while len(found) < _DEEPEST:
        cursor = client.get(asked).json()["page"]["next"]
        if not cursor:
            break
        found.append(f"{path}?{query}{'&' if query else ''}cursor={cursor}")
        asked = f"{listed}&cursor={cursor}"
    return found


async def _visit(port: int, seconds: float, addresses: Callable[[int], Iterator[str]]) -> Told:
    told, end = Told(), time.monotonic() + seconds

    async def visitor(number: int) -> None:
        line = Line(port)
        await line.open()
        for address in addresses(number):
            if time.monotonic() > end:
                return
            begun = time.perf_counter()
            try:
                status, body = await asyncio.wait_for(line.get(address), 30)
            except Exception as fault:  # any is an error of the server's, told with the rest
                told.errors.append(type(fault).__name__)
                await line.open()
                continue
            told.times.append(time.perf_counter() - begun)
            told.n_bytes += len(body)
            if status != 200:
                told.errors.append(str(status))

    await asyncio.gather(*(visitor(number) for number in range(N_VISITORS)))
    return told


def _measure(port: int, process: psutil.Process, seconds: float) -> dict[str, Any]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        _wait(client)
        slugs = [row["slug"] for row in client.get("/api/v1/dictionaries").json()["data"]]
        depths = _depths(client, slugs)
    numbers = count()
    ways: dict[str, Callable[[int], Iterator[str]]] = {
        "browsing": lambda number: browsing(slugs, depths, random.Random(number)),
        "distinct": lambda number: distinct(slugs, numbers, random.Random(number)),
    }
    found: dict[str, Any] = {"visitors": N_VISITORS, "seconds": seconds, "addresses": sum(map(len, depths.values()))}
    for name, addresses in ways.items():
        used = sum(process.cpu_times()[:2])
        told = asyncio.run(_visit(port, seconds, addresses))
        used = sum(process.cpu_times()[:2]) - used
        found[name] = told.report(seconds) | {"cpu_ms": round(1e3 * used / max(len(told.times), 1), 2)}
    found["resident_mib"] = round(process.memory_info().rss / 2**20, 1)
    return found | {"bars": {"browsing_per_s": 300, "browsing_p95_ms": 100, "n_errors": 0}}


def main() -> None:
    """Serve the demo store, warm nothing, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=WORK / "demo-store")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    port = _free_port()
    command = [sys.executable, "-m", "app", "--store", str(given.store), "--port", str(port), "--host", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        emit(_measure(port, psutil.Process(process.pid), given.seconds))
    finally:
        process.terminate()
        process.wait(timeout=30)


if __name__ == "__main__":
    main()
