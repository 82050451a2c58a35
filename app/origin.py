"""Requests that change something must come from our own pages, or from a program: never from another site's page."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request

from store.errors import Forbidden


def check_origin(request: Request) -> None:
    """Refuse what a browser sends for another site; raises ``Forbidden``.

    Browsers tell by ``Sec-Fetch-Site``, older ones by ``Origin``; programs send neither.
    """
    headers: Headers = request.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = origin is None or urlsplit(origin).netloc == headers.get("host")
    if not ours:
        raise Forbidden(f"This was asked by a page of another site ({origin or 'unknown'}). Ask from our own pages.")
