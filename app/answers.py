"""Answers: conditional ones before any work, pages, fragments, data in their envelope, files that never change."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.access.who import who_asks
from app.compress import plain_tag
from app.headers import IMMUTABLE
from app.kept import KeptAnswer
from app.makers.tour import find_bar
from app.params import canonical_query
from app.site import Site, site_of
from app.timing import timed
from app.touring import tour_step
from app.views.base import Frame, View
from app.views.envelope import Envelope
from store.specs import digest_of

REVALIDATE = "no-cache"
NEVER = "no-store"
PRIVATE = "no-store, private"
_IN_A_ROW = ("concept", "class")  # kinds of pages that people go through one after the other
FOR_A_WHILE = "public, max-age=300, stale-while-revalidate=86400"


class Tag(str):
    """A strong ETag, and how long what it stands for may be kept."""

    cache: str

    def __new__(cls, text: str, cache: str = REVALIDATE) -> "Tag":
        """The tag as it is sent, quotes and all."""
        made = super().__new__(cls, text)
        made.cache = cache
        return made


class NotModified(Exception):
    """The client has this very answer."""

    def __init__(self, etag: Tag) -> None:
        self.etag = etag


class MadeBefore(Exception):
    """This very answer has been made before."""

    def __init__(self, answer: KeptAnswer) -> None:
        self.answer = answer


def check_fresh(request: Request, *parts: object, cache: str = REVALIDATE) -> Tag:
    """The strong ETag of this address for these digests, and for what the visitor may; raises as ``check_tag``.

    Digest of path, canonical query and parts: equal views share it, however they were asked for. ``*`` is answered
    where it is known that there is something (``app.headers``).
    """
    told = [request.url.path, canonical_query(request), [str(part) for part in parts], sorted(who_asks().scopes)]
    return check_tag(request, Tag(f'"{digest_of(told)[:32]}"', cache))


def check_tag(request: Request, etag: Tag) -> Tag:
    """This ETag; raises ``NotModified`` when the client has what it stands for, ``MadeBefore`` when we do."""
    known = (tag.strip() for tag in request.headers.get("if-none-match", "").split(","))
    found = next((tag for tag in known if plain_tag(tag) == etag), "")
    if found:
        raise NotModified(Tag(found.removeprefix("W/"), etag.cache))
    kept = site_of(request).kept.find(request, etag)
    if kept:
        raise MadeBefore(kept)
    return etag


def page_etag(request: Request, site: Site, *parts: object) -> Tag:
    """The ETag of a page or fragment: what it says, how it looks, which dictionaries and labels stand beside it."""
    toured = (("tour", tour_step()),) if tour_step() else ()
    return check_fresh(request, site.code, site.pages.digest, site.stamp(), request.base_url, *parts, *toured)


def page_answer(site: Site, template: str, *, view: View, frame: Frame, etag: str, **more: Any) -> Response:
    """A page with the address of its twin."""
    bar = find_bar(site)
    with timed("template"):
        response = site.pages.page(template, view=view, frame=frame, tour=bar, **more)
    if etag:
        response.headers["ETag"] = etag
    response.headers["Cache-Control"] = REVALIDATE if etag else NEVER
    response.headers["Link"] = f'<{frame.api_url}>; rel="alternate"; type="application/json"'
    if frame.kind in _IN_A_ROW:
        response.headers["Speculation-Rules"] = site.pages.ahead
    return response


def fragment_answer(site: Site, template: str, *, view: View, etag: str, **more: Any) -> Response:
    """A part of a page."""
    with timed("template"):
        response = site.pages.fragment(template, view=view, **more)
    if etag:
        response.headers["ETag"] = etag
    response.headers["Cache-Control"] = REVALIDATE if etag else NEVER
    return response


def data_answer(envelope: Envelope[Any], *, etag: Tag | None = None) -> Response:
    """Data in its envelope; the next page is named in a header, too."""
    response = tagged(json_answer(envelope), etag)
    link_header(response, envelope.links)
    return response


def tagged(response: Response, etag: Tag | None) -> Response:
    """An answer with its tag, and how long it may be kept."""
    if etag:
        response.headers["ETag"] = etag
    response.headers["Cache-Control"] = etag.cache if etag else REVALIDATE
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
