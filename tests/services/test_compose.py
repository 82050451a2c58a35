"""The commands of the compose file's cluster, by hand: real services, two web programs, a proxy, a worker."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from store.catalog.session import Catalog
from store.settings import Settings
from store.vocabulary import JobState
from tests.architecture.sources import text
from tests.services.compose import COMPOSE, REPLICAS, Cluster, cluster, proxy
from tests.services.ports import wait_for
from tests.services.postgres import Postgres
from tests.working import Inputs, submit, wait_end

pytestmark = pytest.mark.services
CHECKS = [json.loads(found) for found in re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", text(Path("Dockerfile")), re.M)]


@pytest.fixture(scope="module")
def of(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), postgres) as running:
        yield running


def migrated(of: Cluster) -> subprocess.CompletedProcess[str]:
    environment = of.environment("migrate")
    return subprocess.run(
        of.program("migrate"), check=False, env=environment, capture_output=True, text=True, timeout=60
    )


def start_web(of: Cluster, host: str) -> None:
    name = f"web at {host}"
    process = of.start(name, of.program("cluster-web"), of.environment("cluster-web", CONCEPTOSCOPE_HOST=host))
    check = health_check(of, "python", host=host)
    wait_for(lambda: check().returncode == 0, process, log=of.log(name))


def health_check(of: Cluster, program: str, *, host: str = "127.0.0.1"):  # type: ignore[no-untyped-def]
    """The health check that an image brings, as a function of no arguments."""
    [command] = [found for found in CHECKS if found[0] == program]
    first = [sys.executable] if program == "python" else [str(Path(of.program("migrate")[0]))]
    local = first + [word.replace("127.0.0.1:8600", f"{host}:{of.web_port}") for word in command[1:]]
    environment = of.environment("cluster-worker")
    return lambda: subprocess.run(local, env=environment, capture_output=True, text=True, timeout=30, check=False)


def catalog_of(of: Cluster) -> Catalog:
    url = of.environment("migrate")["CONCEPTOSCOPE_DATABASE_URL"]
    return Catalog(
        Settings(database_url=url, database_password=of.values["conceptoscope_database_password"]).catalog_url
    )


def shown(of: Cluster) -> list[str]:
    answer = httpx.get(f"{of.address}/api/v1/dictionaries", timeout=20)
    assert answer.status_code == 200, answer.text
    return [row["slug"] for row in answer.json()["data"]]


def test_a_job_of_the_cluster_is_seen_through_the_proxy_when_a_replica_is_gone(
    of: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert of.healthy("database")
    assert not of.healthy("proxy")
    first, again = migrated(of), migrated(of)
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert "Artifacts can be written at s3://conceptoscope/artifacts." in first.stdout
    for host in REPLICAS:
        start_web(of, host)
    with proxy(of):
        work(of, Inputs.draw(tmp_path_factory.mktemp("inputs"), n=24))
        deadline = time.monotonic() + 30
        while "small" not in shown(of):
            assert time.monotonic() < deadline
        assert httpx.get(f"{of.address}/d/small", timeout=20).status_code == 200
        assert [httpx.get(f"{of.address}{path}", timeout=20).status_code for path in ("/readyz", "/metrics")] == [
            404,
            404,
        ]
        assert httpx.get(f"http://{REPLICAS[1]}:{of.web_port}/readyz", timeout=20).status_code == 200
        answer_uploads(of)
        for host in REPLICAS:  # whichever is gone, the other one is asked
            of.lose(f"web at {host}")
            assert [shown(of) for _ in range(20)] == [["small"]] * 20
            assert httpx.get(f"{of.address}/d/small/c/0", timeout=20).status_code == 200
            assert of.healthy("proxy")
            start_web(of, host)
        nothing_is_told(of)


def work(of: Cluster, inputs: Inputs) -> None:
    """A worker carries out a small pipeline; its health check is content while it lives."""
    check = health_check(of, "conceptoscope")
    assert "No worker of the host" in check().stderr
    worker = of.start("worker", of.program("cluster-worker"), of.environment("cluster-worker"))
    catalog = catalog_of(of)
    row = wait_end(catalog, submit(catalog, inputs.pipeline(epochs=2)))
    catalog.close()
    assert (row.state, row.failure) == (JobState.SUCCEEDED, None)
    assert check().stdout.startswith("The worker '")
    assert worker.poll() is None
    nothing_is_wrong(of)


def answer_uploads(of: Cluster) -> None:
    """An encoder that knows the secret of the web programs is found by each of them."""
    encoder = of.start("encoder", of.program("cluster-encoder"), of.environment("cluster-encoder"))

    def found() -> list[str]:
        ready = [httpx.get(f"http://{host}:{of.web_port}/readyz", timeout=20).json() for host in REPLICAS]
        return [one["parts"]["encoder"]["state"] for one in ready]

    wait_for(lambda: found() == ["ok", "ok"], encoder, log=of.log("encoder"))


def nothing_is_wrong(of: Cluster) -> None:
    """The doctor sees catalog, engine, object store, cache and worker, and finds all well."""
    command = [*of.program("migrate")[:1], "doctor", "--json"]
    done = subprocess.run(
        command, env=of.environment("cluster-worker"), capture_output=True, text=True, timeout=60, check=False
    )
    found = {one["what"]: one for one in json.loads(done.stdout)}
    assert {"artifacts", "cache", "catalog", "job engine"} < set(found)
    assert [one for one in found.values() if one["state"] == "bad"] == []
    assert found["job engine"]["found"].endswith(", ready")
    assert any(what.startswith("worker ") for what in found)


def nothing_is_told(of: Cluster) -> None:
    """No secret on a command line, in the environment of a program of ours, or in what any of them said."""
    alive = {name: process.pid for name, process in of.processes.items() if process.poll() is None}
    assert {"objects", "proxy", "worker", "encoder"} < set(alive)
    for name, pid in alive.items():
        seen = Path(f"/proc/{pid}/cmdline").read_text() + of.log(name).read_text(errors="replace")
        if name != "objects":  # its script reads the file for it, after it was started
            seen += Path(f"/proc/{pid}/environ").read_text()
        assert [value for value in of.values.values() if value in seen] == []


def test_every_service_of_the_cluster_is_run_here() -> None:
    services = {name for name, service in COMPOSE["services"].items() if "cluster" in service["profiles"]}
    assert services == {"proxy", "cluster-web", "cluster-worker", "cluster-encoder", "migrate", "database", "objects"}
