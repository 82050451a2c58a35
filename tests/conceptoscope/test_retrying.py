"""What is sent again, after how long, and what it is called when that does not help."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from conceptoscope import (
    AsyncClient,
    Client,
    Invalid,
    NotFound,
    PreconditionFailed,
    RateLimited,
    Refused,
    ServerFault,
    TimedOut,
    Unavailable,
    Unexpected,
    Unreachable,
)
from conceptoscope.retrying import LONGEST_S, Backoff, read_retry_after
from tests.conceptoscope.failing import GOOD, Answer, failing

BUSY = Answer(503, b"", {"Retry-After": "0"})


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What would be waited; nothing is."""
    found: list[float] = []

    async def noted(seconds: float) -> None:
        found.append(seconds)

    loops = SimpleNamespace(sleep=noted, gather=asyncio.gather, create_task=asyncio.create_task)
    monkeypatch.setattr("conceptoscope.driving.time", SimpleNamespace(sleep=found.append))
    monkeypatch.setattr("conceptoscope.driving.asyncio", loops)
    return found


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_asked_again(status: int, pauses: list[float]) -> None:
    with failing(Answer(status), Answer(status), Answer()) as server, Client(server.address) as client:
        assert client.get("/x").fine
        assert len(server.asked) == 3
    assert len(pauses) == 2


def test_so_it_is_by_the_awaiting_client(pauses: list[float]) -> None:
    async def ask(address: str) -> Any:
        async with AsyncClient(address) as client:
            return await client.get("/x")

    with failing(BUSY, Answer(cut=True), Answer()) as server:
        assert asyncio.run(ask(server.address)).fine
        assert len(server.asked) == 3
    assert len(pauses) == 2


def test_a_cut_connection_is_made_again(pauses: list[float]) -> None:
    with failing(Answer(cut=True), Answer()) as server, Client(server.address) as client:
        assert client.get("/x").fine
    assert len(pauses) == 1


@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_what_does_not_pass_is_not(status: int) -> None:
    with failing(Answer(status)) as server, Client(server.address) as client:
        with pytest.raises(Refused):
            client.get("/x")
        assert len(server.asked) == 1


@pytest.mark.parametrize("answer", [BUSY, Answer(cut=True)])
def test_what_may_do_something_twice_is_sent_once(answer: Answer) -> None:
    with failing(answer) as server, Client(server.address) as client:
        with pytest.raises((Unavailable, Unreachable)):
            client.send("POST", "/x", json={})
        with pytest.raises((Unavailable, Unreachable)):
            client.analyse(b"photo", "fish")
        with pytest.raises((Unavailable, Unreachable)):
            client.send("PATCH", "/x", json={})
        assert len(server.asked) == 3


def test_a_job_is_sent_again_under_the_same_key() -> None:
    with failing(BUSY, Answer(201, b'{"data": {"id": 3, "state": "queued"}}')) as server:
        with Client(server.address) as client:
            assert client.submit("index", dictionary="fish").id == 3
        keys = {headers["idempotency-key"] for _, _, headers, _ in server.asked}
        assert [body for _, _, _, body in server.asked] == [b'{"kind":"index","dictionary":"fish"}'] * 2
    assert len(keys) == 1


def test_it_ends(pauses: list[float]) -> None:
    with failing(BUSY) as server, Client(server.address, retries=2) as client:
        with pytest.raises(Unavailable) as told:
            client.get("/x")
        assert told.value.retry_after == 0
        assert len(server.asked) == 3
    assert len(pauses) == 2


def test_the_server_says_how_long(pauses: list[float]) -> None:
    with failing(Answer(429, b"", {"Retry-After": "7"}), Answer()) as server, Client(server.address) as client:
        assert client.get("/x").fine
    assert pauses == [7]


def test_a_long_wait_is_told_instead(pauses: list[float]) -> None:
    with failing(Answer(429, b"", {"Retry-After": "3600"})) as server, Client(server.address) as client:
        with pytest.raises(RateLimited) as told:
            client.get("/x")
        assert told.value.retry_after == 3600
        assert len(server.asked) == 1
    assert pauses == []


def test_waits_double_and_scatter() -> None:
    backoff = Backoff(tries=12, first_s=0.25)
    for n in range(12):
        longest = min(0.25 * 2**n, LONGEST_S)
        waits = [backoff.wait_s(n, asked_s=None) for _ in range(50)]
        assert all(wait is not None and longest / 2 <= wait <= longest for wait in waits)
        assert len(set(waits)) > 40
    assert backoff.wait_s(12, asked_s=None) is None
    assert backoff.wait_s(0, asked_s=5) == 5


def test_dates_are_waits_too() -> None:
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    later = (now + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert read_retry_after(later, now=now) == 90
    assert read_retry_after(later, now=now + timedelta(hours=1)) == 0
    assert read_retry_after("soon") is None
    assert read_retry_after(None) is None


def test_nobody_there() -> None:
    with pytest.raises(Unreachable, match="Does the server run") as told, Client("http://127.0.0.1:9") as client:
        client.service()
    assert told.value.__cause__ is not None


def test_too_slow() -> None:
    started = time.monotonic()
    with failing(Answer(late_s=0.4)) as server, Client(server.address, timeout=0.1, retries=0) as client:
        with pytest.raises(TimedOut, match="timeout="):
            client.get("/x")
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"other": 1}'])
def test_another_program(content: bytes) -> None:
    with failing(Answer(content=content)) as server, Client(server.address) as client:
        with pytest.raises(Unexpected, match="Is it the address of a Conceptoscope server"):
            client.service()


def test_problems_are_told_with_all_that_they_say() -> None:
    problem = b"""{"title": "Bad Request", "status": 400, "detail": "Two are wrong.", "request_id": "r1", "errors":
        [{"param": "sort", "message": "no", "allowed": ["a", "b"]}, {"param": "x", "message": "what?"}]}"""
    with failing(Answer(400, problem)) as server, Client(server.address) as client:
        with pytest.raises(Invalid, match=r"400 Two are wrong. \(request r1\)") as told:
            client.get("/x")
    assert told.value.params == ("sort", "x")
    assert told.value.allowed == {"sort": ("a", "b")}
    assert told.value.problem.url.endswith("/x")


def test_who_was_slower_sees_what_is_there_now() -> None:
    problem = b'{"title": "Precondition Failed", "detail": "late", "current": {"text": "fin", "revision": 3}}'
    with failing(Answer(412, problem)) as server, Client(server.address) as client:
        with pytest.raises(PreconditionFailed) as told:
            client.send("PATCH", "/labels/1", json={"text": "tail"}, headers={"If-Match": '"2"'})
        assert server.asked[0][2]["if-match"] == '"2"'
    assert told.value.current == {"text": "fin", "revision": 3}


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (410, NotFound), (500, ServerFault), (418, Refused)])
def test_a_refusal_without_a_document_has_its_class(status: int, kind: type[Refused]) -> None:
    with failing(Answer(status, b"gone fishing")) as server, Client(server.address) as client:
        with pytest.raises(kind) as told:
            client.get("/x")
    assert told.value.status == status
    assert type(told.value) is kind


def test_a_redirect_is_not_followed() -> None:
    """The token is for the server that was named, for no other."""
    with failing(Answer(302, b"", {"Location": "http://127.0.0.1:9/"})) as server, Client(server.address) as client:
        with pytest.raises(Refused, match="302"):
            client.get("/x")


def test_the_token_is_sent_and_never_shown() -> None:
    with failing(Answer()) as server, Client(server.address, token="s3cret") as client:
        client.get("/x")
        assert server.asked[0][2]["authorization"] == "Bearer s3cret"
        assert "s3cret" not in repr(client._driver.session)


def test_the_token_is_for_one_server() -> None:
    """Links may lead elsewhere, to a store of objects for example."""
    with failing(Answer()) as server, failing(Answer()) as other:
        with Client(server.address, token="s3cret") as client:
            client.send("GET", f"{server.address}/x")
            client.send("GET", f"{other.address}/x")
        assert "authorization" in server.asked[0][2]
        assert "authorization" not in other.asked[0][2]


def test_a_connection_is_used_again() -> None:
    with failing(Answer()) as server, Client(server.address) as client:
        for _ in range(5):
            assert client.send("GET", "/x") is not None
        assert GOOD
        assert {headers["connection"] for _, _, headers, _ in server.asked} == {"keep-alive"}
