"""Wraps data into the envelope."""

from typing import Any

from starlette.requests import Request

from app.answers import check_fresh
from app.roster import Entry
from app.site import Site
from app.views.base import Paging
from app.views.envelope import Envelope, Meta, PageInfo
from store.version import VERSION


def data_etag(request: Request, site: Site, *parts: object) -> str:
    """The ETag of data that depends on the program, these builds and what people wrote about them.

    Raises ``NotModified``.
    """
    revisions = [site.overlays.revision(part) for part in parts if isinstance(part, Entry)]
    return check_fresh(request, site.code, *parts, *revisions)


def wrap(
    request: Request,
    data: Any,
    *,
    html: str | None = None,
    entry: Entry | None = None,
    paging: Paging | None = None,
) -> Envelope[Any]:
    """Data with its place, its links and its build."""
    here = _address(request)
    links: dict[str, str | None] = {"self": here}
    if paging:
        links |= {"next": _at(request, paging.next), "prev": _at(request, paging.prev)}
    if html:
        links["html"] = html
    return Envelope(
        data=data,
        page=paging and PageInfo(limit=paging.limit, total=paging.total, next=paging.next, prev=paging.prev),
        links=links,
        meta=Meta(
            dictionary=entry.slug if entry else None,
            digest=f"sha256:{entry.atlas}" if entry else None,
            version=VERSION,
        ),
    )


def _address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _at(request: Request, cursor: str | None) -> str | None:
    return f"{request.url.path}?{request.url.include_query_params(cursor=cursor).query}" if cursor else None
