"""Bodies of requests: read up to a limit, before anything is made of them."""

from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store.errors import InvalidInput

LIMIT_BYTES: Final = 1024 * 1024
"""Of forms and JSON."""


class LimitBody:
    """Refuses longer bodies (413), whether they tell their length beforehand or not."""

    def __init__(
        self, app: ASGIApp, *, limit_bytes: int = LIMIT_BYTES, larger: Mapping[str, int] | None = None
    ) -> None:
        self.app, self.limit_bytes, self.larger = app, limit_bytes, dict(larger or {})
        """``larger`` has other limits by path, where photos are sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        n_bytes, limit_bytes = 0, self.larger.get(scope["path"], self.limit_bytes)

        async def receive_some() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > limit_bytes:
                raise HTTPException(413, f"The request has more than {limit_bytes // 1024} KiB; send less.")
            return message

        await self.app(scope, receive_some, send)


async def _read_form(request: Request) -> dict[str, str]:
    """Fields of an ordinary form; the last value of a repeated one counts."""
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError as fault:
        raise InvalidInput("The form is not UTF-8 text.") from fault
    return {name: value.replace("\r\n", "\n") for name, value in parse_qsl(text, keep_blank_values=True)}


FormBody = Annotated[dict[str, str], Depends(_read_form)]
