"""Headers of every answer: security, request id, timing; and HEAD for whatever answers GET."""

import time
import uuid

from starlette.datastructures import Headers as RequestHeaders
from starlette.datastructures import MutableHeaders
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
_OF_PICTURES = ("X-Content-Type-Options", "Cross-Origin-Resource-Policy")
"""The others say what a document may do; a page has dozens of pictures, some hardly larger than these words."""
_PICTURES = ("image/webp", "image/png")
ASKED = "conceptoscope.method"  # key of the scope: the method before HEAD became GET
IMMUTABLE = "public, max-age=31536000, immutable"


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
        is_head, is_any = scope["method"] == "HEAD", RequestHeaders(scope=scope).get("if-none-match") == "*"
        is_bare = is_head

        async def send_more(message: Message) -> None:
            nonlocal is_bare
            if message["type"] == "http.response.start":
                if is_any and message["status"] == 200 and scope["method"] in ("GET", "HEAD"):
                    message, is_bare = _not_modified(message), True
                headers = MutableHeaders(scope=message)
                headers.update(_security_of(headers.get("content-type", "")))
                headers["X-Request-Id"] = request_id
                headers["Server-Timing"] = header_of(spans, 1000 * (time.perf_counter() - begin))
            elif is_bare and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET", ASKED: "HEAD"} if is_head else scope, receive, send_more)


def _security_of(media_type: str) -> dict[str, str]:
    return {name: SECURITY[name] for name in _OF_PICTURES} if media_type in _PICTURES else SECURITY


def _not_modified(message: Message) -> Message:
    """``If-None-Match: *`` of what there is: the client has something, and asks for nothing new."""
    kept = [(name, value) for name, value in message["headers"] if not name.lower().startswith(b"content-")]
    return {**message, "status": 304, "headers": kept}
