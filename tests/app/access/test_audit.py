"""Who changed what: one line for each change, with nothing in it that should stay between visitor and store."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from store.audit import AUDIT, keep_in
from store.errors import InvalidInput
from store.vocabulary import Access, Scope
from tests.app.access.doors import Doors, Opens

JOBS = "/api/v1/jobs"


class Lines(logging.Handler):
    """What was written."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())

    def one(self) -> dict[str, Any]:
        (text,) = self.texts
        self.texts.clear()
        found: dict[str, Any] = json.loads(text)
        return found


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, log = Lines(), logging.getLogger(AUDIT)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)


def test_each_change_is_one_line(tokens: TestClient, doors: Doors, lines: Lines) -> None:
    made = tokens.post(JOBS, json={"kind": "index", "dictionary": "tiny-topk"}, headers=doors.bearer(Scope.JOBS))
    line = lines.one()
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "who": "token",
        "token": doors.ids[Scope.JOBS],
        "name": "who may jobs",
        "from": "testclient",
        "method": "POST",
        "path": JOBS,
        "status": 201,
        "outcome": "done",
        "request_id": made.headers["x-request-id"],
    }


def test_what_is_refused_is_written_down_too(tokens: TestClient, doors: Doors, lines: Lines) -> None:
    assert tokens.post(JOBS, json={}).status_code == 401
    line = lines.one()
    assert (line["who"], line["status"], line["outcome"]) == ("anonymous", 401, "refused")
    tokens.post(f"{JOBS}/9/cancel", headers=doors.bearer(Scope.JOBS))
    assert lines.one()["status"] == 404
    tokens.post(JOBS, json={}, headers={"Host": "evil.example"})
    assert lines.one()["status"] == 421


def test_signing_in_and_out_is_written_down_with_whose_token_it_was(
    tokens: TestClient, doors: Doors, lines: Lines
) -> None:
    tokens.post("/login", data={"token": doors.secrets[Scope.READ]}, follow_redirects=False)
    line = lines.one()
    assert (line["path"], line["name"], line["outcome"]) == ("/login", "who may read", "done")
    tokens.post("/logout", headers={"Sec-Fetch-Site": "same-origin"}, follow_redirects=False)
    assert lines.one()["name"] == "who may read"
    tokens.post("/login", data={"token": "x"})
    assert (lines.one()["who"]) == "anonymous"


def test_looking_is_not_written_down(tokens: TestClient, doors: Doors, lines: Lines) -> None:
    for path in ("/", "/api/v1", "/nowhere"):
        tokens.get(path, headers=doors.bearer(Scope.READ))
    assert lines.texts == []


def test_failures_of_ours_are_written_down_once(
    tokens: TestClient, doors: Doors, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr("app.api.jobs.cancel_job", fail)
    client = TestClient(tokens.app, raise_server_exceptions=False)
    answer = client.post(f"{JOBS}/1/cancel", headers=doors.bearer(Scope.JOBS))
    assert answer.status_code == 500
    assert "/secret/path" not in answer.text
    assert lines.one()["outcome"] == "failed"


def test_no_line_has_secrets_contents_or_the_address_of_a_photo(opened_by: Opens, doors: Doors, lines: Lines) -> None:
    client = opened_by(Access.TOKENS)
    photos = doors.bearer(Scope.ANALYSE)
    photo = {"file": ("holiday-in-rome.png", b"contents")}
    client.post("/api/v1/analyses", files=photo, data={"dictionary": "tiny-topk"}, headers=photos)
    client.delete("/api/v1/analyses/secretaddress", headers=photos)
    client.post("/a/secretaddress/delete", headers=photos)
    client.post("/login", data={"token": doors.secrets[Scope.READ]}, follow_redirects=False)
    client.cookies.clear()
    client.post(f"{JOBS}/x%0Aforged line%22/cancel", headers=doors.bearer(Scope.JOBS))
    assert len(lines.texts) == 5
    told = "".join(lines.texts)
    for secret in ("holiday", "contents", "secretaddress", "cst_", "css_", "\n"):
        assert secret not in told
    assert "an analysis" in told


def test_lines_go_into_a_file_of_their_own(tmp_path: Path, tokens: TestClient, doors: Doors) -> None:
    file, log = tmp_path / "audit.jsonl", logging.getLogger(AUDIT)
    keep_in(file)
    try:
        tokens.post(f"{JOBS}/9/cancel", headers=doors.bearer(Scope.JOBS))
        file.rename(tmp_path / "audit.1")
        tokens.post(f"{JOBS}/8/cancel", headers=doors.bearer(Scope.JOBS))
        assert json.loads((tmp_path / "audit.1").read_text())["path"] == f"{JOBS}/9/cancel"
        assert json.loads(file.read_text())["path"] == f"{JOBS}/8/cancel"
        assert (tmp_path / "audit.1").stat().st_mode & 0o077 == 0
    finally:
        for handler in log.handlers[:]:
            handler.close()
            log.removeHandler(handler)
        log.propagate = True


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="CONCEPTOSCOPE_AUDIT_LOG"):
        keep_in(tmp_path / "nowhere" / "audit.jsonl")
