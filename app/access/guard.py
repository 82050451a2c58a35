"""Lets a request in, or answers it: the middleware around all routes."""

from functools import partial
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import urls
from app.access.audit import write, write_look
from app.access.judge import Asked, Judge, Verdict
from app.access.needs import SAFE
from app.access.places import Place
from app.access.refusals import UnknownVisitor
from app.access.shape import headers_of, length_of
from app.access.who import NOBODY, Who, ask_as
from app.errors import answer_fault, is_page, told_path
from store.errors import ConceptoscopeError

PLACE: Final = "conceptoscope.place"  # key of the scope
SIGNED_IN: Final = "signed_in"  # key of its state: whose token was shown in a form
_EVERYDAY: Final = (404, 503)  # mistyped addresses; faults that are logged where they are found
_LONG_BODY: Final = 64 * 1024


class Guard:
    """Judges every request, keeps shared caches from what not everybody may see, writes down who changed what."""

    def __init__(self, app: ASGIApp, judge: Judge) -> None:
        self.app, self.judge = app, judge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = headers_of(scope["headers"])
        place = scope[PLACE] = self._placed(scope, headers)
        asked = Asked(scope["method"], scope["path"], scope["query_string"], headers, place)
        visit = _Visit(scope, Who("anonymous", "", address=place.address), send)
        try:
            verdict = await self.judge.judge(asked)
        except ConceptoscopeError as fault:
            ask_as(NOBODY)
            answer = await _refused(Request(scope), fault)
            if "transfer-encoding" in headers or length_of(headers) > _LONG_BODY:
                answer.headers["Connection"] = "close"  # nobody will read the body
            await answer(scope, receive, visit.send)
            return
        ask_as(verdict.who, partial(self.judge.still_lets_in, asked, verdict) if verdict.who.token_id else None)
        visit.let_in(verdict)
        counted = _Counted(receive)
        await visit.run(self.app, counted if verdict.need.takes_photos else receive)
        self.judge.spend(verdict.who, counted.n_bytes)

    def _placed(self, scope: Scope, headers: dict[str, str]) -> Place:
        """Where it comes from; what a believed proxy says is put into the request, so that links are made with it."""
        client = scope.get("client")
        place = self.judge.places.of(headers, peer=client[0] if client else "", scheme=scope["scheme"])
        if place.is_vouched_for:
            scope["scheme"], scope["client"] = place.scheme, (place.address, 0)
            kept = [pair for pair in scope["headers"] if pair[0] != b"host"]
            scope["headers"] = [*kept, (b"host", place.host.encode("latin-1"))]
        return place


class _Counted:
    """A body whose bytes are counted."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self.n_bytes = receive, 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self.n_bytes += len(message.get("body", b""))
        return message


class _Visit:
    """One request on its way: adds to its answer what the verdict says, and writes it down once."""

    def __init__(self, scope: Scope, who: Who, send: Send) -> None:
        self._scope, self._who, self._send = scope, who, send
        self._verdict: Verdict | None = None
        self._is_written = False

    def let_in(self, verdict: Verdict) -> None:
        """It is answered."""
        self._verdict, self._who = verdict, verdict.who

    async def run(self, app: ASGIApp, receive: Receive) -> None:
        """Answer it; a failure of ours is written down, too."""
        try:
            await app(self._scope, receive, self.send)
        except Exception:
            self._write(500)
            raise

    async def send(self, message: Message) -> None:
        """Pass the answer on."""
        if message["type"] == "http.response.start":
            if self._verdict is not None:
                _dress(MutableHeaders(scope=message), self._verdict)
            self._write(message["status"])
        await self._send(message)

    def _write(self, status: int) -> None:
        """A change, whatever came of it; a look that was refused."""
        is_look = self._scope["method"] in SAFE
        if self._is_written or (is_look and (status < 400 or status in _EVERYDAY)):
            return
        self._is_written = True
        request_id = self._scope.get("state", {}).get("request_id", "")
        path = told_path(Request(self._scope))
        who = self._scope.get("state", {}).get(SIGNED_IN, self._who)
        told = write_look if is_look else write
        told(who, method=self._scope["method"], path=path, status=status, request_id=request_id)


def _dress(headers: MutableHeaders, verdict: Verdict) -> None:
    """Say what is left; what a token has opened is no public thing."""
    if verdict.left is not None:
        headers.update(verdict.left.headers)
    kept = headers.get("cache-control", "")
    if verdict.who.token_id and verdict.need.scope is not None and kept.startswith("public"):
        headers["cache-control"] = f"private{kept.removeprefix('public')}"


async def _refused(request: Request, fault: ConceptoscopeError) -> Response:
    """The answer to who is not let in; a person without a token is led to where one can be shown."""
    if isinstance(fault, UnknownVisitor) and request.method == "GET" and is_page(request):
        query = request.url.query
        asked = f"{request.url.path}?{query}" if query else request.url.path
        return RedirectResponse(urls.login(asked), 303, headers={"Cache-Control": "no-store"})
    return await answer_fault(request, fault)
