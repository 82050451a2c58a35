"""Compresses text on its way out: brotli where the client takes it, gzip otherwise; each has an ETag of its own."""

import zlib
from typing import Final, Protocol

import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CODINGS: Final = ("br", "gzip")
"""Best first."""
SMALLEST: Final = 1024
"""Shorter answers are sent as they are."""
CHANNELS_TYPE: Final = "application/vnd.conceptoscope.channels"
"""Columns of small numbers that maps are drawn from: some of them are nearly alike throughout."""
_TEXTS: Final = (
    "text/html",
    "text/css",
    "text/csv",
    "text/plain",
    "text/javascript",
    "application/json",
    "application/problem+json",
    "application/x-ndjson",
    "image/svg+xml",
    CHANNELS_TYPE,
)
"""Pictures, Parquet and arrays are compact already; a stream of events must not wait."""


class Coder(Protocol):
    """Compresses piece by piece."""

    def add(self, piece: bytes) -> bytes:
        """What is ready after one more piece."""

    def end(self) -> bytes:
        """The rest."""


class _Brotli:
    """The quality of a stream is one that keeps pace with its disk; a window of 256 KiB, as many may run at once."""

    def __init__(self, *, is_stream: bool) -> None:
        self._coder = brotli.Compressor(quality=1 if is_stream else 4, lgwin=18)

    def add(self, piece: bytes) -> bytes:
        return bytes(self._coder.process(piece))

    def end(self) -> bytes:
        return bytes(self._coder.finish())


class _Gzip:
    """The same by zlib."""

    def __init__(self, *, is_stream: bool) -> None:
        self._coder = zlib.compressobj(1 if is_stream else 5, wbits=zlib.MAX_WBITS | 16)

    def add(self, piece: bytes) -> bytes:
        return self._coder.compress(piece)

    def end(self) -> bytes:
        return self._coder.flush()


_CODERS: Final[dict[str, type[_Brotli] | type[_Gzip]]] = {"br": _Brotli, "gzip": _Gzip}


def choose_coding(accepted: str) -> str:
    """The coding that an ``Accept-Encoding`` likes best, of equal ones the better; empty for none."""
    weights = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        weights[name.strip()] = _weight(parameter)
    liked = {coding: weights.get(coding, weights.get("*", 0.0)) for coding in CODINGS}
    best = max(CODINGS, key=liked.__getitem__)
    return best if liked[best] > 0 else ""


def _weight(parameter: str) -> float:
    text = parameter.strip().removeprefix("q=")
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def is_text(media_type: str) -> bool:
    """Whether it is worth to compress."""
    return media_type.partition(";")[0].strip() in _TEXTS


def plain_tag(tag: str) -> str:
    """An entity tag of a client as it was before any coding, without its mark of weakness."""
    bare = tag.strip().removeprefix("W/")
    for coding in CODINGS:
        bare = bare.replace(f'-{coding}"', '"')
    return bare


def coded_tag(tag: str, coding: str) -> str:
    """The entity tag of a coded form."""
    return tag.removesuffix('"') + f'-{coding}"'


class Compress:
    """Compresses what is text and long enough."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        coding = choose_coding(Headers(scope=scope).get("accept-encoding", ""))
        await self.app(scope, receive, _Answer(send, coding))


class _Answer:
    """One answer on its way out; its start waits for the first piece, which may be all of it."""

    def __init__(self, send: Send, coding: str) -> None:
        self._send, self._coding = send, coding
        self._start: Message | None = None
        self._coder: Coder | None = None

    async def __call__(self, message: Message) -> None:
        """The next message."""
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] == "http.response.body" and (self._start or self._coder):
            await self._piece(message.get("body", b""), more=message.get("more_body", False))
        else:
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        if not is_text(headers.get("content-type", "")) or "content-range" in headers:
            await self._send(message)
            return
        if "accept-encoding" not in headers.get("vary", "").lower():
            headers.add_vary_header("Accept-Encoding")
        if not self._coding or "content-encoding" in headers or message["status"] in (204, 304):
            await self._send(message)
        else:
            self._start = message

    async def _piece(self, piece: bytes, *, more: bool) -> None:
        if self._start:
            self._open(self._start, n_bytes=None if more else len(piece))
        if self._coder:
            piece = self._coder.add(piece) + (b"" if more else self._coder.end())
        if self._start:
            start, self._start = self._start, None
            if not more:
                MutableHeaders(scope=start)["Content-Length"] = str(len(piece))
            await self._send(start)
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    def _open(self, start: Message, *, n_bytes: int | None) -> None:
        """Begin to compress, unless this is all and it is short."""
        if n_bytes is not None and n_bytes < SMALLEST:
            return
        headers = MutableHeaders(scope=start)
        self._coder = _CODERS[self._coding](is_stream=n_bytes is None)
        headers["Content-Encoding"] = self._coding
        del headers["Content-Length"]
        if "etag" in headers:
            headers["ETag"] = coded_tag(headers["etag"], self._coding)
