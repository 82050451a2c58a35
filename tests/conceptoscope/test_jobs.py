"""Jobs by the client: start, wait, watch, stop, go on; a real catalog whose worker is the test."""

import asyncio
import io
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conceptoscope import AsyncClient, Client, Conflict, Invalid, Job, JobFailed, TimedOut, Unreachable
from conceptoscope.events import Event, EventStream, Parser
from conceptoscope.progress import line_of, showing
from conceptoscope.views import JobView
from store.catalog.session import Catalog
from store.settings import Settings
from store.vocabulary import JobState
from tests.app.jobs import Numbers, finish, progress, run
from tests.conceptoscope.failing import Answer, failing

pytestmark = pytest.mark.slow


@pytest.fixture
def jobs(base: str) -> Iterator[Client]:
    with Client(base) as client:
        yield client


@pytest.fixture
def catalog(filled: tuple[Path, Numbers]) -> Iterator[Catalog]:
    catalog = Catalog(Settings(store=filled[0]).catalog_url)
    yield catalog
    catalog.close()


def work(catalog: Catalog, number: int, *, failure: str = "") -> threading.Thread:
    """A worker that takes a job, tells of it, and ends it."""

    def carry_out() -> None:
        one = run(catalog, number)
        for done in (1, 2, 3):
            progress(catalog, one, done, 3)
            time.sleep(0.1)
        finish(catalog, one, JobState.FAILED if failure else JobState.SUCCEEDED, failure=failure)

    thread = threading.Thread(target=carry_out)
    thread.start()
    return thread


def test_a_job_is_waited_for(jobs: Client, catalog: Catalog) -> None:
    job = jobs.submit("index", dictionary="tiny-topk")
    assert (job.state, job.kind, job.spec["dictionary"], job.is_ended) == ("queued", "index", "tiny-topk", False)
    seen: list[JobView] = []
    worker = work(catalog, job.id)
    ended = job.wait(timeout=60, progress=seen.append)
    worker.join()
    assert ended.is_ended
    assert ended.state == "succeeded"
    assert job.state == "queued"
    assert job.refresh().as_json == ended.as_json
    assert [one.state for one in seen][-1] == "succeeded"
    assert {one.done for one in seen if one.state == "running"} & {1, 2, 3}
    assert [line.text for line in ended.log()] == [f"{n} of 3 <images>" for n in (1, 2, 3)]


def test_a_failure_is_an_error(jobs: Client, catalog: Catalog) -> None:
    job = jobs.submit("index", dictionary="tiny-topk")
    worker = work(catalog, job.id, failure="The disk is full. Free some.")
    with pytest.raises(JobFailed, match="The disk is full"):
        job.wait(timeout=60, progress=False)
    worker.join()
    failed = job.wait(check=False, progress=False)
    assert failed.error.message.startswith("The disk is full")
    assert failed.retry().state == "queued"
    assert job.cancel().state == "cancelled"
    with pytest.raises(Conflict):
        job.cancel()


def test_patience_ends(jobs: Client) -> None:
    job = jobs.submit("index", dictionary="tiny-topk")
    with pytest.raises(TimedOut, match=rf"Job {job.id} is queued after 0.3 s"):
        job.wait(timeout=0.3, progress=False)
    job.cancel()


def test_a_key_makes_one_job(jobs: Client) -> None:
    one, two, other = (jobs.submit("index", key=key, dictionary="wide-topk") for key in ("a", "a", "b"))
    assert one.id == two.id != other.id
    with pytest.raises(Conflict):
        jobs.submit("index", key="a", dictionary="tiny-topk")
    with pytest.raises(Invalid) as told:
        jobs.submit("index", dictionry="tiny-topk")
    assert any("dictionry" in name for name in told.value.params)


def test_an_estimate_starts_nothing(jobs: Client) -> None:
    before = len(jobs.jobs())
    assert jobs.estimate("index", dictionary="tiny-topk").steps
    assert len(jobs.jobs()) == before


def test_events_come_as_they_happen(jobs: Client, catalog: Catalog) -> None:
    job = jobs.submit("index", dictionary="tiny-topk")
    worker = work(catalog, job.id)
    events = list(job.events())
    worker.join()
    assert events[-1].kind == "end"
    assert [event.data.text for event in events if event.kind == "log"] == [f"{n} of 3 <images>" for n in (1, 2, 3)]
    assert [event.data.state for event in events if event.kind == "job"][-1] == "succeeded"
    last = max(int(event.id) for event in events if event.kind == "log")
    assert [event.kind for event in job.events(after=last)] == ["job", "end"]


def test_all_jobs_can_be_watched(jobs: Client, catalog: Catalog, numbers: Numbers) -> None:
    watched = jobs.events()
    job = jobs.submit("index", dictionary="tiny-topk")
    worker = work(catalog, job.id)
    seen = []
    for event in watched:
        seen.append((event.data.id, event.data.state))
        if seen[-1] == (job.id, "succeeded"):
            break
    worker.join()
    assert (numbers.running, "running") in seen


def test_so_they_do_for_a_loop(base: str, numbers: Numbers) -> None:
    async def watch() -> list[Event]:
        async with AsyncClient(base) as client:
            return [event async for event in (await client.job(numbers.failed)).events()]

    events = asyncio.run(watch())
    assert [event.kind for event in events][-1] == "end"
    assert events[0].data.state == "failed"


def test_lists_are_filtered_and_give_jobs(jobs: Client, numbers: Numbers) -> None:
    [failed] = jobs.jobs(state="failed").to_list()
    assert isinstance(failed, Job)
    assert failed.id == numbers.failed
    with pytest.raises(AttributeError, match="no 'steps'"):
        _ = failed.steps
    assert failed.refresh().error.type == "Damaged"


def test_a_cut_stream_goes_on_and_a_silent_one_ends() -> None:
    first = b'event: log\nid: 7\ndata: {"id": 7, "text": "a"}\n\n'
    second = b': hello\n\nevent: job\ndata: {"id": 1,\ndata: "state": "succeeded"}\n\nevent: end\ndata: {}\n\n'
    with failing(Answer(content=first), Answer(content=second)) as server, Client(server.address) as client:
        events = list(EventStream(client._driver, _ask()))
        assert [headers.get("last-event-id") for _, _, headers, _ in server.asked] == [None, "7"]
    assert [(event.kind, event.id) for event in events] == [("log", "7"), ("job", "7"), ("end", "7")]
    assert events[1].data.as_json == {"id": 1, "state": "succeeded"}
    with failing(Answer(content=b"")) as server, Client(server.address) as client:
        with pytest.raises(Unreachable, match="ended before the job did"):
            list(EventStream(client._driver, _ask()))
    with failing(Answer(503, b"", {"Retry-After": "5"})) as server, Client(server.address) as client:
        with pytest.raises(Exception, match="503"):
            list(EventStream(client._driver, _ask()))


def _ask() -> Any:
    from conceptoscope.asking import get

    return get("jobs", 1, "events")


def test_lines_become_events() -> None:
    parser = Parser()
    lines = ["event: log", "id: 3", 'data: {"id": 3}', "", ": comment", "", "data: no event", "", "event: end", ""]
    events = [event for line in lines if (event := parser.feed(line))]
    assert [(event.kind, event.id) for event in events] == [("log", "3"), ("end", "3")]
    assert parser.is_ended


def told(**changes: Any) -> JobView:
    plain = {"id": 3, "kind": "index", "state": "running", "done": 60, "total": 120, "share": 0.5, "note": "images"}
    return JobView({**plain, "eta_s": 9.4, **changes})


def test_a_line_says_how_far_it_is() -> None:
    line = line_of(told())
    assert line == "job 3 index [############------------]  50% running, 60 of 120 images, 9 s left"
    assert "100% succeeded" in line_of(told(state="succeeded", share=None))
    assert "  0% queued" in line_of(told(state="queued", share=None, eta_s=None))


def test_lines_are_drawn_once_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    with showing(progress=True) as show:
        for job in (told(), told(), told(done=90, share=0.75)):
            show(job)
    assert [line.count("#") for line in out.getvalue().splitlines()] == [12, 18]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("with_rich", [True, False])
def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, with_rich: bool) -> None:
    out = Terminal()
    monkeypatch.setattr("sys.stderr", out)
    monkeypatch.setattr("conceptoscope.progress.has", lambda _name: with_rich)
    with showing(progress=True) as show:
        for done in (30, 60, 120):
            show(told(done=done, share=done / 120))
    assert "job 3 index" in out.getvalue()
    assert ("━" in out.getvalue()) == with_rich
    assert ("#" in out.getvalue()) != with_rich


def test_looks_become_rarer() -> None:
    from conceptoscope.job import looks

    pauses = list(itertools.islice(looks(), 20))
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.1, 2.0)
