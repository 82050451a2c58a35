"""The web program over the demo store: start, resident memory, and server time of warm pages."""

import argparse
import random
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.demo import _free_port
from benchmarks.machine import WORK, emit

_REQUESTS = 200
_BARS = {
    "start_s": 2,
    "resident_mib": 200,
    "unchanged_p95_ms": 5,
    "home_p95_ms": 40,
    "dictionary_p95_ms": 50,
    "grid_p95_ms": 60,
    "concept_p95_ms": 80,
    "map_p95_ms": 40,
    "map_points_p95_ms": 20,
    "image_p95_ms": 80,
    "class_p95_ms": 80,
    "alignment_p95_ms": 90,
    "side_by_side_p95_ms": 90,
    "universal_concept_p95_ms": 100,
    "jobs_p95_ms": 40,
}


def main() -> None:
    """Start, warm, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=WORK / "demo-store")
    store = parser.parse_args().store
    port = _free_port()
    command = [sys.executable, "-m", "app", "--store", str(store), "--port", str(port), "--host", "127.0.0.1"]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        emit(_measure(port, process.pid, started))
    finally:
        process.terminate()
        process.wait(timeout=30)


def _measure(port: int, pid: int, started: float) -> dict[str, Any]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        _wait(client)
        start_s = time.monotonic() - started
        dictionaries = client.get("/api/v1/dictionaries").json()["data"]
        slugs = [row["slug"] for row in dictionaries]
        rng = random.Random(0)
        pages = {name: _time_pages(client, addresses) for name, addresses in _addresses(client, slugs, rng).items()}
        return {
            "start_s": round(start_s, 2),
            "resident_mib": round(psutil.Process(pid).memory_info().rss / 2**20, 1),
            "torch_mapped": any("torch" in entry.path for entry in psutil.Process(pid).memory_maps()),
            "pages_server_ms": pages,
            "unchanged_ms": _time_unchanged(client, f"/d/{slugs[0]}/c"),
            "bars": _BARS,
        }


def _addresses(client: httpx.Client, slugs: list[str], rng: random.Random) -> dict[str, list[str]]:
    sorts = ("-importance", "-density", "purity", "-max", "position_entropy")
    grid = [f"/d/{rng.choice(slugs)}/c?sort={rng.choice(sorts)}" for _ in range(_REQUESTS)]
    totals = {s: client.get(f"/api/v1/dictionaries/{s}/concepts?limit=1").json()["page"]["total"] for s in slugs}
    chosen = [rng.choice(slugs) for _ in range(_REQUESTS)]
    concept = [f"/d/{slug}/c/{rng.randrange(totals[slug])}" for slug in chosen]
    chosen_images = [f"{image}?d={slug}" for slug in slugs for image in _images(client, slug)]
    aligned = [card["links"]["html"] for card in client.get("/api/v1/alignments").json()["data"]]
    shows = ("", "?sort=-held_out", "?mutual=yes&min=0.5", "?show=fans", "?show=a", "?show=b")
    return {
        "home": ["/"] * 50,
        "dictionary": [f"/d/{rng.choice(slugs)}" for _ in range(50)],
        "grid": grid,
        "concept": concept,
        "map": [f"/d/{rng.choice(slugs)}/map" for _ in range(50)],
        "image": rng.choices(chosen_images, k=_REQUESTS),
        "images": [f"/d/{rng.choice(slugs)}/i" for _ in range(50)],
        **_classes(client, slugs, rng),
        "queue": [f"/d/{rng.choice(slugs)}/queue" for _ in range(50)],
        "search": [f"/search?q={rng.choice(('fish', 'fruit', '12', 'cereals'))}" for _ in range(50)],
        "alignment": [f"{rng.choice(aligned)}{rng.choice(shows)}" for _ in range(_REQUESTS)] if aligned else [],
        **_universal(client, rng),
        "jobs": ["/jobs?members=yes"] * 50,
    }


def _images(client: httpx.Client, slug: str) -> list[str]:
    """Addresses of the first images of a dictionary's collection."""
    rows = client.get(f"/api/v1/dictionaries/{slug}/images?limit=48").json()["data"]
    return [f"/i/{row['id']}" for row in rows]


def _classes(client: httpx.Client, slugs: list[str], rng: random.Random) -> dict[str, list[str]]:
    """Classes that models predict, where an atlas tells of any, also beside another."""
    shelves = [_class_pages(client, slug) for slug in slugs]
    several = [pages for pages in shelves if len(pages) > 1]
    if not several:
        return {}
    pairs = [rng.sample(pages, 2) for pages in rng.choices(several, k=_REQUESTS)]
    classes = [f"{one}{rng.choice(('', '?against=' + other.rsplit('/', 1)[1]))}" for one, other in pairs]
    return {"class": classes, "classes": [f"/d/{rng.choice(slugs)}/classes" for _ in range(50)]}


def _class_pages(client: httpx.Client, slug: str) -> list[str]:
    rows = client.get(f"/api/v1/dictionaries/{slug}/classes?limit=48").json()["data"]
    return [row["links"]["html"] for row in rows if row["of"] == "predicted"]


def _universal(client: httpx.Client, rng: random.Random) -> dict[str, list[str]]:
    """Pages of the first universal dictionary, and three dictionaries side by side; nothing where there are none."""
    rows = client.get("/api/v1/dictionaries").json()["data"]
    joint = [row["slug"] for row in rows if row["method"] == "universal"]
    single = [row["slug"] for row in rows if row["method"] != "universal"]
    found = {}
    if joint:
        n_concepts = client.get(f"/api/v1/dictionaries/{joint[0]}").json()["data"]["card"]["n_concepts"]
        chosen = [rng.randrange(n_concepts) for _ in range(_REQUESTS)]
        found["universal concept"] = [f"/d/{joint[0]}/c/{concept}" for concept in chosen]
        found["streams"] = [f"/d/{joint[0]}/streams"] * 50
    if len(single) > 2:
        shows = ("", "?in=all", "?in=some", "?sort=-mean")
        trios = [rng.sample(single, 3) for _ in range(_REQUESTS)]
        found["side by side"] = [f"/align/{'/'.join(trio)}{rng.choice(shows)}" for trio in trios]
    return found


def _time_pages(client: httpx.Client, addresses: list[str]) -> dict[str, float]:
    if not addresses:
        return {}
    for address in addresses[:20]:
        client.get(address)
    times = []
    for port, address in enumerate(addresses, 1):
        begun = time.perf_counter()
        answer = client.get(address, headers={"host": f"127.0.0.1:{port}"})  # links of its own: made anew each time
        wall_ms = (time.perf_counter() - begun) * 1e3
        assert answer.status_code == 200, (address, answer.status_code)
        told = re.findall(r"total;dur=([0-9.]+)", answer.headers.get("server-timing", ""))
        times.append(float(told[0]) if told else wall_ms)
    ordered = sorted(times)
    return {"p50": round(statistics.median(times), 1), "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1)}


def _time_unchanged(client: httpx.Client, address: str) -> dict[str, float]:
    """Wall time of a page that the client already has (304)."""
    etag, times = client.get(address).headers["etag"], []
    for _ in range(_REQUESTS):
        begun = time.perf_counter()
        assert client.get(address, headers={"If-None-Match": etag}).status_code == 304
        times.append((time.perf_counter() - begun) * 1e3)
    ordered = sorted(times)
    return {"p50": round(statistics.median(times), 1), "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1)}


def _wait(client: httpx.Client) -> None:
    for _ in range(3000):
        try:
            if client.get("/healthz").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.02)
    sys.exit("the web program did not start")


if __name__ == "__main__":
    main()
