"""Jobs over HTTP: asked for once, listed in pages, stopped, tried again; pages and API agree."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.main import make_app
from store.catalog.jobs import JobFilter, find_job, list_jobs
from store.catalog.session import Catalog
from store.catalog.workers import list_workers
from store.jobs import IndexJob, UniversalJob, load_job
from store.presets import DEMO_STREAMS, DEMO_UNIVERSAL
from store.vocabulary import JobKind, JobState
from tests.app.jobs import Numbers, empty_store, register, states, submit

JOBS = "/api/v1/jobs"
SPEC = {"kind": "index", "dictionary": "tiny-topk"}


def data(client: TestClient, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200, response.text
    return response.json()["data"]


def test_every_state_is_shown_as_it_is(jobs: TestClient, numbers: Numbers) -> None:
    for state in ("queued", "running", "succeeded", "failed", "cancelled"):
        one = data(jobs, f"{JOBS}/{getattr(numbers, state)}")
        assert one["state"] == state
    running = data(jobs, f"{JOBS}/{numbers.running}")
    assert (running["done"], running["total"], running["share"], running["rate"]) == (30, 120, 0.25, 2.0)
    assert running["links"]["cancel"] == f"{JOBS}/{numbers.running}/cancel"
    assert running["links"]["retry"] is None
    failed = data(jobs, f"{JOBS}/{numbers.failed}")
    assert failed["error"]["traceback"] == "Traceback: <here>"
    assert failed["links"]["cancel"] is None
    done = data(jobs, f"{JOBS}/{numbers.succeeded}")
    assert [step["name"] for step in done["steps"]] == ["atlas"]
    assert done["made"][0]["url"] == "/d/tiny-topk"
    assert data(jobs, f"{JOBS}/{numbers.pipeline}")["members"][0]["id"] == numbers.member


def test_pages_say_what_the_api_says(jobs: TestClient, numbers: Numbers) -> None:
    text = jobs.get("/jobs?members=yes").text
    shown = re.findall(r'data-job="(\d+)" data-state="(\w+)"', text)
    listed = {str(job["id"]): job["state"] for job in data(jobs, f"{JOBS}?members=yes&limit=200")}
    assert dict(shown) == listed
    failed = jobs.get(f"/jobs/{numbers.failed}").text
    assert "The file &#39;x&#39; is damaged. Run it with --rebuild." in failed
    assert "Traceback: &lt;here&gt;" in failed
    assert "30 of 120 &lt;images&gt;" in jobs.get(f"/jobs/{numbers.running}").text
    assert "running" in jobs.get("/jobs").text
    assert f'href="/jobs/{numbers.member}"' in jobs.get("/jobs").text  # what a pipeline runs now stands below it


@pytest.mark.parametrize("query", ["", "state=running", "kind=index&members=yes", "state=failed&kind=extract"])
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_pages_walk_through_all_jobs_both_ways(jobs: TestClient, catalog: Catalog, query: str, limit: int) -> None:
    named = dict(pair.split("=") for pair in query.split("&") if pair)
    with catalog.session() as session:
        which = JobFilter(
            states=[JobState(named["state"])] if "state" in named else [],
            kinds=[JobKind(named["kind"])] if "kind" in named else [],
            top_only=named.get("members", "no") == "no",
        )
        wanted = [row.id for row in list_jobs(session, which, limit=1000)]
    seen: list[int] = []
    url: str | None = f"{JOBS}?{query}&limit={limit}"
    body: dict[str, Any] = {}
    while url:
        body = jobs.get(url).json()
        assert body["page"]["total"] == len(wanted)
        seen += [job["id"] for job in body["data"]]
        url = body["links"]["next"]
    assert seen == wanted
    back = [job["id"] for job in body["data"]]
    while body["links"]["prev"]:
        body = jobs.get(body["links"]["prev"]).json()
        back = [job["id"] for job in body["data"]] + back
    assert back == wanted


def test_starting_writes_down_what_was_asked(jobs: TestClient, catalog: Catalog) -> None:
    response = jobs.post(JOBS, json=SPEC)
    assert response.status_code == 201, response.text
    number = response.json()["data"]["id"]
    assert response.headers["location"] == f"{JOBS}/{number}"
    with catalog.session() as session:
        row = find_job(session, number)
        assert row is not None
        assert load_job(row.spec) == IndexJob(dictionary="tiny-topk")
        assert (row.state, row.created_by) == ("queued", "API")


def test_the_same_key_starts_one_job_and_another_request_under_it_is_refused(
    jobs: TestClient, catalog: Catalog
) -> None:
    before = sum(states(catalog).values())
    key = {"Idempotency-Key": "mine"}
    first, again = jobs.post(JOBS, json=SPEC, headers=key), jobs.post(JOBS, json=SPEC, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["data"]["id"] == again.json()["data"]["id"]
    other = jobs.post(JOBS, json=SPEC | {"dictionary": "other"}, headers=key)
    assert other.status_code == 409
    assert "mine" in other.json()["detail"]
    assert sum(states(catalog).values()) == before + 1
    assert jobs.post(JOBS, json=SPEC, headers={"Idempotency-Key": "x" * 201}).status_code == 400


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "body"),
        ({"kind": "dance"}, "body"),
        ({"kind": "index"}, "index.dictionary"),
        ({"kind": "index", "dictionary": "a", "colour": 1}, "index.colour"),
        ({"kind": "index", "dictionary": "a", "atlas": {"n_examples": 1}}, "index.atlas.n_examples"),
        ([1, 2], "body"),
    ],
)
def test_a_job_that_is_none_is_refused_with_the_place(
    jobs: TestClient, catalog: Catalog, body: Any, place: str
) -> None:
    before = states(catalog)
    response = jobs.post(JOBS, json=body)
    assert response.status_code == 400
    assert [fault["param"] for fault in response.json()["errors"]] == [place]
    assert states(catalog) == before


def test_other_content_types_broken_and_endless_bodies_are_refused(jobs: TestClient, catalog: Catalog) -> None:
    before = states(catalog)
    text = json.dumps(SPEC)
    assert jobs.post(JOBS, content=text, headers={"Content-Type": "text/plain"}).status_code == 415
    assert jobs.post(JOBS, content="{", headers={"Content-Type": "application/json"}).status_code == 400
    long = '"' + "x" * 2**21 + '"'
    assert jobs.post(JOBS, content=long, headers={"Content-Type": "application/json"}).status_code == 413
    parts = (b"x" * 2**16 for _ in range(40))
    assert jobs.post(JOBS, content=parts, headers={"Content-Type": "application/json"}).status_code == 413
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert jobs.post("/jobs/new/index", content=long, headers=form).status_code == 413
    assert states(catalog) == before


@pytest.mark.parametrize("address", [JOBS, "/jobs/new/index", f"{JOBS}/1/cancel", "/jobs/1/cancel", "/jobs/1/retry"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
def test_pages_of_other_sites_change_nothing(
    jobs: TestClient, catalog: Catalog, address: str, headers: dict[str, str]
) -> None:
    before = states(catalog)
    body: dict[str, Any] = {"json": SPEC} if address == JOBS else {"data": {"dictionary": "a"}}
    assert jobs.post(address, headers=headers, **body).status_code == 403
    assert states(catalog) == before


def test_our_own_pages_and_programs_may(jobs: TestClient) -> None:
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://testserver"}):
        assert jobs.post(JOBS, json=SPEC, headers=headers).status_code == 201


def test_a_server_that_others_can_reach_starts_no_jobs_unless_told(tmp_path: Path) -> None:
    cases = [("0.0.0.0", None, 403), ("0.0.0.0", True, 201), ("127.0.0.1", None, 201), ("127.0.0.1", False, 403)]
    for host, start_jobs, status in cases:
        settings = empty_store(tmp_path / f"{host}-{start_jobs}", start_jobs=start_jobs, host=host)
        with TestClient(make_app(settings)) as client:
            response = client.post(JOBS, json=SPEC)
            assert response.status_code == status
            page = client.get("/jobs/new/index").text
            assert ("CONCEPTOSCOPE_START_JOBS" in page) == (status == 403)
            assert (">Start</button>" in page) == (status == 201)


def test_cancel_and_retry_by_api_and_by_page(jobs: TestClient, catalog: Catalog, numbers: Numbers) -> None:
    for address in (JOBS, "/jobs"):
        job = submit(catalog, IndexJob(dictionary=address.strip("/").replace("/", "-")))
        stopped = jobs.post(f"{address}/{job}/cancel", follow_redirects=False)
        assert stopped.status_code == (200 if address == JOBS else 303)
        assert data(jobs, f"{JOBS}/{job}")["state"] == "cancelled"
        assert jobs.post(f"{address}/{job}/cancel", follow_redirects=False).status_code == 409
        again = jobs.post(f"{address}/{job}/retry", follow_redirects=False)
        assert again.status_code == (200 if address == JOBS else 303)
        assert data(jobs, f"{JOBS}/{job}")["attempt"] == 2
    assert jobs.post(f"{JOBS}/{numbers.running}/cancel").json()["data"]["stopping"] is True
    assert jobs.post(f"{JOBS}/{numbers.succeeded}/retry").status_code == 409
    assert jobs.post(f"{JOBS}/999/cancel").status_code == 404


def test_the_log_is_read_on_from_a_line(jobs: TestClient, numbers: Numbers) -> None:
    first = data(jobs, f"{JOBS}/{numbers.running}/log")
    assert [line["text"] for line in first] == ["30 of 120 <images>"]
    assert data(jobs, f"{JOBS}/{numbers.running}/log?after={first[-1]['id']}") == []
    assert jobs.get(f"{JOBS}/{numbers.running}/log?limit=0").status_code == 400
    told = jobs.get(f"/jobs/{numbers.running}/log.txt")
    assert told.headers["content-disposition"] == f'attachment; filename="job-{numbers.running}.log"'
    assert "30 of 120 <images>" in told.text


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"{JOBS}/999", 404),
        ("/jobs/999", 404),
        ("/jobs/abc", 404),
        (f"{JOBS}?state=lost", 400),
        (f"{JOBS}?cursor=x1", 400),
        (f"{JOBS}?limit=201", 400),
        (f"{JOBS}?stat=failed", 400),
        ("/jobs/new/dance", 404),
        ("/jobs/new?from=999", 404),
        ("/jobs/new?from=x", 404),
        (f"{JOBS}/999/events", 404),
    ],
)
def test_bad_addresses_say_so(jobs: TestClient, address: str, status: int) -> None:
    response = jobs.get(address)
    assert response.status_code == status
    assert "Traceback (most recent" not in response.text


def test_waiting_jobs_say_when_nobody_takes_them(jobs: TestClient, catalog: Catalog, numbers: Numbers) -> None:
    register(catalog)
    assert data(jobs, f"{JOBS}/{numbers.queued}")["waiting_for"] is None
    with catalog.session() as session:
        for worker in list_workers(session):
            worker.queues = "cpu"
    assert "start one with `conceptoscope worker`" in data(jobs, f"{JOBS}/{numbers.queued}")["waiting_for"]
    assert "No worker that takes gpu jobs is running" in jobs.get("/jobs").text


def test_workers_tell_what_they_run(jobs: TestClient, catalog: Catalog, numbers: Numbers) -> None:
    register(catalog)
    (worker,) = data(jobs, "/api/v1/workers")
    assert (worker["name"], worker["state"]) == ("w", "alive")
    assert set(worker["jobs"]) == {numbers.running, numbers.member, numbers.pipeline}
    with catalog.session() as session:
        for row in list_workers(session):
            row.seen_at = datetime.now(UTC) - timedelta(minutes=1)
    assert data(jobs, "/api/v1/workers")[0]["state"] == "silent"


def test_estimates_come_without_a_job(jobs: TestClient, catalog: Catalog) -> None:
    before = states(catalog)
    found = jobs.post(f"{JOBS}/estimate", json=SPEC).json()["data"]
    assert found["seconds"] > 0
    assert found["steps"][0]["name"] == "atlas"
    assert states(catalog) == before


def test_a_universal_dictionary_is_asked_for_by_the_api(jobs: TestClient) -> None:
    spec = UniversalJob(
        collection="shapes", streams=DEMO_STREAMS, slug="joint", title="Joint", spec=DEMO_UNIVERSAL
    ).as_json()
    found = jobs.post(f"{JOBS}/estimate", json=spec).json()["data"]
    assert [step["key"] for step in found["steps"]][1:] == [
        "activations mobilenet-v2",
        "activations saliency-vit-s14",
        "universal",
    ]
    started = jobs.post(JOBS, json=spec)
    assert started.status_code == 201
    assert started.json()["data"]["command"].startswith("conceptoscope universal shapes --streams efficientnet-lite0:")
    twice = jobs.post(JOBS, json=spec | {"streams": [spec["streams"][0]] * 2})
    assert twice.status_code == 400
    assert "efficientnet-lite0:blocks.6 is listed 2 times" in twice.text


def test_the_description_of_the_api_knows_every_kind(jobs: TestClient) -> None:
    described = jobs.get("/api/v1/openapi.json").json()
    body = described["paths"][JOBS]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["discriminator"]["mapping"]) == {kind.value for kind in JobKind}
    assert "TopKSpec" in described["components"]["schemas"]
