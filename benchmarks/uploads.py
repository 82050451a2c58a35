"""Two thousand photos in a row by visitors of the demo store: memory and disk of web program and encoder.

Real photos at many sizes and in every format that is taken, from an image of 64 px to one of 2000 px, now and then a
broken one, a few visitors at once, to one dictionary or three. Each is kept for a few seconds; the web program's own
sweep deletes it, and in the end the folder of analyses is as empty as before. No answer but an analysis, a refusal of a
broken photo, or a clearly worded limit.
"""

import argparse
import asyncio
import io
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
import numpy as np
from PIL import Image

from benchmarks.machine import WORK, emit
from benchmarks.visitors import MIB, Stand, Told, standing, upload, watching
from store.settings import Settings
from worker.demo import find_demo_photos

_AT_ONCE: Final = 3
_KEPT_S: Final = 60
_LOOKS: Final = (10, 50, 250, 500, 1000, 1500, 2000)
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG", "JPEG")
_SIDES: Final = (64, 200, 307, 500, 307, 800, 120, 2000, 307, 1024)
_BROKEN_EVERY: Final = 12


def photos(n: int, files: Sequence[Path], *, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Format and bytes of ``n`` photos, no two alike; every twelfth is cut off."""
    rng = np.random.default_rng(seed)
    for number in range(n):
        name, side = _FORMATS[number % len(_FORMATS)], _SIDES[int(rng.integers(len(_SIDES)))]
        with Image.open(files[int(rng.integers(len(files)))]) as image:
            picture = image.convert("RGB").resize((side, max(16, side * image.height // image.width)))
        picture.putpixel((0, 0), tuple(int(value) for value in rng.integers(256, size=3)))
        buffer = io.BytesIO()
        picture.save(buffer, name)
        content = buffer.getvalue()
        is_broken = number % _BROKEN_EVERY == _BROKEN_EVERY - 1
        yield f"broken {name}" if is_broken else name, content[: len(content) // 3] if is_broken else content


async def visit(stand: Stand, files: Iterator[tuple[str, bytes]], *, looks: Sequence[int]) -> dict[str, Any]:
    """All photos, then wait until what was kept is gone."""
    told, seen, peaks, most = Told(), dict[int, Any](), dict[str, float](), 0
    empty, catalog = stand.kept(), stand.encoder.settings.store / "catalog.sqlite"

    async def visitor(client: httpx.AsyncClient, slugs: Sequence[str]) -> None:
        nonlocal most
        for kind, content in files:
            n = told.statuses.total()
            chosen = slugs[:3] if n % 10 == 7 else [slugs[n % len(slugs)]]
            await upload(client, told, kind, content=content, dictionaries=chosen)
            n = told.statuses.total()
            if n in looks:
                seen[n] = stand.resident_mib()
                sys.stderr.write(f"{n}: {seen[n]} MiB, {stand.kept()[0]} files kept\n")
            if n % 100 == 0:
                most = max(most, stand.kept()[0])

    async with httpx.AsyncClient(base_url=stand.base, timeout=120) as client, watching(stand, peaks):
        rows = (await client.get("/api/v1/dictionaries")).json()["data"]
        slugs = sorted(row["slug"] for row in rows)
        await asyncio.gather(*(visitor(client, slugs) for _ in range(_AT_ONCE)))
        ended = time.monotonic()
        while stand.kept() != empty and time.monotonic() < ended + 3 * _KEPT_S:
            await asyncio.sleep(0.5)
        gone = (await client.get(told.made[0])).status_code
    growth = {name: round(seen[looks[-1]][name] / seen[50][name] - 1, 4) for name in ("web", "encoder")}
    return {
        **told.report(),
        "memory_mib": seen,
        "growth_50_to_last": growth,
        "peak_mib": peaks,
        "disk": {
            "before": empty,
            "most_files": most,
            "after_expiry": stand.kept(),
            "seconds_until": round(time.monotonic() - ended, 1),
            "catalog_mib": round(catalog.stat().st_size / MIB, 2),
        },
        "expired_one_answers": gone,
    }


def upload_all(n: int, *, store: Path, logs: Path) -> dict[str, Any]:
    """Run and report."""
    files = sorted(find_demo_photos(Settings()).glob("*.jpeg"))
    looks = [number for number in _LOOKS if number <= n]
    with standing(store, logs, analysis_kept_s=_KEPT_S) as stand:
        began = time.monotonic()
        found = asyncio.run(visit(stand, photos(n, files), looks=looks))
        return {"seconds": round(time.monotonic() - began, 1), **found, **stand.health()}


def main() -> None:
    """Upload, and fail on any answer that is none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=2000, help="50 or more")
    parser.add_argument("--store", type=Path, default=WORK / "demo-store", help="analyses are kept in it for a while")
    given = parser.parse_args()
    with TemporaryDirectory() as logs:
        report = upload_all(given.n, store=given.store, logs=Path(logs))
    emit(report)
    disk = report["disk"]
    if report["n_faults"] or report["tracebacks"] or disk["after_expiry"] != disk["before"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
