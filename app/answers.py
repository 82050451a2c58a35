"""Answers: conditional ones before any work, pages, fragments, data in their envelope, files that never change."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.compress import plain_tag
from app.headers import IMMUTABLE
from app.params import canonical_query
from app.site import Site
from app.timing import timed
from app.views.base import Frame, View
from app.views.envelope import Envelope
from store.specs import digest_of

REVALIDATE = "no-cache"
NEVER = "no-store"
PRIVATE = "no-store, private"
FOR_A_WHILE = "public, max-age=300, stale-while-revalidate=86400"


class NotModified(Exception):
    """The client has this very answer."""

    def __init__(self, etag: str) -> None:
        self.etag = etag


def check_fresh(request: Request, *parts: object) -> str:
    """The strong ETag of this address for these digests; raises ``NotModified`` when the client has it.

    Digest of path, canonical query and parts: equal views share it, however they were asked for. ``*`` is answered
    where it is known that there is something (``app.headers``).
    """
    etag = f'"{digest_of([request.url.path, canonical_query(request), [str(part) for part in parts]])[:32]}"'
    return check_tag(request, etag)


def check_tag(request: Request, etag: str) -> str:
    """This ETag; raises ``NotModified`` when the client has what it stands for."""
    known = (tag.strip() for tag in request.headers.get("if-none-match", "").split(","))
    found = next((tag for tag in known if plain_tag(tag) == etag), "")
    if found:
        raise NotModified(found.removeprefix("W/"))
    return etag


def page_etag(request: Request, site: Site, *parts: object) -> str:
    """The ETag of a page or fragment: what it says, how it looks, which dictionaries stand beside it."""
    return check_fresh(request, site.code, site.pages.digest, site.roster.stamp(), request.base_url, *parts)


def page_answer(site: Site, template: str, *, view: View, frame: Frame, etag: str) -> Response:
    """A page with the address of its twin."""
    with timed("template"):
        response = site.pages.page(template, view=view, frame=frame)
    if etag:
        response.headers["ETag"] = etag
    response.headers["Cache-Control"] = REVALIDATE if etag else NEVER
    response.headers["Link"] = f'<{frame.api_url}>; rel="alternate"; type="application/json"'
    return response


def fragment_answer(site: Site, template: str, *, view: View, etag: str, **more: Any) -> Response:
    """A part of a page."""
    with timed("template"):
        response = site.pages.fragment(template, view=view, **more)
    if etag:
        response.headers["ETag"] = etag
    response.headers["Cache-Control"] = REVALIDATE if etag else NEVER
    return response


def data_answer(envelope: Envelope[Any], *, etag: str = "", cache: str = FOR_A_WHILE) -> Response:
    """Data in its envelope; the next page is named in a header, too."""
    response = json_answer(envelope)
    if etag:
        response.headers["ETag"] = etag
    response.headers["Cache-Control"] = cache if etag else REVALIDATE
    link_header(response, envelope.links)
    return response


def link_header(response: Response, links: Mapping[str, str | None]) -> None:
    """Name the next and previous page for clients that read headers."""
    found = [f'<{url}>; rel="{rel}"' for rel, url in links.items() if rel in ("next", "prev") and url]
    if found:
        response.headers["Link"] = ", ".join(found)


def json_answer(value: BaseModel, *, status: int = 200, media_type: str = "application/json") -> Response:
    """A model as JSON: names by alias, absent numbers as null."""
    return Response(value.model_dump_json(by_alias=True), status, media_type=media_type)


def lasting_answer(content: bytes, media_type: str, *, etag: str) -> Response:
    """A file whose address holds its digest."""
    return Response(content, media_type=media_type, headers={"Cache-Control": IMMUTABLE, "ETag": etag})
