"""Server-sent events of a real server: what changes comes, streams end with their job and with the program."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from app.live import Sight, Streams, stream
from app.views.jobs import LogLine
from store.catalog.session import Catalog
from store.errors import Unavailable
from store.jobs import IndexJob
from store.settings import Settings
from store.vocabulary import JobState
from tests.app.jobs import finish, progress, register, run, submit
from tests.serving import serve


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(Settings(store=tmp_path).catalog_url)
    yield catalog
    catalog.close()


def events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Name and value of each event."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


@pytest.mark.slow
def test_a_job_is_followed_to_its_end(tmp_path: Path, catalog: Catalog) -> None:
    register(catalog)
    job = submit(catalog, IndexJob(dictionary="a"))
    with serve(tmp_path) as base, httpx.stream("GET", f"{base}/api/v1/jobs/{job}/events", timeout=20) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        seen = events(response)
        assert next(seen)[1]["state"] == "queued"
        running = run(catalog, job)
        assert next(seen)[1]["state"] == "running"
        progress(catalog, running, 3, 10)
        found = dict([next(seen), next(seen)])
        assert found["log"]["text"] == "3 of 10 <images>"
        assert (found["job"]["done"], found["job"]["total"]) == (3, 10)
        finish(catalog, running, JobState.SUCCEEDED)
        assert [name for name, _ in seen] == ["job", "end"]


def test_a_stream_taken_up_again_sends_no_line_twice(tmp_path: Path, catalog: Catalog) -> None:
    job = submit(catalog, IndexJob(dictionary="a"))
    running = run(catalog, job)
    for done in range(1, 4):
        progress(catalog, running, done, 10)
    finish(catalog, running, JobState.SUCCEEDED)
    with serve(tmp_path) as base:
        url = f"{base}/api/v1/jobs/{job}/events"
        with httpx.stream("GET", url, timeout=20) as response:
            lines = [value for name, value in events(response) if name == "log"]
        with httpx.stream("GET", url, headers={"Last-Event-ID": str(lines[1]["id"])}, timeout=20) as response:
            again = [value for name, value in events(response) if name == "log"]
    assert len(lines) == 3
    assert again == lines[2:]


@pytest.mark.slow
def test_the_program_ends_while_somebody_watches(tmp_path: Path, catalog: Catalog) -> None:
    submit(catalog, IndexJob(dictionary="a"))
    with httpx.Client(timeout=20) as client:
        with serve(tmp_path) as base:
            response = client.send(client.build_request("GET", f"{base}/api/v1/jobs/events"), stream=True)
            assert next(events(response))[0] == "job"
            began = time.monotonic()
        assert time.monotonic() - began < 8  # leaving the block ended the program; the stream did not hold it
        response.close()


def test_streams_have_a_bound() -> None:
    streams = Streams(most=2)
    with streams.opened(), streams.opened():
        with pytest.raises(Unavailable, match="2 streams"), streams.opened():
            pass
        assert streams.n_open == 2
    assert streams.n_open == 0


def test_an_absent_catalog_does_not_end_a_stream() -> None:
    line = LogLine(id=5, at="now", attempt=1, level="info", worker="w", text="back")
    answers: list[Sight | Unavailable] = [Unavailable("away"), Sight({}, (line,)), Sight({}, is_last=True)]
    asked: list[int] = []

    def look(after: int) -> Sight:
        asked.append(after)
        answer = answers.pop(0)
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    async def follow() -> list[str | None]:
        return [event.event async for event in stream(Streams(), look, every_s=0.001)]

    assert anyio.run(follow) == [None, "log", "end"]
    assert asked == [0, 0, 5]
