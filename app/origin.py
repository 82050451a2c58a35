"""Requests that change something must come from our own pages, or from a program: never from another site's page."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from app.access.who import may_now
from app.site import Site, SiteDep
from store.errors import Forbidden
from store.vocabulary import Scope

MAY_NOT: Final = (
    "Visitors of this server may not start, stop or retry jobs. Who runs it can allow it by "
    "CONCEPTOSCOPE_START_JOBS=1, or use the command line beside the store."
)
NO_SCOPE: Final = "Starting jobs needs a token with the scope 'jobs'."


def why_no_jobs(site: Site) -> str:
    """Why this visitor may not start jobs; empty when they may."""
    if not site.settings.visitors_may_start_jobs:
        return MAY_NOT
    return "" if may_now(Scope.JOBS) else NO_SCOPE


def may_change(site: SiteDep) -> None:
    """Refuse where no visitor may start jobs, whatever their token says; raises ``Forbidden``."""
    if not site.settings.visitors_may_start_jobs:
        raise Forbidden(MAY_NOT)


def check_headers(headers: Mapping[str, str], *, host: str, has_cookie: bool) -> None:
    """Refuse what a browser sends for another site; raises ``Forbidden``.

    Browsers tell by ``Sec-Fetch-Site``, older ones by ``Origin``; programs send neither, and no cookie of ours.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None and has_cookie:
        raise Forbidden("Your browser does not tell which page asks this. Use a newer one, or a program with a token.")
    ours = origin is None or _place_in(origin) == host
    if site is not None:
        ours = site in ("same-origin", "none")
    if not ours:
        raise Forbidden(
            f"This was asked by a page of another site ({origin or 'unknown'!r:.100}). Ask from our own pages."
        )


def _place_in(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
