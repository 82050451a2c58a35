"""Connections that mean no good, against a real server process whose patience is short."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from store.settings import Settings

pytestmark = pytest.mark.slow
PATIENCE_S = 0.6
PROGRAM = f"""
import sys
import app.bodies, app.patience
app.patience.HEAD_S = app.bodies.WITHIN_S = app.bodies.PHOTO_WITHIN_S = {PATIENCE_S}
from app.__main__ import main
sys.exit(main(["--port", "0", "--store", sys.argv[1]]))
"""


@dataclass
class Server:
    """A running program and what it logs."""

    port: int
    log: Path

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def ask(self, *parts: bytes, wait_s: float = 0.0) -> "Answer":
        """Send parts with pauses in between, and read until the other side closes."""
        with self.connect() as connection:
            begin = time.monotonic()
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(wait_s)
            except OSError:  # it has heard enough
                pass
            return read(connection, begin)

    def lives(self) -> bool:
        return self.ask(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").status == 200


@dataclass(frozen=True)
class Answer:
    """What came back, and when the connection ended."""

    raw: bytes
    seconds: float

    @property
    def status(self) -> int:
        return int(self.raw.split(b" ", 2)[1]) if self.raw else 0

    @property
    def problem(self) -> dict[str, Any]:
        head, _, body = self.raw.partition(b"\r\n\r\n")
        assert b"application/problem+json" in head
        found: dict[str, Any] = json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])
        return found


def read(connection: socket.socket, begin: float) -> Answer:
    raw = b""
    try:
        while part := connection.recv(65536):
            raw += part
    except ConnectionError:
        pass
    return Answer(raw, time.monotonic() - begin)


@pytest.fixture(scope="module")
def server(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("server") / "log"
    command = [sys.executable, "-c", PROGRAM, str(settings.store)]
    with log.open("wb") as err, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, text=True) as process:
        assert process.stdout is not None
        told = re.search(r":(\d+)/", process.stdout.readline())
        assert told
        yield Server(int(told[1]), log)
        process.terminate()


@pytest.fixture(autouse=True)
def alive_afterwards(server: Server) -> Iterator[None]:
    """Whatever was sent, the next visitor is answered and nothing of ours broke."""
    yield
    assert server.lives()
    assert "Traceback" not in server.log.read_text()


HEAD = b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
FORM = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
PHOTO = b"POST /api/v1/analyses HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"


def test_a_connection_that_says_nothing_is_closed(server: Server) -> None:
    answer = server.ask()
    assert answer.raw == b""
    assert PATIENCE_S <= answer.seconds < PATIENCE_S + 2


def test_a_head_that_trickles_is_cut_off(server: Server) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"y" * 100
    answer = server.ask(*(bytes([byte]) for byte in head), wait_s=0.05)
    assert answer.raw == b""
    assert answer.seconds < PATIENCE_S + 2


def test_so_is_the_second_one_of_a_kept_connection(server: Server) -> None:
    first = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = server.ask(first, *(b"GET /healthz HTTP/1.1\r\nX:"[i : i + 1] for i in range(26)), wait_s=0.1)
    assert answer.status == 200
    assert answer.raw.count(b"HTTP/1.1 ") == 1
    assert answer.seconds < 4


@pytest.mark.parametrize("head", [HEAD, FORM, PHOTO], ids=["JSON", "form", "photo"])
@pytest.mark.parametrize("length", [b"Content-Length: 1000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
def test_a_body_that_trickles_is_cut_off(server: Server, head: bytes, length: bytes) -> None:
    part = b"1\r\n[\r\n" if b"chunked" in length else b"["
    if head is PHOTO and b"chunked" not in length:
        part = b"-"
    answer = server.ask(head + length, *(part for _ in range(40)), wait_s=0.05)
    assert answer.status in (408, 400)  # 400: what arrived first was no form
    assert head is FORM or answer.problem["status"] == answer.status
    assert answer.seconds < PATIENCE_S + 3


def test_a_body_that_never_comes_is_cut_off(server: Server) -> None:
    answer = server.ask(HEAD + b"Content-Length: 10\r\n\r\n")
    assert answer.status == 408
    assert "did not arrive within" in answer.problem["detail"]
    assert b"connection: close" in answer.raw.lower()


@pytest.mark.parametrize("head", [HEAD, FORM], ids=["JSON", "form"])
def test_a_long_body_in_chunks_is_cut_off(server: Server, head: bytes) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    answer = server.ask(head + b"Transfer-Encoding: chunked\r\n\r\n", *(chunk for _ in range(400)))
    assert answer.status in (413, 0)  # 0: the system drops an answer whose connection was closed while we sent
    assert answer.seconds < 5


def test_a_body_longer_than_it_says_is_another_request(server: Server) -> None:
    answer = server.ask(HEAD + b"Content-Length: 2\r\n\r\n[]GARBAGE\r\n\r\n")
    assert answer.status == 400
    assert answer.raw.count(b"HTTP/1.1 400") == 2


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_ten_megabytes_of_address(server: Server, method: bytes) -> None:
    answer = server.ask(method + b" /d/tiny-topk/c?q=" + b"x" * 10 * 2**20 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.status in (414, 0)
    assert answer.seconds < 5


def test_an_address_that_is_too_long_is_told(server: Server) -> None:
    answer = server.ask(b"GET /?q=" + b"x" * 70_000)
    assert answer.status == 414
    assert answer.problem["title"] == HTTPStatus.REQUEST_URI_TOO_LONG.phrase
    assert b"content-security-policy" in answer.raw


def test_headers_that_are_too_long_are_told(server: Server) -> None:
    answer = server.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000)
    assert answer.status == 431
    assert answer.problem["title"] == "Request Header Fields Too Large"


@pytest.mark.parametrize(
    "head",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(server: Server, head: bytes) -> None:
    answer = server.ask(head)
    assert answer.status in (400, 501)
    assert answer.problem["status"] == answer.status


def test_two_lengths_smuggle_nothing(server: Server) -> None:
    inner = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    both = HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner
    answer = server.ask(both + b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b"conceptoscope_http" not in answer.raw.partition(b"HTTP/1.1 200")[0]
    assert answer.raw.startswith((b"HTTP/1.1 400", b"HTTP/1.1 4"))


def test_header_lines_cannot_be_sneaked_in_by_addresses(server: Server) -> None:
    for target in (
        b"/login?next=%0d%0aSet-Cookie:%20evil=1",
        b"/d/x%0d%0aSet-Cookie:evil=1",
        b"/jobs/new?from=%0d%0aX:y",
    ):
        answer = server.ask(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head = answer.raw.partition(b"\r\n\r\n")[0].lower()
        assert b"\r\nset-cookie" not in head
        assert b"\r\nx:" not in head


def test_many_idle_connections_do_not_keep_others_out(server: Server) -> None:
    idle = [server.connect() for _ in range(200)]
    try:
        assert server.lives()
        time.sleep(PATIENCE_S + 0.5)
        assert all(one.recv(1) == b"" for one in idle)
    finally:
        for one in idle:
            one.close()


def test_an_upgrade_is_not_followed(server: Server) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    assert server.ask(head).status == 200
