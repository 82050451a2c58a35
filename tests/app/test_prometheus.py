"""What Prometheus reads, each number against what is really there."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.main import make_app
from app.watch.requests import BOUNDS_S
from store.catalog.jobs import list_jobs
from store.catalog.session import Catalog
from store.catalog.workers import list_workers
from store.jobs import QUEUE_OF
from store.settings import Settings
from store.vocabulary import JobKind, JobState, Kind, Queue, WorkerState
from tests.app.watching import SLACK_S, labels, scrape, served, state_of
from tests.architecture.sources import text
from tests.store.artifacts.builder import build
from tests.store.catalog.filling import fill
from tests.store.catalog.test_versions import statements

# Jobs and workers


def test_every_figure_of_the_catalog_is_what_its_rows_say(empty: TestClient) -> None:
    catalog: Catalog = state_of(empty).site.catalog
    fill(catalog)
    found, now = scrape(empty), datetime.now(UTC)
    with catalog.session() as session:
        rows, workers = list_jobs(session, limit=10_000), list_workers(session)
    assert {row.state for row in rows} == set(JobState)
    for kind in JobKind:
        for state in JobState:
            n = sum((row.kind, row.state) == (kind, state) for row in rows)
            assert found["conceptoscope_jobs"][labels(kind=kind, state=state)] == n
        rates = [row.rate or 0 for row in rows if (row.kind, row.state) == (kind, JobState.RUNNING)]
        assert found["conceptoscope_running_units_per_second"][labels(kind=kind)] == pytest.approx(sum(rates))
    for queue in Queue:
        mine = [row for row in rows if QUEUE_OF[JobKind(row.kind)] == queue]
        ages = [(now - row.queued_at).total_seconds() for row in mine if row.state == JobState.QUEUED]
        assert found["conceptoscope_queue_oldest_wait_seconds"][labels(queue=queue)] == pytest.approx(
            max(ages, default=0), abs=SLACK_S
        )
        starts = [row for row in mine if row.started_at and (now - row.started_at).total_seconds() < 3600]
        waits = [(row.started_at - row.queued_at).total_seconds() for row in starts if row.started_at]
        assert found["conceptoscope_queue_recent_starts"][labels(queue=queue)] == len(starts)
        assert found["conceptoscope_queue_recent_wait_seconds"][labels(queue=queue)] == pytest.approx(
            sum(waits) / max(len(waits), 1)
        )
    assert any(found["conceptoscope_queue_recent_starts"].values())
    assert sum(found["conceptoscope_queue_recent_starts"].values()) < len(rows) - 10  # older ones are left out
    for worker_state in WorkerState:
        n = sum(worker.state == worker_state for worker in workers)
        assert found["conceptoscope_workers"][labels(state=worker_state)] == n == 1
    assert 0 <= found["conceptoscope_worker_longest_silence_seconds"][labels()] < 60


def test_a_catalog_without_jobs_has_zeros(empty: TestClient) -> None:
    found = scrape(empty)
    assert len(found["conceptoscope_jobs"]) == len(JobKind) * len(JobState)
    assert len(found["conceptoscope_workers"]) == len(WorkerState)
    for name in ("jobs", "workers", "queue_oldest_wait_seconds", "queue_recent_starts", "running_units_per_second"):
        assert set(found[f"conceptoscope_{name}"].values()) == {0}
    assert found["conceptoscope_worker_longest_silence_seconds"] == {labels(): 0}


def test_a_catalog_that_cannot_be_read_leaves_the_rest(empty: TestClient) -> None:
    with statements(state_of(empty).site.settings.catalog_url, "DROP TABLE worker"):
        found = scrape(empty)
    assert found["conceptoscope_catalog_up"] == {labels(): 0}
    assert "conceptoscope_workers" not in found
    assert "conceptoscope_http_requests_total" in scrape(empty)


# Requests


def test_requests_are_counted_by_pattern_method_and_class_of_status(settings: Settings) -> None:
    concept = "/d/tiny-topk/c/"
    with served(settings) as client:
        etag = client.get(f"{concept}6").headers["etag"]
        asked = [client.get(f"{concept}{index}") for index in (1, 2, 9999)]
        asked += [client.get(f"{concept}6", headers={"If-None-Match": etag}) for _ in range(2)]
        asked += [client.head(f"{concept}6"), client.post("/healthz"), client.request("BREW", "/healthz")]
        assert [answer.status_code for answer in asked] == [200, 200, 404, 304, 304, 200, 405, 405]
        found = scrape(client)
    route = "/d/{slug}/c/{index}"
    expected = {
        labels(route=route, method="GET", status="2xx"): 3,
        labels(route=route, method="GET", status="3xx"): 2,
        labels(route=route, method="GET", status="4xx"): 1,
        labels(route=route, method="HEAD", status="2xx"): 1,
        labels(route="/healthz", method="POST", status="4xx"): 1,
        labels(route="/healthz", method="other", status="4xx"): 1,
    }
    assert found["conceptoscope_http_requests_total"] == expected
    assert found["conceptoscope_http_request_duration_seconds_count"] == expected
    assert found["conceptoscope_http_not_modified_total"] == {labels(route=route): 2}
    assert "tiny-topk" not in str(found)


def test_durations_fall_into_buckets(app: FastAPI) -> None:
    tally = make_app(app.state.site.settings).state.watch.tally
    scope = {"method": "GET"}
    seconds = [0.0005, 0.001, 0.0011, 0.3, 99.0]
    for one in seconds:
        tally.add(scope, status=200, seconds=one)
    _, durations, _ = tally.collect()
    buckets = {s.labels["le"]: s.value for s in durations.samples if s.name.endswith("_bucket")}
    for bound in BOUNDS_S:
        assert buckets[str(bound)] == sum(one <= bound for one in seconds)
    assert buckets["+Inf"] == len(seconds)
    assert [s.value for s in durations.samples if s.name.endswith("_sum")] == [pytest.approx(sum(seconds))]


def test_unknown_addresses_are_one_label(empty: TestClient) -> None:
    for number in range(50):
        assert empty.get(f"/nowhere-{number}/{number}").status_code == 404
    assert scrape(empty)["conceptoscope_http_requests_total"] == {labels(route="other", method="GET", status="4xx"): 50}


def test_a_fault_of_ours_is_counted(empty: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(type(state_of(empty).site.roster), "entries", fail)
    assert empty.get("/").status_code == 500
    assert scrape(empty)["conceptoscope_http_requests_total"] == {labels(route="/", method="GET", status="5xx"): 1}


# What is held


def test_open_atlases_and_their_memory_are_told(settings: Settings) -> None:
    with served(settings) as client:
        found = scrape(client)
        assert (found["conceptoscope_atlases_open"], found["conceptoscope_atlas_memory_bytes"]) == (
            {labels(): 0},
            {labels(): 0},
        )
        client.get("/api/v1/dictionaries/tiny-topk/concepts")
        client.get("/api/v1/dictionaries/wide-topk/concepts")
        site, found = state_of(client).site, scrape(client)
        arrays = 0
        for digest in site.shelf.digests:
            with site.shelf.reading(digest) as shelved:
                arrays += sum(column.nbytes for column in shelved.atlas.columns.values())
                arrays += sum(column.nbytes for column in shelved.concepts.numbers.values())
        assert found["conceptoscope_atlases_open"] == {labels(): len(site.shelf.digests)}
        assert found["conceptoscope_atlases_opened_total"] == {labels(): site.shelf.n_opened}
        assert arrays < found["conceptoscope_atlas_memory_bytes"][labels()] == site.shelf.n_bytes()
        assert found["conceptoscope_build_info"] == {
            labels(version=client.get("/healthz").json()["version"], code=site.code): 1
        }


def test_the_cache_of_artifacts_is_told(tmp_path: Path) -> None:
    settings = remote(tmp_path)
    with served(settings) as client:
        site = state_of(client).site
        assert scrape(client)["conceptoscope_artifact_cache_bytes"] == {labels(): 0}
        built = build(site.artifacts, text="hello")
        shutil.rmtree(tmp_path / "cache")
        before = scrape(client)
        for _ in range(3):
            site.artifacts.get(Kind.ATLAS, built.digest).file("a.txt")
        found = scrape(client)
        n_bytes = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert found["conceptoscope_artifact_cache_bytes"] == {labels(): n_bytes}
    assert found["conceptoscope_artifact_cache_limit_bytes"] == {labels(): settings.cache_bytes}
    more = {
        name: found[f"conceptoscope_artifact_cache_{name}_total"][labels()]
        - before[f"conceptoscope_artifact_cache_{name}_total"][labels()]
        for name in ("hits", "misses")
    }
    assert more["misses"] == 2  # the manifest and the file, once
    assert more["hits"] >= 4  # both again, twice


def remote(folder: Path) -> Settings:
    return Settings(store=folder, artifacts_url=f"memory://{folder.name}/health")


# Documents


def test_every_metric_is_documented_and_the_reverse(tmp_path: Path) -> None:
    with served(remote(tmp_path)) as client:
        client.get("/")
        kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", client.get("/metrics").text, re.MULTILINE))
    rows = re.findall(
        r"^\| `((?:conceptoscope|process)_\w+)` \| (\w+) \|", text(Path("docs/operations.md")), re.MULTILINE
    )
    assert len(rows) == len(dict(rows))
    assert dict(rows) == kinds
