"""Alive and ready: what is told of each part when it is there, when it is not, and when it hangs."""

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.watch.bounded import PATIENCE_S, Bounded
from store.catalog.session import Catalog
from store.catalog.versions import migrate, revisions
from store.catalog.workers import WorkerFacts, list_workers, register_worker
from store.errors import Unavailable
from store.settings import Settings
from tests.app.watching import SLACK_S, labels, scrape, served, state_of
from tests.services.postgres import PASSWORD, Postgres
from tests.services.s3 import SECRET, S3Server
from tests.store.catalog.test_versions import statements


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
    assert parts["encoder"]["state"] == "missing"
    assert "`conceptoscope up`" in parts["encoder"]["remedy"]
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


@pytest.mark.slow
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
def test_an_object_store_that_is_away_is_told_in_time(s3: S3Server, tmp_path: Path) -> None:
    with served(s3.settings(tmp_path)) as client:
        parts_of(client, status=200)
        s3.stop()
        try:
            assert timed(lambda: failed(client)) < PATIENCE_S + SLACK_S
            assert failed(client) == {"artifacts"}
            assert SECRET not in client.get("/readyz").text
        finally:
            s3.start()
        end = time.monotonic() + 30  # the library may still try what it began
        while client.get("/readyz").status_code != 200 and time.monotonic() < end:
            time.sleep(0.1)
        parts_of(client, status=200)


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
