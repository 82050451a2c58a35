"""Answers: conditional ones before any work, pages, fragments, data in their envelope, files that never change."""

from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.access.who import who_asks
from app.headers import IMMUTABLE
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
    """The strong ETag of this address for these digests, and for what the visitor may.

    Raises ``NotModified`` when the client has it.
    """
    query = sorted(request.query_params.multi_items())
    told = [request.url.path, query, [str(part) for part in parts], sorted(who_asks().scopes)]
    etag = f'"{digest_of(told)[:32]}"'
    known = request.headers.get("if-none-match", "")
    if known == "*" or etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}:
        raise NotModified(etag)
    return etag


def page_etag(request: Request, site: Site, *parts: object) -> str:
    """The ETag of a page or fragment: what it says, how it looks, which dictionaries and labels stand beside it."""
    return check_fresh(request, site.code, site.pages.digest, site.stamp(), request.base_url, *parts)


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


def data_answer(envelope: Envelope[Any], *, etag: str = "", cache: str = REVALIDATE) -> Response:
    """Data in its envelope; the next page is named in a header, too. What shows no labels may be kept for a while."""
    response = json_answer(envelope)
    if etag:
        response.headers["ETag"] = etag
    response.headers["Cache-Control"] = cache if etag else REVALIDATE
    links = [f'<{url}>; rel="{rel}"' for rel, url in envelope.links.items() if rel in ("next", "prev") and url]
    if links:
        response.headers["Link"] = ", ".join(links)
    return response


def json_answer(value: BaseModel, *, status: int = 200, media_type: str = "application/json") -> Response:
    """A model as JSON: names by alias, absent numbers as null."""
    return Response(value.model_dump_json(by_alias=True), status, media_type=media_type)


def lasting_answer(content: bytes, media_type: str) -> Response:
    """A file whose address holds its digest."""
    return Response(content, media_type=media_type, headers={"Cache-Control": IMMUTABLE})


def chosen_fields(items: tuple[View, ...], fields: tuple[str, ...]) -> list[dict[str, Any]]:
    """Only these fields of each item, by their names in JSON."""
    rows = (item.model_dump(mode="json", by_alias=True) for item in items)
    return [{name: row[name] for name in fields} for row in rows]
