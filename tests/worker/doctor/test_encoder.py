"""What the doctor says of the encoder: none, no answer, another secret, another program, all well."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from store.encoding.contract import EncoderState
from store.settings import Settings
from tests.services.ports import free_ports
from worker.doctor.encoder import look_at_encoder

STATE = EncoderState(
    version="1",
    device="cpu",
    n_waiting=0,
    n_waiting_max=16,
    held=("a",),
    held_bytes=2**21,
    budget_bytes=2**30,
    n_decoders=2,
    n_decoder_deaths=0,
    n_requests=0,
    n_refused={},
    rss_bytes=None,
)


@contextmanager
def answering(status: int, body: str) -> Iterator[Settings]:
    """Somebody who gives one answer to whoever asks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Authorization"] == "Bearer a secret of sixteen"
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield settings_at(server.server_port)
        server.shutdown()


def settings_at(port: int) -> Settings:
    return Settings(store=Path("s"), encoder_secret=SecretStr("a secret of sixteen"), encoder_port=port)


def test_none_is_set_up() -> None:
    found = look_at_encoder(Settings())
    assert (found.state, found.remedy) == ("good", "")
    assert "conceptoscope up" in found.found


def test_an_address_without_a_secret() -> None:
    found = look_at_encoder(Settings(encoder_url="http://encoder:8601"))
    assert found.state == "bad"
    assert "CONCEPTOSCOPE_ENCODER_SECRET" in found.remedy


def test_nobody_answers() -> None:
    [port] = free_ports(1)
    found = look_at_encoder(settings_at(port))
    assert (found.state, found.found) == ("warn", f"no answer from http://127.0.0.1:{port}")
    assert "conceptoscope encoder" in found.remedy


@pytest.mark.parametrize(
    ("status", "body", "state", "told"),
    [
        (200, STATE.model_dump_json(), "good", "holds 1 models and dictionaries in 2 of 1,024 MiB"),
        (200, STATE.model_copy(update={"n_decoders": 0}).model_dump_json(), "bad", "no decoder of photos lives"),
        (401, "{}", "bad", "knows another secret"),
        (200, "<html>", "bad", "none of an encoder"),
        (500, "", "bad", "none of an encoder"),
    ],
)
def test_what_is_answered(status: int, body: str, state: str, told: str) -> None:
    with answering(status, body) as settings:
        found = look_at_encoder(settings)
    assert found.state == state
    assert told in found.found
    assert bool(found.remedy) == (state != "good")
