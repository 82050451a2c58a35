"""Wraps data into the envelope."""

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request

from app import urls
from app.answers import FOR_A_WHILE, Tag, check_fresh
from app.params import canonical_query
from app.roster import Entry
from app.site import Site
from app.views.base import Paging
from app.views.envelope import Envelope, Meta, PageInfo
from store.version import VERSION


def data_etag(request: Request, site: Site, *parts: object) -> Tag:
    """The ETag of data that depends on the program, these builds and what people wrote about them.

    Raises ``NotModified``.
    """
    revisions = [site.overlays.revision(part) for part in parts if isinstance(part, Entry)]
    return check_fresh(request, site.code, *_stamps(parts), *revisions)


def build_etag(request: Request, site: Site, *parts: object) -> Tag:
    """The ETag of data that depends on the program and these builds alone; raises ``NotModified``."""
    return check_fresh(request, site.code, *_stamps(parts), cache=FOR_A_WHILE)


def _stamps(parts: Iterable[object]) -> list[object]:
    return [part.stamp if isinstance(part, Entry) else part for part in parts]


def wrap(
    request: Request,
    data: Any,
    *,
    html: str | None = None,
    entry: Entry | None = None,
    paging: Paging | None = None,
) -> Envelope[Any]:
    """Data with its place, its links and its build."""
    return Envelope(
        data=data,
        page=paging and PageInfo(limit=paging.limit, total=paging.total, next=paging.next, prev=paging.prev),
        links=links_of(request, html=html, paging=paging),
        meta=Meta(
            dictionary=entry.slug if entry else None,
            digest=f"sha256:{entry.atlas}" if entry else None,
            version=VERSION,
        ),
    )


def links_of(request: Request, *, html: str | None = None, paging: Paging | None = None) -> dict[str, str | None]:
    """Where the answer stands, and where to go from here."""
    links: dict[str, str | None] = {"self": _address(request)}
    if paging:
        links |= {"next": _at(request, paging.next), "prev": _at(request, paging.prev)}
    return links | ({"html": html} if html else {})


def _address(request: Request) -> str:
    return urls.with_query(request.url.path, canonical_query(request))


def _at(request: Request, cursor: str | None) -> str | None:
    kept = [pair for pair in canonical_query(request) if pair[0] != "cursor"]
    return urls.with_query(request.url.path, (*kept, ("cursor", cursor))) if cursor else None
