"""Tokens and the browsers signed in by them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store.catalog.tables import ApiToken, BrowserSession
from store.errors import InvalidInput, NotFound
from store.secrets import Secret, Use, make_secret
from store.vocabulary import Scope

NOTED_EVERY: Final = timedelta(minutes=1)
"""A use is written down at most so often."""


@dataclass(frozen=True)
class Key:
    """What a secret opens: whose it is, what it allows, until when."""

    digest: str
    token_id: str
    name: str
    scopes: frozenset[Scope]
    expires_at: datetime | None
    session_id: str = ""
    is_noted: bool = True
    """Whether its last use was written down a moment ago."""

    def is_over(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now


def add_token(
    session: Session, name: str, *, scopes: Iterable[Scope], expires_at: datetime | None = None
) -> tuple[ApiToken, Secret]:
    """A new token and its secret, which nobody can find out later; raises ``InvalidInput``."""
    chosen = sorted(set(scopes), key=list(Scope).index)
    told = name.strip()
    if not told or len(told) > 120 or not told.isprintable():
        raise InvalidInput(f"A token's name is a text of 1 to 120 letters that says whose it is, not '{name:.130}'.")
    if not chosen:
        raise InvalidInput(f"Say what the token allows: --scope with {', '.join(Scope)}.")
    secret = make_secret(Use.TOKEN)
    row = ApiToken(
        public_id=secret.public_id,
        name=told,
        scopes=",".join(chosen),
        digest=secret.digest,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return row, secret


def list_tokens(session: Session) -> list[ApiToken]:
    """All of them, oldest first, also those that are over."""
    return list(session.scalars(select(ApiToken).order_by(ApiToken.id)))


def revoke_token(session: Session, public_id: str) -> ApiToken:
    """End a token and sign out its browsers; raises ``NotFound``. Revoking twice changes nothing."""
    row = session.scalar(select(ApiToken).where(ApiToken.public_id == public_id))
    if row is None:
        raise NotFound("token", public_id, remedy="`conceptoscope tokens list` shows their ids.")
    row.revoked_at = row.revoked_at or datetime.now(UTC)
    session.execute(delete(BrowserSession).where(BrowserSession.token_id == row.id))
    session.flush()
    return row


def find_key(session: Session, secret: Secret, use: Use, *, now: datetime) -> Key | None:
    """What the secret of that id opens, unless it was revoked or its time is over; compare the digest yourself."""
    if use is Use.TOKEN:
        token = session.scalar(select(ApiToken).where(ApiToken.public_id == secret.public_id))
        return _key(token, now=now) if token else None
    query = select(BrowserSession, ApiToken).join(ApiToken, ApiToken.id == BrowserSession.token_id)
    found = session.execute(query.where(BrowserSession.public_id == secret.public_id)).first()
    return _key(found[1], now=now, browser=found[0]) if found else None


def _key(token: ApiToken, *, now: datetime, browser: BrowserSession | None = None) -> Key | None:
    ends = [moment for moment in (token.expires_at, browser.expires_at if browser else None) if moment]
    key = Key(
        digest=browser.digest if browser else token.digest,
        token_id=token.public_id,
        name=token.name,
        scopes=frozenset(Scope(word) for word in token.scopes.split(",")),
        expires_at=min(ends, default=None),
        session_id=browser.public_id if browser else "",
        is_noted=token.used_at is not None and token.used_at > now - NOTED_EVERY,
    )
    return None if token.revoked_at or key.is_over(now) else key


def note_use(session: Session, token_id: str, *, now: datetime) -> None:
    """Write down that a token was used."""
    row = session.scalar(select(ApiToken).where(ApiToken.public_id == token_id))
    if row is not None:
        row.used_at = now


def add_browser(session: Session, token_id: str, *, expires_at: datetime) -> Secret:
    """Sign a browser in by a token; those whose time is over are forgotten. Raises ``NotFound``."""
    token = session.scalar(select(ApiToken).where(ApiToken.public_id == token_id))
    if token is None:
        raise NotFound("token", token_id)
    session.execute(delete(BrowserSession).where(BrowserSession.expires_at <= datetime.now(UTC)))
    secret = make_secret(Use.SESSION)
    row = BrowserSession(public_id=secret.public_id, token_id=token.id, digest=secret.digest, expires_at=expires_at)
    session.add(row)
    session.flush()
    return secret


def remove_browser(session: Session, public_id: str) -> None:
    """Sign a browser out."""
    session.execute(delete(BrowserSession).where(BrowserSession.public_id == public_id))
