"""Who writes annotations, whether they may, and which revision they saw."""

import re
from typing import Final
from urllib.parse import quote, unquote

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.access.needs import needs
from app.access.who import may_now, who_asks
from app.compress import plain_tag
from app.site import Opened, Site, SiteDep
from store.annotations import AUTHOR_MAX, ConceptKey, clean_line
from store.errors import Forbidden, InvalidInput
from store.vocabulary import Scope

ANONYMOUS: Final = "anonymous"
AUTHOR_HEADER: Final = "X-Author"
AUTHOR_COOKIE: Final = "author"
MAY_NOT: Final = (
    "Visitors of this server may not write labels, comments or lists. Who runs it can allow it by "
    "CONCEPTOSCOPE_ANNOTATE=1."
)
NO_SCOPE: Final = "Writing labels, comments and lists needs a token with the scope 'annotate'."
_YEAR_S: Final = 365 * 86_400
_NONE_SEEN: Final = -1


def may_annotate(site: SiteDep) -> None:
    """Refuse where no visitor may write, whatever their token says; raises ``Forbidden``."""
    if not site.settings.visitors_may_annotate:
        raise Forbidden(MAY_NOT)


WRITES: Final = (needs(Scope.ANNOTATE), Depends(may_annotate))
"""What every route that writes annotations depends on."""


def why_no_notes(site: Site) -> str:
    """Why this visitor may not write annotations; empty when they may."""
    if not site.settings.visitors_may_annotate:
        return MAY_NOT
    return "" if may_now(Scope.ANNOTATE) else NO_SCOPE


def author_of(request: Request, given: str = "") -> str:
    """Who writes: the name of the visitor's token, or without one the name in a form, in the header ``X-Author``, in
    the cookie of an earlier form, else nobody's.

    The one place that knows. Only a token's name proves anything. Raises ``InvalidInput``.
    """
    proven = who_asks().name
    if proven:
        return clean_line("name", proven, most=AUTHOR_MAX)
    said = given.strip() or unquote(request.headers.get(AUTHOR_HEADER, ""))
    return clean_line("name", said, most=AUTHOR_MAX) if said.strip() else _remembered(request)


def _remembered(request: Request) -> str:
    """The name in the cookie; one that cannot be a name is forgotten, as nobody sees it to mend it."""
    try:
        return clean_line("name", unquote(request.cookies.get(AUTHOR_COOKIE, "")), most=AUTHOR_MAX)
    except InvalidInput:
        return ANONYMOUS


def remember_author(response: Response, author: str) -> None:
    """Let the next form begin with the same name."""
    if author != ANONYMOUS:
        response.set_cookie(AUTHOR_COOKIE, quote(author), max_age=_YEAR_S, httponly=True, samesite="lax")


def key_of(opened: Opened, concept: int) -> ConceptKey:
    """A concept for good, whatever atlas shows it."""
    return ConceptKey(opened.overlay.dictionary, concept)


def etag_of(revision: int) -> str:
    """The ETag of a label, a list or a member of one."""
    return f'"{revision}"'


def seen_revision(request: Request) -> int:
    """The revision in ``If-Match``, without which nothing is written over (428); one that cannot be never matches."""
    seen = find_seen(request)
    if seen is None:
        raise HTTPException(
            428, 'Send the ETag of what you saw as If-Match (for example "1"): so nobody\'s words are written over.'
        )
    return seen


def find_seen(request: Request) -> int | None:
    """The revision in ``If-Match``, if there is one; in whatever coding the answer was that had it."""
    text = request.headers.get("if-match")
    return None if text is None else _number(plain_tag(text).strip('"'))


def form_revision(text: str) -> int:
    """The revision that a form was filled in at; one that cannot be never matches."""
    return _number(text)


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else _NONE_SEEN
