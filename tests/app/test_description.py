"""The OpenAPI description: kept in the repository, complete, and what the program really does."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from benchmarks.conformance import check
from store.settings import Settings
from tests.app.description import described, written
from tests.serving import serve

KEPT = Path(__file__).parent.parent.parent / "docs" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return described()


def operations(description: dict[str, Any]) -> list[dict[str, Any]]:
    return [op for path in description["paths"].values() for name, op in path.items() if name in METHODS]


def test_the_kept_copy_is_of_this_program(description: dict[str, Any]) -> None:
    kept, now = KEPT.read_text(encoding="utf-8").splitlines(), written(description).splitlines()
    changed = [line[:80] for line in sorted(set(kept) ^ set(now))]
    assert changed == [], "operations have changed: look at the difference after `make openapi`, and commit it"


def test_every_operation_says_what_it_does_and_how_it_fails(description: dict[str, Any]) -> None:
    every = operations(description)
    assert len({op["operationId"] for op in every}) == len(every)
    for op in every:
        assert len(op["summary"]) > 8, op["operationId"]
        assert "422" not in op["responses"]
        assert "application/problem+json" in op["responses"]["default"]["content"]
    assert "HTTPValidationError" not in description["components"]["schemas"]


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [ref for inner in part.values() for ref in references(inner)]
        return [ref for inner in part for ref in references(inner)] if isinstance(part, list) else []

    for reference in set(references(description)):
        _, components, kind, name = reference.split("/")
        assert name in description[components][kind], reference


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("TRACE", "/api/v1/jobs", "GET, HEAD, POST"),
        ("PUT", "/api/v1/analyses/x", "DELETE, GET, HEAD"),
        ("GET", "/api/v1/jobs/estimate", "POST"),
        ("POST", "/", "GET, HEAD"),
        ("PATCH", "/api/v1/openapi.json", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(client: TestClient, method: str, address: str, allowed: str) -> None:
    answer = client.request(method, address, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("number", [2**63, 10**30])
def test_ids_that_no_database_knows_are_unknown(client: TestClient, number: int) -> None:
    for answer in (client.get(f"/api/v1/jobs/{number}"), client.post(f"/api/v1/jobs/{number}/cancel")):
        assert answer.status_code == 404
    assert client.get(f"/api/v1/jobs?cursor={number}").status_code == 400
    assert client.get(f"/api/v1/jobs/1/log?after={number}").status_code == 400


def test_the_reference_is_a_page_with_its_own_viewer(client: TestClient) -> None:
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert 'data-description="/api/v1/openapi.json"' in page.text
    assert "//cdn" not in page.text
    assert client.get("/api/docs.json", follow_redirects=False).headers["location"] == "/api/v1/openapi.json"


@pytest.mark.slow
def test_answers_are_as_described(settings: Settings, tmp_path: Path) -> None:
    copy = shutil.copytree(settings.store, tmp_path / "store")  # jobs are written down
    with serve(copy) as base:
        found = check(base, cases=1, seed=3)
    assert found["failures"] == []
    assert found["cases"] > 1000
