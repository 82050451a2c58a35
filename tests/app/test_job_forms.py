"""Forms that start jobs: what they show is what they start, and what is wrong stands beside the field."""

import html
import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.main import make_app
from store.catalog.collections import save_collection
from store.catalog.jobs import find_job, list_steps
from store.catalog.runs import begin_step, finish_run
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.jobs import IngestJob, load_job
from store.presets import DEMO_UNIVERSAL
from store.specs import CollectionSpec
from store.vocabulary import JobState
from tests.app.jobs import Numbers, empty_store, run, states, submit

JOBS = "/api/v1/jobs"
SPEC = {"kind": "index", "dictionary": "tiny-topk"}


def planned(text: str) -> dict[str, Any]:
    """The job of the API call that a form shows."""
    found = re.search(r"<h3>API call</h3>\s*<pre[^>]*>(.*?)</pre>", text, re.S)
    assert found, text
    words = shlex.split(html.unescape(found[1]))
    spec: dict[str, Any] = json.loads(words[words.index("-d") + 1])
    return spec


FILLED = {
    "ingest": {"folder": "/photos/My Birds", "classes": "prefix", "prefix": "2", "held_out": "0.2"},
    "extract": {"collection": "shapes", "model": "timm/resnet50", "layer": "layer4", "height": "64", "width": "96"},
    "train": {"collection": "shapes", "preset": "relu-small", "n_concepts": "99", "seed": "3", "live": "on"},
    "universal": {
        "collection": "shapes",
        "streams": "mobilenet-v2:blocks.6@64x96\r\ntimm/resnet50:layer4,saliency-vit-s14:blocks.11",
        "n_concepts": "99",
        "choice": "batchtopk",
        "fit": "squash",
        "live": "on",
    },
    "index": {"dictionary": "tiny-topk", "n_examples": "12", "rebuild": "on"},
    "align": {"first": "tiny-topk", "second": "wide-topk"},
    "spec": {"spec": json.dumps(SPEC)},
}


@pytest.mark.parametrize("kind", FILLED)
def test_a_form_starts_what_it_shows(jobs: TestClient, catalog: Catalog, kind: str) -> None:
    query = FILLED[kind]
    shown = planned(jobs.get(f"/jobs/new/{kind}", params=query).text)
    assert planned(jobs.get(f"/_f/jobs/new/{kind}", params=query).text) == shown
    started = jobs.post(f"/jobs/new/{kind}", data=query | {"key": "k"}, follow_redirects=False)
    assert started.status_code == 303
    again = jobs.post(f"/jobs/new/{kind}", data=query | {"key": "k"}, follow_redirects=False)
    assert again.headers["location"] == started.headers["location"]  # Start was pressed twice
    number = int(started.headers["location"].rsplit("/", 1)[1])
    with catalog.session() as session:
        row = find_job(session, number)
        assert row is not None
        assert load_job(row.spec) == load_job(shown)


def test_fields_mean_what_they_say(jobs: TestClient) -> None:
    ingest = planned(jobs.get("/jobs/new/ingest", params=FILLED["ingest"]).text)
    assert ingest["collection"]["slug"] == "my-birds"
    assert ingest["collection"]["title"] == "My Birds"
    assert (ingest["collection"]["classes"]["prefix"], ingest["collection"]["held_out"]) == (2, 0.2)
    train = planned(jobs.get("/jobs/new/train", params=FILLED["train"]).text)
    spec = train["dictionaries"][0]["spec"]
    assert (spec["method"], spec["n_concepts"], spec["seed"]) == ("relu", 99, 3)
    assert train["extraction"]["stored"] is False
    assert train["dictionaries"][0]["slug"] == "efficientnet-lite0-blocks-6-relu"
    joined = planned(jobs.get("/jobs/new/universal", params=FILLED["universal"]).text)
    assert [stream["model"] for stream in joined["streams"]] == ["mobilenet-v2", "timm/resnet50", "saliency-vit-s14"]
    assert {(stream["fit"], stream["stored"]) for stream in joined["streams"]} == {("squash", False)}
    assert (joined["spec"]["n_concepts"], joined["spec"]["choice"]) == (99, "batchtopk")
    assert joined["spec"]["cross_weight"] == DEMO_UNIVERSAL.cross_weight
    assert joined["slug"] == "universal-mobilenet-v2-timm-resnet50-saliency-vit-s14"
    assert joined["title"] == "Universal: MobileNetV2 + resnet50 + Saliency ViT-S/14"


@pytest.mark.parametrize(
    ("kind", "query", "told"),
    [
        ("ingest", {"title": "x"}, "Folder of photos is missing."),
        ("ingest", {"folder": "/p", "slug": "Not A Slug"}, "String should match pattern"),
        ("extract", {"height": "8"}, "greater than or equal to 16"),
        ("train", {"n_concepts": "many"}, "valid integer"),
        ("train", {"n_concepts": "4", "n_active": "9"}, "n_active (9) is above n_concepts (4)"),
        ("train", {"preset": "nothing"}, "No preset named"),
        ("universal", {"streams": "mobilenet-v2:blocks.6"}, "joins 2 to 5 streams, not 1"),
        ("universal", {"streams": " ".join(f"mobilenet-v2:blocks.{n}" for n in range(6))}, "2 to 5 streams, not 6"),
        ("universal", {"streams": "mobilenet-v2:final, mobilenet-v2:final"}, "mobilenet-v2:final is listed 2 times"),
        ("universal", {"streams": "mobilenet-v2"}, "for example mobilenet-v2:blocks.6@320x576"),
        ("universal", {"streams": "a:b@8x8 c:d"}, "greater than or equal to 16"),
        ("universal", {"procedure": "published", "choice": "shared"}, "use choice=topk"),
        ("index", {"n_examples": "3"}, "greater than or equal to 9"),
        ("align", {"first": "wide-topk", "second": "wide-topk"}, "named twice"),
        ("spec", {"spec": "{"}, "This is not JSON"),
        ("spec", {"spec": '{"kind": "index"}'}, "index.dictionary: Field required"),
    ],
)
def test_what_is_wrong_stands_beside_the_form_and_starts_nothing(
    jobs: TestClient, catalog: Catalog, kind: str, query: dict[str, str], told: str
) -> None:
    before = states(catalog)
    assert told in jobs.get(f"/jobs/new/{kind}", params=query).text
    assert told in jobs.get(f"/_f/jobs/new/{kind}", params=query).text
    refused = jobs.post(f"/jobs/new/{kind}", data=query)
    assert refused.status_code == 400
    assert told in refused.text
    assert states(catalog) == before


def test_another_like_it_is_filled_in_with_the_first(jobs: TestClient, catalog: Catalog, numbers: Numbers) -> None:
    started = jobs.post("/jobs/new/train", data=FILLED["train"], follow_redirects=False)
    train = int(started.headers["location"].rsplit("/", 1)[1])
    joined = jobs.post("/jobs/new/universal", data=FILLED["universal"], follow_redirects=False)
    universal = int(joined.headers["location"].rsplit("/", 1)[1])
    forms = ((train, "train"), (universal, "universal"), (numbers.pipeline, "spec"), (numbers.queued, "extract"))
    for number, form in forms:
        response = jobs.get(f"/jobs/new?from={number}")
        assert response.url.path == f"/jobs/new/{form}"
        with catalog.session() as session:
            row = find_job(session, number)
            assert row is not None
            assert load_job(planned(response.text)) == load_job(row.spec)
    changed = jobs.get(f"/jobs/new/train?from={train}&n_concepts=50").text
    assert planned(changed)["dictionaries"][0]["spec"]["n_concepts"] == 50


def test_an_equal_job_that_waits_is_told(jobs: TestClient, numbers: Numbers) -> None:
    jobs.post(JOBS, json=SPEC)
    assert "An equal job is queued already" in jobs.get("/jobs/new/index?dictionary=tiny-topk").text


def test_an_empty_store_has_the_pages(tmp_path: Path) -> None:
    with TestClient(make_app(empty_store(tmp_path / "new"))) as client:
        assert "No job yet" in client.get("/jobs").text
        assert client.get("/jobs/new").url.path == "/jobs/new/ingest"
        for kind in FILLED:
            assert client.get(f"/jobs/new/{kind}").status_code == 200


def test_a_job_of_another_version_is_still_shown(jobs: TestClient, catalog: Catalog) -> None:
    with catalog.session() as session:
        row = Job(kind="index", title="old", spec={"kind": "index", "gone": 1}, digest="0" * 64)
        session.add(row)
        session.flush()
        number = row.id
    assert jobs.get(f"{JOBS}/{number}").json()["data"]["command"] is None
    assert jobs.get(f"/jobs/{number}").status_code == 200
    assert "gone" in jobs.get(f"/jobs/new?from={number}").text


def test_photos_are_counted_only_for_those_who_may_start_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(5):
        (tmp_path / "photos" / f"{number}.jpg").touch()
    body = {"kind": "ingest", "folder": str(tmp_path / "photos"), "collection": {"slug": "p", "title": "P"}}
    for start_jobs, disk in ((True, 5 * 13_500), (False, None)):
        with TestClient(make_app(empty_store(tmp_path / str(start_jobs), start_jobs=start_jobs))) as client:
            assert client.post(f"{JOBS}/estimate", json=body).json()["data"]["disk_bytes"] == disk
    monkeypatch.setattr("app.makers.estimating._LOOK_AT_MOST", 4)  # a folder that is too full to be counted at once
    with TestClient(make_app(empty_store(tmp_path / "full", start_jobs=True))) as client:
        assert client.post(f"{JOBS}/estimate", json=body).json()["data"]["disk_bytes"] is None


def test_earlier_jobs_are_learned_from_without_looking_at_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = empty_store(tmp_path)
    catalog = Catalog(settings.catalog_url)
    spec = IngestJob(folder=Path("/gone"), collection=CollectionSpec(slug="p", title="P"))
    running = run(catalog, submit(catalog, spec))
    with catalog.session() as session:
        save_collection(session, "p", title="P", digest="d" * 64, folder=None, n_images=50)
        begin_step(session, running, "collection")
        row = list_steps(session, running.job_id)[0]
        row.finished_at = row.started_at + timedelta(seconds=25)
        made = [{"kind": "collection", "digest": "d" * 64, "reused": False, "slug": "p"}]
        finish_run(session, running, JobState.SUCCEEDED, result={"made": made})
    catalog.close()
    monkeypatch.setattr("app.makers.estimating.os.walk", lambda folder: iter([(folder, [], ["a.png"] * 10)]))
    with TestClient(make_app(settings)) as client:
        body = spec.as_json() | {"folder": "/new"}
        step = client.post(f"{JOBS}/estimate", json=body).json()["data"]["steps"][0]
    assert step["basis"] == "earlier"
    assert step["seconds"] == pytest.approx(10 * 25 / 50)
