"""Whoever asks, and what they may."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from store.vocabulary import Scope


@dataclass(frozen=True)
class Who:
    """One visitor: whom limits count, what the log calls them, what they may."""

    kind: Literal["local", "token", "browser", "anonymous"]
    counted_as: str
    scopes: frozenset[Scope] = frozenset()
    name: str = ""
    token_id: str = ""
    session_id: str = ""
    expires_at: datetime | None = None
    address: str = field(default="", compare=False)

    def may(self, scope: Scope) -> bool:
        """Whether they may do what the scope names."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def author(self, by: str) -> str:
        """How what they make is signed: the token's name, and by what."""
        return f"{self.name}, {by}"[:120] if self.name else by


Renewed = Callable[[], Awaitable[bool]]
NOBODY: Final = Who("anonymous", "")
_asking: ContextVar[Who | None] = ContextVar("asking", default=None)


_renewed: ContextVar[Renewed | None] = ContextVar("renewed", default=None)


def ask_as(who: Who, renewed: Renewed | None = None) -> None:
    """From now on this request is theirs; ``renewed`` says later whether it still is."""
    _asking.set(who)
    _renewed.set(renewed)


async def may_still() -> bool:
    """Whether an answer that takes long may go on: the token may have been revoked meanwhile."""
    renewed = _renewed.get()
    return renewed is None or await renewed()


def who_asks() -> Who:
    """The visitor of this request."""
    return _asking.get() or NOBODY


def may_now(scope: Scope) -> bool:
    """Whether what the scope names can be offered to the visitor; always outside of requests, where nobody asks.

    For what pages show. Whether a request is answered is not decided here but in ``Judge``.
    """
    who = _asking.get()
    return who is None or who.may(scope)
