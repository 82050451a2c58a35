"""Alive, ready, and the numbers for Prometheus, each checked against what is really there."""

import os
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.main import make_app
from app.watch.bounded import PATIENCE_S, Bounded
from app.watch.requests import BOUNDS_S
from store.catalog.jobs import list_jobs
from store.catalog.session import Catalog
from store.catalog.versions import migrate, revisions
from store.catalog.workers import WorkerFacts, list_workers, register_worker
from store.errors import Unavailable
from store.jobs import QUEUE_OF
from store.settings import Settings
from store.vocabulary import JobKind, JobState, Kind, Queue, WorkerState
from tests.app.watching import fill, labels, scrape, served
from tests.architecture.sources import text
from tests.services.postgres import PASSWORD, Postgres
from tests.store.artifacts.builder import build
from tests.store.catalog.test_versions import statements

SLACK_S = 1.5  # a busy machine is no hanging one


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[TestClient]:
    with served(Settings(store=tmp_path / "store")) as client:
        yield client


def state_of(client: TestClient) -> Any:
    return client.app.state  # type: ignore[attr-defined]


def parts_of(client: TestClient, *, status: int) -> dict[str, Any]:
    response = client.get("/readyz")
    assert response.status_code == status
    assert response.headers["cache-control"] == "no-store"
    assert client.get("/healthz").json()["status"] == "ok"
    data = response.json()
    assert data["status"] == ("ready" if status == 200 else "not ready")
    parts: dict[str, Any] = data["parts"]
    assert all(part["remedy"] for part in parts.values() if part["state"] != "ok")
    return parts


def failed(client: TestClient) -> set[str]:
    """Parts that failed; workers are known from the catalog, so nobody knows of them without it."""
    found = {name for name, part in parts_of(client, status=503).items() if part["state"] == "failed"}
    assert ("workers" in found) == ("catalog" in found)
    return found - {"workers"}


# Ready


def test_a_store_in_order_is_ready_and_a_missing_worker_is_no_failure(client: TestClient, settings: Settings) -> None:
    parts = parts_of(client, status=200)
    assert parts["catalog"] == {
        "state": "ok",
        "found": f"answers, at migration {revisions()[-1]}",
        "remedy": "",
        "n": 3,
    }
    assert parts["workers"]["state"] == "missing"
    assert "`conceptoscope worker`" in parts["workers"]["remedy"]
    assert {parts[name]["state"] for name in ("artifacts", "store")} == {"ok"}


def test_a_living_worker_is_counted_and_a_silent_one_is_not(empty: TestClient) -> None:
    catalog: Catalog = state_of(empty).site.catalog
    with catalog.session() as session:
        for name in "ab":
            facts = WorkerFacts(name=name, session=name, host="h", pid=1, device="cpu", queues="cpu")
            register_worker(session, facts)
        list_workers(session)[0].seen_at = datetime.fromtimestamp(0, UTC)
    assert parts_of(empty, status=200)["workers"] == {
        "state": "ok",
        "found": "there is somebody to carry out jobs",
        "remedy": "",
        "n": 1,
    }


@pytest.mark.parametrize(
    ("statement", "found", "remedy"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "is at migration 9999", "upgrade Conceptoscope."),
        ("UPDATE alembic_version SET version_num = '0001'", "is at migration 0001", "start the program again"),
        ("DELETE FROM alembic_version", "has no tables yet", "start the program again"),
    ],
)
def test_a_catalog_at_another_migration_is_told(empty: TestClient, statement: str, found: str, remedy: str) -> None:
    url = state_of(empty).site.settings.catalog_url
    with statements(url, statement):
        assert failed(empty) == {"catalog"}
        part = parts_of(empty, status=503)["catalog"]
    assert found in part["found"]
    assert remedy in part["remedy"]
    assert empty.get("/readyz").json()["n_dictionaries"] is None


def test_a_store_that_vanished_is_told_not_made_again_and_back_when_it_is(empty: TestClient) -> None:
    root: Path = state_of(empty).site.settings.store
    away = root.with_name("away")
    root.rename(away)
    parts = parts_of(empty, status=503)
    assert failed(empty) == {"catalog", "artifacts", "store"}
    assert re.fullmatch(r"There is no store at '.*store': .*not mounted", parts["store"]["found"])
    assert parts["store"]["remedy"].startswith("Bring it back")
    assert scrape(empty)["conceptoscope_catalog_up"] == {labels(): 0}
    assert not root.exists()
    away.rename(root)
    parts_of(empty, status=200)


def test_a_store_that_cannot_be_written_is_told(empty: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    assert failed(empty) == {"store"}


def test_artifacts_that_do_not_answer_are_told(empty: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise Unavailable("The bucket 'b' does not exist at AWS. Make it.")

    site = state_of(empty).site
    monkeypatch.setattr(type(site.artifacts), "check_readable", lambda _: refuse())
    part = parts_of(empty, status=503)["artifacts"]
    assert part == {
        "state": "failed",
        "found": "The bucket 'b' does not exist at AWS",
        "remedy": "Make it.",
        "n": None,
    }


def test_static_files_that_are_gone_are_told(empty: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    static = state_of(empty).site.static
    n = len(static.names)
    monkeypatch.setitem(static._files, "css/gone.css", Path("/nowhere/gone.css"))
    part = parts_of(empty, status=503)["static"]
    assert part["found"] == f"1 of {n + 1} static files are gone, such as css/gone.css"


def test_a_file_that_is_gone_is_not_made_again(empty: TestClient) -> None:
    file = state_of(empty).site.settings.store / "catalog.sqlite"
    state_of(empty).site.catalog.close()
    file.unlink()
    assert failed(empty) == {"catalog"}
    assert scrape(empty)["conceptoscope_catalog_up"] == {labels(): 0}
    assert not file.exists()


def test_an_unforeseen_fault_shows_no_text(empty: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError(PASSWORD)

    monkeypatch.setattr(type(state_of(empty).site.artifacts), "check_readable", fail)
    assert failed(empty) == {"artifacts"}
    assert PASSWORD not in empty.get("/readyz").text


# Bounded in time


def test_a_hanging_catalog_with_every_thread_waiting_hangs_neither_health_nor_metrics(tmp_path: Path) -> None:
    """More requests than there are threads wait for the catalog, and so do the questions of the watch."""
    n_threads, release = 45, threading.Event()
    with served(Settings(store=tmp_path)) as client, ThreadPoolExecutor(n_threads) as pool:
        catalog: Catalog = state_of(client).site.catalog
        session, check = catalog.session, catalog.check
        catalog.session = lambda: (release.wait(60), session())[1]  # type: ignore[method-assign]
        catalog.check = lambda: (release.wait(60), check())[1]  # type: ignore[method-assign]
        pages = [pool.submit(client.get, "/") for _ in range(n_threads)]
        try:
            time.sleep(0.3)
            assert timed(lambda: client.get("/healthz").raise_for_status()) < SLACK_S
            assert timed(lambda: parts_of(client, status=503)) < PATIENCE_S + SLACK_S
            assert timed(lambda: scrape(client)) < PATIENCE_S + SLACK_S
            part = client.get("/readyz").json()["parts"]["catalog"]
            assert part["found"] == f"The catalog gave no answer in {PATIENCE_S:g} s"
            n_asking = Counter(thread.name for thread in threading.enumerate())
            assert n_asking["catalog"] == 2  # one of readiness, one of the metrics, however often they are asked
        finally:
            release.set()
        assert {page.result().status_code for page in pages} == {200}
        parts_of(client, status=200)


def timed(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def test_one_question_at_a_time_is_asked() -> None:
    release, n_asked = threading.Event(), []
    question = Bounded(lambda: (n_asked.append(1), release.wait(10))[1], what="thing", patience_s=0.05)
    for _ in range(3):
        with pytest.raises(Unavailable, match=r"The thing gave no answer in 0\.05 s\."):
            question.wait()
    assert len(n_asked) == 1
    release.set()
    assert question.wait()
    assert question.wait()
    assert len(n_asked) >= 2


@pytest.mark.services
def test_a_database_that_is_away_or_locked_is_told_without_its_password(postgres: Postgres, tmp_path: Path) -> None:
    import psycopg

    url = postgres.make_database()
    migrate(url)
    with served(Settings(store=tmp_path, database_url=url)) as client:
        parts_of(client, status=200)
        with psycopg.connect(url) as other:  # a table that somebody else keeps for himself
            other.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
            assert timed(lambda: failed(client)) < PATIENCE_S + SLACK_S
        parts_of(client, status=200)
        with statements(url, "UPDATE alembic_version SET version_num = '0001'"):
            assert "run `conceptoscope migrate`" in parts_of(client, status=503)["catalog"]["remedy"]
        with statements(url, f"UPDATE alembic_version SET version_num = '{revisions()[-1]}'"):
            parts_of(client, status=200)
        postgres.stop()
        try:
            assert failed(client) == {"catalog"}
            assert PASSWORD not in client.get("/readyz").text
            found = scrape(client)
            assert found["conceptoscope_catalog_up"] == {labels(): 0}
            assert "conceptoscope_jobs" not in found
            assert found["conceptoscope_atlases_open"] == {labels(): 0}
        finally:
            postgres.start()
        parts_of(client, status=200)
        assert scrape(client)["conceptoscope_catalog_up"] == {labels(): 1}


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
