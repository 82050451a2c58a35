"""Which step of the tour a visitor is at: ``?tour=3`` on any page, which then shows a bar, too."""

from contextvars import ContextVar
from typing import Final
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

PARAM: Final = "tour"
_step: ContextVar[int] = ContextVar("tour", default=0)


class Touring:
    """Notes the step that a request's address names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        query: bytes = scope.get("query_string", b"")
        if b"tour=" in query:
            text = parse_qs(query.decode("latin-1")).get(PARAM, [""])[0]
            _step.set(int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0)
        await self.app(scope, receive, send)


def tour_step() -> int:
    """The step, from 1; 0 outside of the tour."""
    return _step.get()
