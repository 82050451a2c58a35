"""Headers of every answer: security, request id, timing; and HEAD for whatever answers GET."""

import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.timing import header_of, start_timing

SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
}
ASKED = "conceptoscope.method"  # key of the scope: the method before HEAD became GET
IMMUTABLE = "public, max-age=31536000, immutable"
_PICTURES = (".webp", ".png", ".npy")


class Headers:
    """Adds the headers; answers HEAD as GET without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, spans = time.perf_counter(), start_timing()
        request_id = uuid.uuid4().hex[:16]
        scope.setdefault("state", {})["request_id"] = request_id
        is_head = scope["method"] == "HEAD"

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY)
                headers["X-Request-Id"] = request_id
                headers["Server-Timing"] = header_of(spans, 1000 * (time.perf_counter() - begin))
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET", ASKED: "HEAD"} if is_head else scope, receive, send_more)


class Compress:
    """Gzip for text; pictures are compressed already."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self._gzip = app, GZipMiddleware(app, minimum_size=1024, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        is_picture = scope["type"] == "http" and scope["path"].endswith(_PICTURES)
        await (self.app if is_picture else self._gzip)(scope, receive, send)
