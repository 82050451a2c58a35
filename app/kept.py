"""Answers made before: texts by their ETag, just as they were sent, so that equal questions cost one answer.

An ETag stands for all that an answer depends on (``app.answers``), so what is kept is never out of date; it only makes
room for others.
"""

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.cabinet import Cabinet
from app.compress import SMALLEST, choose_coding, coded_tag, is_text

MOST_BYTES: Final = 12 * 2**20
_LARGEST_SHARE: Final = 32
_OVERHEAD: Final = 1024  # bytes: headers and the entry itself
RawHeaders = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A whole answer with status 200, compressed or not."""

    headers: RawHeaders
    body: bytes

    @property
    def tag(self) -> str:
        """The ETag that it was sent under."""
        return next(value for name, value in self.headers if name == b"etag").decode("latin-1")

    @property
    def n_bytes(self) -> int:
        """What it takes."""
        return len(self.body) + _OVERHEAD

    def as_response(self) -> Response:
        """The same answer once more."""
        response = Response(self.body)
        response.raw_headers = list(self.headers)
        return response


class Kept:
    """Answers by the tag that they were sent under. Safe between threads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._answers: Cabinet[str, KeptAnswer] = Cabinet(most_bytes)
        self._largest = most_bytes // _LARGEST_SHARE
        self.n_found = 0

    @property
    def n_bytes(self) -> int:
        """Memory that they take."""
        return self._answers.n_bytes

    def find(self, request: Request, tag: str) -> KeptAnswer | None:
        """The answer that this ETag stands for, in a coding that the client takes."""
        coding = choose_coding(request.headers.get("accept-encoding", ""))
        found = self._answers.find(coded_tag(tag, coding) if coding else tag)
        if found is None and coding:
            plain = self._answers.find(tag)
            found = plain if plain and len(plain.body) < SMALLEST else None
        self.n_found += found is not None
        return found

    def keep(self, answer: KeptAnswer) -> None:
        """Add an answer, unless it would take the room of too many others."""
        if answer.n_bytes <= self._largest:
            self._answers.keep(answer.tag, answer, n_bytes=answer.n_bytes)


class Keep:
    """Keeps what goes out: whole texts with an ETag that anybody may have who asks the same."""

    def __init__(self, app: ASGIApp, kept: Kept) -> None:
        self.app, self._kept = app, kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        keepable: RawHeaders | None = None

        async def send_kept(message: Message) -> None:
            nonlocal keepable
            if message["type"] == "http.response.start":
                keepable = tuple(message["headers"]) if is_keepable(message) else None
            elif keepable is not None:
                if not message.get("more_body", False):
                    self._kept.keep(KeptAnswer(keepable, message.get("body", b"")))
                keepable = None
            await send(message)

        await self.app(scope, receive, send_kept)


def is_keepable(start: Message) -> bool:
    """Whether an answer that starts like this is the same for all who ask the same, and no file on disk."""
    headers = Headers(raw=start["headers"])
    control = headers.get("cache-control", "")
    return (
        start["status"] == 200
        and "etag" in headers
        and "set-cookie" not in headers
        and is_text(headers.get("content-type", ""))
        and not any(word in control for word in ("private", "no-store", "immutable"))
    )
