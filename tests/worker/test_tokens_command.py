"""Tokens on the command line."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from store.catalog.session import Catalog
from store.catalog.tables import ApiToken
from store.errors import InvalidInput
from store.secrets import Use, read_secret
from store.settings import Settings
from worker.cli import app


def run(store: Path, *words: str) -> str:
    result = CliRunner().invoke(app, ["tokens", *words, "--store", str(store)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def listed(store: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(store, "list", "--json"))
    return found


def test_a_token_is_made_shown_once_listed_and_revoked(tmp_path: Path) -> None:
    told = run(tmp_path, "create", "Ada", "--scope", "jobs", "--scope", "read", "--days", "3").splitlines()
    secret = read_secret(told[0], Use.TOKEN)
    assert secret is not None
    assert "shown only now" in told[1]
    (row,) = listed(tmp_path)
    assert (row["id"], row["name"], row["scopes"], row["revoked"]) == (secret.public_id, "Ada", "read,jobs", None)
    left = datetime.fromisoformat(row["expires"]) - datetime.now(UTC)
    assert timedelta(days=2, hours=23) < left <= timedelta(days=3)
    for shown in (run(tmp_path, "list"), run(tmp_path, "list", "--json")):
        assert secret.text.rpartition("_")[2] not in shown
        assert secret.digest not in shown
    assert "revoked" in run(tmp_path, "revoke", secret.public_id)
    (row,) = listed(tmp_path)
    assert row["revoked"]


def test_as_json_the_secret_is_a_field(tmp_path: Path) -> None:
    made = json.loads(run(tmp_path, "create", "CI", "--scope", "admin", "--json"))
    assert read_secret(made["secret"], Use.TOKEN)
    catalog = Catalog(Settings(store=tmp_path).catalog_url)
    with catalog.session() as session:
        (row,) = session.query(ApiToken).all()
    catalog.close()
    assert row.expires_at is None
    assert made["expires"] is None


@pytest.mark.parametrize("words", [["create", "Ada"], ["create", "--scope", "read"], ["create", "A", "--scope", "all"]])
def test_what_is_missing_or_unknown_is_told(tmp_path: Path, words: list[str]) -> None:
    result = CliRunner().invoke(app, ["tokens", *words, "--store", str(tmp_path)])
    assert result.exit_code == 2


def test_what_is_done_to_tokens_is_in_the_audit_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "audit.jsonl"
    monkeypatch.setenv("CONCEPTOSCOPE_AUDIT_LOG", str(file))
    store = tmp_path / "store"
    made = json.loads(run(store, "create", "Ada", "--scope", "read", "--json"))
    run(store, "revoke", made["id"])
    for words in (["revoke", "no-such"], ["create", " ", "--scope", "read"]):
        assert CliRunner().invoke(app, ["tokens", *words, "--store", str(store)]).exit_code != 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    told = [(line["who"], line["method"], line["path"], line["name"], line["outcome"]) for line in lines]
    assert told == [
        ("command", "create", f"/tokens/{made['id']}", "Ada", "done"),
        ("command", "revoke", f"/tokens/{made['id']}", "Ada", "done"),
        ("command", "revoke", "/tokens/no-such", None, "refused"),
        ("command", "create", "/tokens", " ", "refused"),
    ]
    assert made["secret"].rpartition("_")[2] not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_no_token_is_made_that_nobody_could_write_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCEPTOSCOPE_AUDIT_LOG", str(tmp_path / "nowhere" / "audit.jsonl"))
    result = CliRunner().invoke(app, ["tokens", "create", "Ada", "--scope", "read", "--store", str(tmp_path)])
    assert isinstance(result.exception, InvalidInput)
    monkeypatch.delenv("CONCEPTOSCOPE_AUDIT_LOG")
    assert listed(tmp_path) == []
