"""What watching costs the web program: counting one request, in pairs with and without; one look of Prometheus."""

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import insert
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Scope

from app.main import make_app
from app.watch.requests import Measure
from benchmarks.machine import emit
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.jobs import IndexJob
from store.settings import Settings
from store.vocabulary import JobKind, JobState

_PAIRS = 4000
_JOBS = (0, 10_000, 100_000)


def main() -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(store=Path(folder))
        with_it, without = make_app(settings), make_app(settings)
        without.user_middleware = [one for one in without.user_middleware if one.cls is not Measure]
        counted = {path: asyncio.run(_pairs(without, with_it, path)) for path in ("/healthz", "/nowhere.json")}
        emit({"counting_us": counted, "by_number_of_jobs_ms": _looks(with_it)})


async def _pairs(without: ASGIApp, with_it: ASGIApp, path: str) -> dict[str, float]:
    """Median time of a request without, and quartiles of the difference; who is first alternates."""
    times: list[float] = []
    differences: list[float] = []
    for number in range(_PAIRS):
        order = (without, with_it) if number % 2 else (with_it, without)
        took = {id(app): await _once(app, path) for app in order}
        times.append(took[id(without)])
        differences.append(took[id(with_it)] - took[id(without)])
    low, middle, high = statistics.quantiles(differences[_PAIRS // 10 :], n=4)
    found = {"without": statistics.median(times), "more": middle, "more_q25": low, "more_q75": high}
    return {name: round(value, 2) for name, value in found.items()}


async def _once(app: ASGIApp, path: str) -> float:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        pass

    scope: Scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": [(b"host", b"x")], "scheme": "http", "server": ("x", 80), "client": ("c", 1), "root_path": ""}
    begin = time.perf_counter()
    await app(scope, receive, send)
    return (time.perf_counter() - begin) * 1e6


def _looks(app: FastAPI) -> dict[str, dict[str, float]]:
    found = {}
    with TestClient(app, base_url="http://localhost") as client:
        n_made = 0
        for n in _JOBS:
            _add_jobs(app.state.site.catalog, n - n_made)
            n_made = n
            found[str(n)] = {path: _median_ms(client, path) for path in ("/metrics", "/readyz")}
    return found


def _add_jobs(catalog: Catalog, n: int) -> None:
    """Ended jobs with specs as long as a training's, one an hour."""
    spec, now = IndexJob(dictionary="a").as_json() | {"more": "x" * 1500}, datetime.now(UTC)
    kinds, states = list(JobKind), [state for state in JobState if state.is_final]
    for start in range(0, n, 5000):
        rows: list[dict[str, Any]] = [
            {
                "kind": kinds[number % len(kinds)],
                "state": states[number % len(states)],
                "title": "a job",
                "spec": spec,
                "digest": "d" * 64,
                "queued_at": now - timedelta(hours=number),
                "started_at": now - timedelta(hours=number),
            }
            for number in range(start, min(start + 5000, n))
        ]
        with catalog.session() as session:
            session.execute(insert(Job), rows)


def _median_ms(client: TestClient, path: str) -> float:
    times = []
    for _ in range(9):
        begin = time.perf_counter()
        client.get(path).raise_for_status()
        times.append(time.perf_counter() - begin)
    return round(statistics.median(times) * 1e3, 1)


if __name__ == "__main__":
    main()
