"""The one place where errors become HTTP: a page for browsers, a fragment for htmx, a problem document for programs."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from jinja2 import TemplateError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match

from app import urls
from app.access.refusals import Refusal
from app.answers import MadeBefore, NotModified, json_answer
from app.headers import SECURITY
from app.makers.frames import error_frame
from app.pinning import Gone
from app.site import Site
from app.views.problems import OutdatedProblem, ParameterFault, Problem
from store.atlas.grammar import BadQuery
from store.encoding.refusals import STATUS, EncoderUnavailable, PhotoRefused
from store.errors import ConceptoscopeError, Conflict, Forbidden, InvalidInput, NotFound, Outdated

log = logging.getLogger(__name__)

_FOR_PROGRAMS = (urls.API, "/m/", "/static/", "/healthz", "/readyz", "/metrics")
_NO_PAGE = "There is no such page. Start from the home page, or use the search."
_OUR_FAULT = "Something went wrong on our side. The log has more under the request id."
_STATUS: tuple[tuple[type[ConceptoscopeError], int], ...] = (
    (NotFound, 404),
    (InvalidInput, 400),
    (Outdated, 412),
    (Conflict, 409),
    (Forbidden, 403),
    (Gone, 410),
)
"""What each domain error is in HTTP; any other means that something we need is away."""
_VARY = "Accept, Accept-Encoding"
Handler = Callable[[Request, Exception], Awaitable[Response]]


def install_error_handlers(app: FastAPI) -> None:
    """Let the app answer every error."""
    handlers: tuple[tuple[type[Exception], Handler], ...] = (
        (NotModified, _not_modified),
        (MadeBefore, _made_before),
        (ConceptoscopeError, _domain_fault),
        (HTTPException, _http_fault),
        (RequestValidationError, _bad_request),
        (Exception, _our_fault),
    )
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


async def _not_modified(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, NotModified)
    headers = {"ETag": fault.etag, "Cache-Control": fault.etag.cache}
    is_data = request.url.path.startswith(urls.API)
    return Response(status_code=304, headers=headers | ({"Vary": _VARY} if is_data else {}))


async def _made_before(_request: Request, fault: Exception) -> Response:
    assert isinstance(fault, MadeBefore)
    return fault.answer.as_response()


async def _domain_fault(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, ConceptoscopeError)
    return await answer_fault(request, fault)


async def answer_fault(request: Request, fault: ConceptoscopeError) -> Response:
    """The answer to a request that a domain error has ended."""
    status = status_of(fault)
    if status == 503:
        log.error("%s: %s", told_path(request), fault)
    faults = fault.faults if isinstance(fault, BadQuery) else ()
    errors = tuple(ParameterFault(param=f.param, message=f.message, allowed=f.allowed) for f in faults)
    near = _near(request, fault) if isinstance(fault, NotFound) else ()
    near = (fault.current,) if isinstance(fault, Gone) else near
    problem = _problem(request, status, str(fault), errors=errors, near=near)
    if isinstance(fault, Outdated):
        problem = OutdatedProblem(**dict(problem), current=fault.current)
    response = _answer(request, problem)
    if isinstance(fault, Gone):
        response.headers["Link"] = f'<{fault.current}>; rel="latest-version"'
    wait_s = fault.retry_after_s if isinstance(fault, EncoderUnavailable) else None
    if wait_s is not None:
        response.headers["Retry-After"] = f"{max(1.0, wait_s):.0f}"
    response.headers.update(fault.headers if isinstance(fault, Refusal) else {})
    return response


def status_of(fault: ConceptoscopeError) -> int:
    """What a domain error is in HTTP."""
    if isinstance(fault, PhotoRefused):
        return STATUS[fault.reason]
    if isinstance(fault, Refusal):
        return fault.status
    return next((status for kind, status in _STATUS if isinstance(fault, kind)), 503)


async def _http_fault(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    if fault.status_code == 405:
        return _wrong_method(request)
    detail = _NO_PAGE if fault.status_code == 404 else str(fault.detail)
    response = _answer(request, _problem(request, fault.status_code, detail))
    response.headers.update(fault.headers or {})
    return response


def _wrong_method(request: Request) -> Response:
    """Every route of the address counts, not only the first; HEAD goes wherever GET does."""
    known = (*request.app.routes, *request.app.state.routes)
    there = [route for route in known if route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in there for method in getattr(route, "methods", None) or ()}
    allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    response = _answer(
        request, _problem(request, 405, f"{request.method} is not for this address; it takes {allowed}.")
    )
    response.headers["Allow"] = allowed
    return response


async def _bad_request(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, RequestValidationError)
    errors = tuple(_parameter_fault(error) for error in fault.errors())
    status = 404 if any(e["loc"][0] == "path" for e in fault.errors()) else 400
    return _answer(request, _problem(request, status, " ".join(e.message for e in errors), errors=errors))


def _parameter_fault(error: Mapping[str, Any]) -> ParameterFault:
    """A fault of a body is named by its place in it, any other by its parameter."""
    place = error["loc"]
    told = str(error["msg"]).removeprefix("Value error, ")
    if place[0] != "body":
        return ParameterFault(param=str(place[-1]), message=told)
    where = ".".join(str(part) for part in place[1:]) or "body"
    given = "" if isinstance(error["input"], (dict, list, type(None))) else f" (given: {error['input']!r:.80})"
    return ParameterFault(param=where, message=f"{where}: {told}{given}.")


async def _our_fault(request: Request, fault: Exception) -> Response:
    problem = _problem(request, 500, _OUR_FAULT)
    log.error("request %s, %s", problem.request_id, told_path(request), exc_info=fault)
    try:
        response = _answer(request, problem)
    except TemplateError:  # the fault may be in the templates themselves
        response = PlainTextResponse(f"{problem.detail} Request id: {problem.request_id}", 500)
    response.headers.update(SECURITY)  # this handler stands outside of the middleware that adds them
    return response


def _problem(
    request: Request,
    status: int,
    detail: str,
    *,
    errors: tuple[ParameterFault, ...] = (),
    near: tuple[str, ...] = (),
) -> Problem:
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        request_id=getattr(request.state, "request_id", ""),
        errors=errors,
        near=near,
    )


def told_path(request: Request) -> str:
    """The address as logs have it: not that of what only those may see who know its id."""
    is_secret = request.url.path.startswith(("/a/", "/_f/a/", f"{urls.api_analyses()}/"))
    return "an analysis" if is_secret else request.url.path


def _near(request: Request, fault: NotFound) -> tuple[str, ...]:
    """Addresses of dictionaries whose names are near the unknown one."""
    if fault.thing != "dictionary":
        return ()
    site: Site = request.app.state.site
    slugs = [entry.slug for entry in site.roster.entries()]
    return tuple(urls.dictionary(slug) for slug in get_close_matches(fault.name, slugs, n=3, cutoff=0.4) or slugs[:5])


def _for_programs(request: Request) -> bool:
    return request.url.path.startswith(_FOR_PROGRAMS) or request.url.path.endswith(".json")


def _for_pages(request: Request) -> bool:
    return request.headers.get("HX-Request") == "true" or request.url.path.startswith("/_f/")


def is_page(request: Request) -> bool:
    """Whether a person would see the answer as a page of its own."""
    return not _for_programs(request) and not _for_pages(request)


def _answer(request: Request, problem: Problem) -> Response:
    site: Site = request.app.state.site
    if _for_programs(request):
        response = json_answer(problem, status=problem.status, media_type="application/problem+json")
    elif _for_pages(request):
        response = site.pages.fragment("_partials/problem.html", view=problem, status=problem.status)
    else:
        frame = error_frame(problem.title)
        response = site.pages.page("error.html", view=problem, frame=frame, status=problem.status)
    response.headers["Cache-Control"] = "no-store"
    if problem.status == 503:
        response.headers["Retry-After"] = "5"
    return response
