"""Requests that change something must come from our own pages, or from a program: never from another site's page."""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request

from app.site import SiteDep
from store.errors import Forbidden

MAY_NOT: Final = (
    "Visitors of this server may not start, stop or retry jobs. Who runs it can allow it by "
    "CONCEPTOSCOPE_START_JOBS=1, or use the command line beside the store."
)


def may_change(request: Request, site: SiteDep) -> None:
    """Refuse what visitors may not do, and what another site's page asks; raises ``Forbidden``."""
    check_origin(request)
    if not site.settings.visitors_may_start_jobs:
        raise Forbidden(MAY_NOT)


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
