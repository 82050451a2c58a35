"""Tokens: made once, kept as digests, remembered for seconds, revoked."""

import asyncio
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from starlette.testclient import TestClient

from app.access.keyring import REMEMBERED_S, Keyring
from store.catalog.session import Catalog
from store.catalog.tables import ApiToken, BrowserSession
from store.catalog.tokens import NOTED_EVERY, Key, add_browser, add_token, list_tokens, revoke_token
from store.errors import InvalidInput, NotFound
from store.secrets import Secret, Use, make_secret, read_secret
from store.vocabulary import Scope
from tests.app.access.doors import Doors
from tests.store.catalog.conftest import catalog

__all__ = ["catalog"]


class Clock:
    """Time as the test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def counted(catalog: Catalog) -> list[str]:
    """Statements that the catalog is asked from now on."""
    found: list[str] = []
    event.listen(catalog.engine, "before_cursor_execute", lambda *told: found.append(told[2]))
    return found


def find(ring: Keyring, text: str, use: Use = Use.TOKEN) -> Key | None:
    """As a request does."""
    return asyncio.run(ring.find(text, use))


def used_at(catalog: Catalog) -> datetime | None:
    with catalog.session() as session:
        return session.scalars(select(ApiToken.used_at)).one()


def test_a_secret_has_256_bits_and_names_itself() -> None:
    one, other = make_secret(Use.TOKEN), make_secret(Use.TOKEN)
    assert one.text != other.text
    assert len(one.text.rpartition("_")[2]) >= 43 or one.text.count("_") > 2
    assert read_secret(one.text, Use.TOKEN) == one
    assert one.digest == hashlib.sha256(one.text.encode()).hexdigest()
    assert one.fits(one.digest)
    assert not one.fits(other.digest)
    assert one.text not in repr(one)


@pytest.mark.parametrize("text", ["", "x", "cst_", "cst_00000000000_" + "x" * 43, "cst_00000000000g_" + "x" * 43])
def test_what_cannot_be_a_secret_is_none(text: str) -> None:
    assert read_secret(text, Use.TOKEN) is None


def test_a_session_is_no_token_and_a_token_no_session() -> None:
    assert read_secret(make_secret(Use.TOKEN).text, Use.SESSION) is None
    assert read_secret(make_secret(Use.SESSION).text, Use.TOKEN) is None


def test_the_catalog_keeps_no_secret(catalog: Catalog) -> None:
    with catalog.session() as session:
        row, secret = add_token(session, " Ada ", scopes=[Scope.JOBS, Scope.READ, Scope.READ])
        assert (row.name, row.scopes) == ("Ada", "read,jobs")
        browser = add_browser(session, row.public_id, expires_at=datetime.now(UTC) + timedelta(days=1))
    with catalog.session() as session:
        for table, shown in ((ApiToken, secret), (BrowserSession, browser)):
            kept = session.scalars(select(table)).one()
            values = [str(getattr(kept, column.name)) for column in table.__table__.columns]
            assert shown.digest in values
            assert not any(shown.text.rpartition("_")[2] in value for value in values)


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "a\nb", "a\0b"])
def test_a_token_needs_a_name_that_can_be_read(catalog: Catalog, name: str) -> None:
    with catalog.session() as session, pytest.raises(InvalidInput, match="name is a text of 1 to 120"):
        add_token(session, name, scopes=[Scope.READ])


def test_a_token_allows_something(catalog: Catalog) -> None:
    with catalog.session() as session, pytest.raises(InvalidInput, match="--scope"):
        add_token(session, "Ada", scopes=[])
    with catalog.session() as session, pytest.raises(NotFound, match="tokens list"):
        revoke_token(session, "nobody")


def made(catalog: Catalog, **more: Any) -> Secret:
    with catalog.session() as session:
        return add_token(session, "Ada", scopes=[Scope.READ], **more)[1]


def test_many_requests_cost_one_question_and_a_revoked_token_ends_within_seconds(catalog: Catalog) -> None:
    secret, clock = made(catalog), Clock()
    ring, asked = Keyring(catalog, clock=clock), counted(catalog)
    key = find(ring, secret.text, Use.TOKEN)
    assert key is not None
    n = len(asked)
    for clock.now in (0.0, 1.0, REMEMBERED_S - 0.01):
        assert find(ring, secret.text, Use.TOKEN) == key
    assert len(asked) == n
    with catalog.session() as session:
        revoke_token(session, secret.public_id)
    assert find(ring, secret.text, Use.TOKEN) is not None
    clock.now = REMEMBERED_S
    assert find(ring, secret.text, Use.TOKEN) is None


def test_a_use_is_written_down_at_most_once_a_minute(catalog: Catalog) -> None:
    secret, clock = made(catalog), Clock()
    ring = Keyring(catalog, clock=clock)
    assert used_at(catalog) is None
    find(ring, secret.text, Use.TOKEN)
    first = used_at(catalog)
    assert first is not None
    clock.now += REMEMBERED_S
    asked = counted(catalog)
    find(ring, secret.text, Use.TOKEN)
    assert used_at(catalog) == first
    assert not any("UPDATE" in text for text in asked)
    with catalog.session() as session:
        session.scalars(select(ApiToken)).one().used_at = first - NOTED_EVERY - timedelta(seconds=1)
    clock.now += REMEMBERED_S
    find(ring, secret.text, Use.TOKEN)
    again = used_at(catalog)
    assert again is not None
    assert again >= first


def test_a_wrong_secret_of_a_known_id_opens_nothing_and_is_no_use(catalog: Catalog) -> None:
    secret = made(catalog)
    wrong = secret.text[:-1] + ("x" if secret.text[-1] != "x" else "y")
    ring = Keyring(catalog)
    assert find(ring, wrong, Use.TOKEN) is None
    assert used_at(catalog) is None
    assert find(ring, secret.text, Use.TOKEN) is not None
    assert find(ring, wrong, Use.TOKEN) is None


def test_a_token_whose_time_is_over_opens_nothing(catalog: Catalog) -> None:
    over = made(catalog, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert find(Keyring(catalog), over.text, Use.TOKEN) is None


def test_what_is_remembered_is_bounded(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.access.keyring._N_MAX", 3)
    ring = Keyring(catalog)
    for _ in range(6):
        assert find(ring, make_secret(Use.TOKEN).text, Use.TOKEN) is None
    assert len(ring._known) == 3


def test_who_guesses_is_stopped_and_known_tokens_still_open(tokens: TestClient, doors: Doors) -> None:
    good = doors.bearer(Scope.READ)
    assert tokens.get("/api/v1", headers=good).status_code == 200
    statuses = [
        tokens.get("/api/v1", headers={"Authorization": f"Bearer {make_secret(Use.TOKEN).text}"}).status_code
        for _ in range(12)
    ]
    assert statuses == [401] * 10 + [429] * 2
    assert tokens.get("/api/v1", headers=good).status_code == 200
    tokens.app.state.judge.buckets._levels.clear()  # type: ignore[attr-defined]


def test_while_the_catalog_is_away_no_token_opens_anything(doors: Doors, tmp_path: Any) -> None:
    from app.main import make_app
    from store.settings import Settings
    from store.vocabulary import Access

    settings = Settings(store=tmp_path / "store", access=Access.TOKENS)
    with TestClient(make_app(settings)) as client:
        (tmp_path / "store" / "catalog.sqlite").write_bytes(b"no database" * 1000)
        for file in (tmp_path / "store").glob("catalog.sqlite-*"):
            file.unlink()
        response = client.get("/api/v1", headers=doors.bearer(Scope.ADMIN))
        assert response.status_code in (401, 500, 503)
        assert client.get("/healthz").status_code == 200


@pytest.mark.slow
def test_a_stream_ends_with_its_token(tokens: TestClient, doors: Doors) -> None:
    catalog = doors.catalog()
    with catalog.session() as session:
        _, secret = add_token(session, "watcher", scopes=[Scope.JOBS])
    with ThreadPoolExecutor(1) as pool:
        headers = {"Authorization": f"Bearer {secret.text}"}
        watching = pool.submit(tokens.get, "/api/v1/jobs/events", headers=headers)
        time.sleep(1.5)
        assert not watching.done()
        with catalog.session() as session:
            revoke_token(session, secret.public_id)
        catalog.close()
        assert watching.result(REMEMBERED_S + 20).status_code == 200
    assert tokens.get("/api/v1/jobs/events", headers=headers).status_code == 401


def test_revoking_signs_browsers_out(catalog: Catalog) -> None:
    secret = made(catalog)
    with catalog.session() as session:
        add_browser(session, secret.public_id, expires_at=datetime.now(UTC) + timedelta(days=1))
        first = revoke_token(session, secret.public_id).revoked_at
        assert session.scalars(select(BrowserSession)).all() == []
        assert revoke_token(session, secret.public_id).revoked_at == first
        assert [row.public_id for row in list_tokens(session)] == [secret.public_id]
