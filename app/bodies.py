"""Bodies of requests: read up to a limit and for a while only, before anything is made of them."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final
from urllib.parse import parse_qsl

import numpy as np
from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store.errors import InvalidInput

LIMIT_BYTES: Final = 1024 * 1024
"""Of forms and JSON."""
WITHIN_S: Final = 30.0
"""So long a form or JSON may take to arrive."""
PHOTO_WITHIN_S: Final = 120.0
JSON_DEPTH: Final = 32
FORM_FIELDS: Final = 1000
_NOT_READ: Final = {"Connection": "close"}
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\(?:.|\Z)[^"\\]*+)*+(?:"|\Z)', re.DOTALL)
_TEXT: Final = re.compile(
    rb"(?:[^\\\x00]++|\\(?:[^u\x00]|u(?!0000|[dD][89a-fA-F])|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))*+"
    rb"\\?",
    re.DOTALL,
)
"""JSON without NUL and without halves of characters, written out or escaped."""
_ALL: Final = bytes(range(256))
_BRACKETS: Final = bytes(byte for byte in _ALL if byte not in b"[]{}")


class LimitBody:
    """Refuses bodies that are too long (413), too slow (408), or JSON that is too deep (400).

    ``larger`` has other limits in bytes by path, where photos are sent.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit_bytes: int = LIMIT_BYTES,
        larger: Mapping[str, int] | None = None,
    ) -> None:
        self.app, self.limit_bytes, self.larger = app, limit_bytes, dict(larger or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] == "GET":
            await self.app(scope, receive, send)
            return
        is_photo = scope["path"] in self.larger
        limit = self.larger.get(scope["path"], self.limit_bytes)
        body = _Arriving(receive, limit_bytes=limit, within_s=PHOTO_WITHIN_S if is_photo else WITHIN_S)
        body.is_json = any(n == b"content-type" and v.startswith(b"application/json") for n, v in scope["headers"])
        await self.app(scope, body, send)


class _Arriving:
    """A body on its way."""

    is_json = False

    def __init__(self, receive: Receive, *, limit_bytes: int, within_s: float) -> None:
        self._receive, self._limit_bytes, self._within_s = receive, limit_bytes, within_s
        self._until = asyncio.get_running_loop().time() + within_s
        self._n_bytes, self._is_whole, self._text = 0, False, bytearray()

    async def __call__(self) -> Message:
        """The next part, or that the visitor has left."""
        if self._is_whole:
            return await self._receive()
        message = await self._next()
        part = message.get("body", b"")
        self._n_bytes += len(part)
        if self._n_bytes > self._limit_bytes:
            told = f"The request has more than {self._limit_bytes // 1024} KiB; send less."
            raise HTTPException(413, told, headers=_NOT_READ)
        self._is_whole = not message.get("more_body", False)
        if self.is_json:
            self._text += part
            if self._is_whole:
                check_json(bytes(self._text))
        return message

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout_at(self._until):
                return await self._receive()
        except TimeoutError:
            told = f"The request did not arrive within {self._within_s:g} seconds; send it again."
            raise HTTPException(408, told, headers=_NOT_READ) from None


def check_json(text: bytes) -> None:
    """Refuse JSON that no program means: too deep, or with what is no text in texts; raises ``HTTPException``."""
    if not _TEXT.fullmatch(text):
        raise HTTPException(400, "The JSON has NUL, or half a character (a lone surrogate), in a text.")
    depth = depth_of(text)
    if depth > JSON_DEPTH:
        raise HTTPException(400, f"The JSON is {depth:,} levels deep; {JSON_DEPTH} are the most.")


def depth_of(text: bytes) -> int:
    """How many brackets are open at once, those in strings not counted; time grows with the length only."""
    brackets = np.frombuffer(_STRING.sub(b"", text).translate(None, _BRACKETS), dtype=np.uint8)
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1)
    return int(np.cumsum(steps).max(initial=0))


async def _read_form(request: Request) -> dict[str, str]:
    """Fields of an ordinary form; the last value of a repeated one counts."""
    try:
        text = (await request.body()).decode()
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_FIELDS, errors="strict")
    except UnicodeDecodeError as fault:
        raise InvalidInput("The form is not UTF-8 text.") from fault
    except ValueError as fault:
        raise InvalidInput(f"The form has more than {FORM_FIELDS} fields.") from fault
    check_fields(pairs)
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


def check_fields(pairs: Iterable[tuple[str, str]]) -> None:
    """Refuse fields with NUL in them, which databases choke on; raises ``InvalidInput``."""
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            raise InvalidInput(f"The field {name[:80]!r} has the character NUL in it.")


FormBody = Annotated[dict[str, str], Depends(_read_form)]
