"""Browsers that are signed in: the cookie that they keep, which no script can read and no other site can use."""

from typing import Final

from starlette.requests import cookie_parser
from starlette.responses import Response

from app.access.places import Place
from store.secrets import Secret

COOKIE: Final = "conceptoscope"
SAFE_COOKIE: Final = "__Host-conceptoscope"
"""Its name where the connection is safe: browsers then let no other host set it."""


def session_of(cookies: str) -> str:
    """The secret in a Cookie header; empty without one."""
    if COOKIE not in cookies:
        return ""
    found = cookie_parser(cookies)
    return found.get(SAFE_COOKIE) or found.get(COOKIE) or ""


def keep(response: Response, secret: Secret, *, place: Place, kept_s: float) -> None:
    """Let the browser keep a session; over a safe connection it is sent over safe ones only."""
    is_safe = place.scheme == "https"
    response.set_cookie(
        SAFE_COOKIE if is_safe else COOKIE,
        secret.text,
        max_age=int(kept_s),
        path="/",
        secure=is_safe,
        httponly=True,
        samesite="lax",
    )


def forget(response: Response, *, place: Place) -> None:
    """Let the browser forget it, and over a safe connection also what it has seen."""
    for name in (SAFE_COOKIE, COOKIE):
        response.delete_cookie(name, path="/", secure=name == SAFE_COOKIE, httponly=True, samesite="lax")
    if place.scheme == "https":
        response.headers["Clear-Site-Data"] = '"cache"'
