"""The API over a dictionary of 32,768 concepts: lists, repeated requests and whole tables, beside bare DuckDB."""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import httpx
import numpy as np
import psutil

from benchmarks.demo import _free_port
from benchmarks.machine import WORK, emit
from store.artifacts import Artifact, Artifacts
from store.atlas.schema import CONCEPT, FILE, PLACES, VERSION
from store.atlas.writer import AtlasWriter
from store.catalog.collections import save_collection
from store.catalog.dictionaries import DictionaryFacts, save_dictionary, switch_atlas
from store.catalog.models import save_model
from store.catalog.session import Catalog
from store.methods import load_dictionary_spec
from store.settings import Settings
from store.specs import AtlasSpec, digest_of
from store.vocabulary import Kind, Layout

N_CONCEPTS, SLUG, TIMES = 32_768, "large", 100
D = f"/api/v1/dictionaries/{SLUG}"
_COPIES = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv", "ndjson": "FORMAT json"}
_COLUMNS = ", ".join(f'"{column.name}"' for column in CONCEPT.columns)


def main() -> None:
    """Make the store once, serve it, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=WORK / "api-store")
    store = parser.parse_args().store
    atlas = make_large(store)
    port = _free_port()
    command = [sys.executable, "-m", "app", "--store", str(store), "--port", str(port), "--host", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _wait(client)
            emit(_measure(client, psutil.Process(process.pid), atlas.file(FILE)))
    finally:
        process.terminate()
        process.wait(timeout=30)


def _measure(client: httpx.Client, process: psutil.Process, file: Path) -> dict[str, Any]:
    client.get(f"{D}/concepts")
    served = Served(client, process)
    etag = client.get(f"{D}/concepts?limit=200").headers["etag"]
    found: dict[str, Any] = {"n_concepts": N_CONCEPTS, "resident_mib_before": _resident(process)}
    with duckdb.connect(str(file), read_only=True) as bare, _peak(process) as peak, tempfile.TemporaryDirectory() as to:
        bare.execute("SET threads = 1")
        for limit in (24, 200):
            sql = f"SELECT {_COLUMNS} FROM concept ORDER BY density DESC NULLS LAST, concept LIMIT {limit}"
            found[f"list_{limit}"] = served.beside(
                f"limit={limit}&sort=-density&density__lte=1.{{n}}", lambda q=sql: bare.execute(q).fetchall()
            )
        found["repeated"] = served.spread("limit=200", headers={"If-None-Match": etag}, status=304)
        for form, options in _COPIES.items():
            copy = f"COPY (SELECT {_COLUMNS} FROM concept ORDER BY concept) TO '{to}/{form}' ({options})"
            found[f"whole_{form}"] = served.beside(f"format={form}&sort=id", lambda q=copy: bare.execute(q), n=10)
        found["whole_arrow"] = served.spread("format=arrow&sort=id", n=10)
    found |= {"resident_mib_peak": max(peak), "resident_mib_after": _resident(process)}
    bars = {"list_24_p95": 40, "list_200_p95": 90, "repeated_p95": 5, "whole_parquet_p95": 2000, "resident_mib": 200}
    return found | {"bars_ms": bars}


@dataclass(frozen=True)
class Served:
    """A running web program. Times are in ms; those of the processor are the same however busy the machine is."""

    client: httpx.Client
    process: psutil.Process

    def spread(
        self, query: str, *, n: int = TIMES, headers: dict[str, str] | None = None, status: int = 200
    ) -> dict[str, float]:
        """Wall time of requests for concepts, and the program's own time on the processor for each.

        ``{n}`` in the query is another number in each, so that no answer has been made before.
        """
        self.client.get(f"{D}/concepts?{query}", headers=headers)
        cpu, times = sum(self.process.cpu_times()[:2]), []
        for number in range(n):
            begun, asked = time.perf_counter(), query.replace("{n}", str(number))
            assert self.client.get(f"{D}/concepts?{asked}", headers=headers).status_code == status
            times.append(1e3 * (time.perf_counter() - begun))
        ordered, used = sorted(times), 1e3 * (sum(self.process.cpu_times()[:2]) - cpu) / n
        p95 = ordered[int(0.95 * (len(ordered) - 1))]
        return {"p50": round(statistics.median(times), 2), "p95": round(p95, 2), "cpu": round(used, 2)}

    def beside(self, query: str, work: Callable[[], object], *, n: int = TIMES) -> dict[str, float]:
        """The same beside bare DuckDB in this process."""
        work()
        begun = time.process_time()
        for _ in range(n):
            work()
        bare = 1e3 * (time.process_time() - begun) / n
        ours = self.spread(query, n=n)
        return ours | {"bare_cpu": round(bare, 2), "cpu_ratio": round(ours["cpu"] / bare, 2)}


def _resident(process: psutil.Process) -> float:
    return round(process.memory_info().rss / 2**20, 1)


@contextmanager
def _peak(process: psutil.Process) -> Iterator[list[float]]:
    """Resident memory, looked at every 10 ms."""
    seen, done = [_resident(process)], threading.Event()

    def look() -> None:
        while not done.wait(0.01):
            seen.append(_resident(process))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def make_large(store: Path) -> Artifact:
    """An atlas with scalar columns as they look, and nothing else."""
    artifacts = Artifacts(store)
    spec = AtlasSpec(n_examples=9)
    inputs = {"dictionary": digest_of(SLUG), "schema": str(VERSION)}
    store.mkdir(parents=True, exist_ok=True)
    found = artifacts.find(Kind.ATLAS, spec, inputs=inputs)
    if found is None:
        with artifacts.draft(Kind.ATLAS, spec, inputs=inputs) as draft:
            draft.clear()
            with AtlasWriter(draft.path / FILE) as writer:
                writer.write_meta({"spec": {}, "metrics": {}, "history": []})
                writer.append("stream", {name: [value] for name, value in _STREAM.items()})
                writer.append("concept", _concepts())
            found = artifacts.publish(draft)
    _record(store, found)
    return found


_STREAM = {
    "stream": 0, "is_mean": False, "model": "made-up", "layer": "last", "width": 768, "grid_rows": 16, "grid_cols": 16,
    "n_class": 1, "n_register": 0, "height_px": 224, "width_px": 224, "fit": "crop", "crop_ratio": 1.0,
}  # fmt: skip


def _concepts() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    classes = [f"class {number}" for number in range(1000)]
    made: dict[str, Any] = {}
    for column in CONCEPT.columns:
        if column.type == "DOUBLE":
            made[column.name] = 10 ** rng.uniform(-6, 0, N_CONCEPTS)
        elif column.type in ("INTEGER", "USMALLINT"):
            made[column.name] = rng.integers(0, 60_000, N_CONCEPTS)
        elif column.type == "VARCHAR[]":
            made[column.name] = [["dense"] if one < 0.05 else [] for one in rng.random(N_CONCEPTS)]
        else:
            made[column.name] = [classes[one] for one in rng.integers(0, 1000, N_CONCEPTS)]
    own = {"concept": np.arange(N_CONCEPTS), "cluster": rng.integers(0, round(N_CONCEPTS**0.5), N_CONCEPTS)}
    return made | own | _planted(rng)


def _planted(rng: np.random.Generator) -> dict[str, Any]:
    """Places by firing as they look: 180 groups of very different sizes; a hundredth has none."""
    sizes = rng.dirichlet(np.full(180, 0.7))
    centres = rng.uniform(4_000, 61_500, (180, 2))
    places = centres[rng.choice(180, N_CONCEPTS, p=sizes)] + rng.normal(0, 1_300, (N_CONCEPTS, 2))
    whole, silent = np.clip(np.rint(places), 0, 65_535).astype(int), rng.random(N_CONCEPTS) < 0.01
    return {
        name: [None if gone else int(one) for one, gone in zip(whole[:, axis], silent, strict=True)]
        for axis, name in enumerate(PLACES[Layout.FIRING])
    }


def _record(store: Path, atlas: Artifact) -> None:
    catalog = Catalog(Settings(store=store).catalog_url)
    with catalog.session() as session:
        spec = load_dictionary_spec({"method": "topk", "n_concepts": N_CONCEPTS, "n_active": 32})
        facts = DictionaryFacts(
            slug=SLUG,
            title="Large",
            model=save_model(session, "made-up", title="Made up", facts={}),
            collection=save_collection(session, "none", title="None", digest=digest_of(0), folder=None, n_images=0),
            layer="last",
            method="topk",
            digest=digest_of(SLUG),
            n_concepts=N_CONCEPTS,
            spec=spec.as_json(),
            metrics={},
        )
        switch_atlas(session, save_dictionary(session, facts), digest=atlas.digest, headline={})
    catalog.close()


def _wait(client: httpx.Client) -> None:
    for _ in range(300):
        try:
            if client.get("/healthz").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.02)
    sys.exit("the web program did not start")


if __name__ == "__main__":
    main()
