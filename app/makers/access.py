"""Who asks, and what they may, in words."""

from typing import Final

from app.access.who import Who
from app.views.access import AccessView, LoginView, Right
from store.vocabulary import Access, Scope

MEANINGS: Final = {
    Scope.READ: "look at everything that the store shows",
    Scope.ANNOTATE: "write labels, comments and lists",
    Scope.ANALYSE: "have photos explained, and delete them",
    Scope.JOBS: "see jobs and workers, start, stop and retry jobs",
    Scope.ADMIN: "everything, figures of the program included",
}


def make_access(who: Who, mode: Access) -> AccessView:
    """What a visitor is told about themselves."""
    return AccessView(
        mode=mode,
        kind=who.kind,
        name=who.name or None,
        rights=tuple(right for right in _rights() if who.may(Scope(right.scope))),
        expires_at=who.expires_at.isoformat(timespec="seconds") if who.expires_at else None,
    )


def make_login(who: Who, mode: Access, *, going_on: str, fault: str = "", said: str = "") -> LoginView:
    """The page where a token is shown."""
    return LoginView(
        access=make_access(who, mode), every_right=_rights(), going_on=inside(going_on), fault=fault, said=said
    )


def inside(address: str) -> str:
    """An address of this site to go on with; home for every other one."""
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_ours and "\\" not in address else "/"


def _rights() -> tuple[Right, ...]:
    return tuple(Right(scope=scope, meaning=meaning) for scope, meaning in MEANINGS.items())
