"""What routes need of a visitor: declared where the route is, in one line; looked up before the route runs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, params
from fastapi.routing import APIRoute

from app.access.who import who_asks
from store.vocabulary import Scope

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
Counted = Literal["reads", "changes", "analyses"]


@dataclass(frozen=True)
class Need:
    """What a visitor must be allowed, and which of their limits it counts for."""

    scope: Scope | None
    """None: nothing, everybody may."""
    counts: Counted | None
    open_here: bool = False
    """Whether programs on this machine may without a token."""
    takes_photos: bool = False
    analyses_if: tuple[tuple[str, str], ...] = ()
    """Parameters that make it count for analyses instead, each with the value that does; empty for any."""

    def asked_with(self, query: bytes) -> "Need":
        """What it needs with this query: some are answered from what is kept, others by the encoder."""
        if not self.analyses_if:
            return self
        given = parse_qsl(query.decode("latin-1"))
        told = {(name, text.strip()) for name, text in given if text.strip()}
        is_work = any((name, value) in told if value else name in dict(told) for name, value in self.analyses_if)
        return replace(self, counts="analyses") if is_work else self

    async def __call__(self) -> None:
        """As a dependency of the route: whoever got here must have been let in."""
        assert self.scope is None or self.open_here or who_asks().may(self.scope), "a request that nobody has judged"


READING: Final = Need(Scope.READ, "reads")
"""Of every route that changes nothing and says nothing else."""
UNDECLARED: Final = Need(Scope.ADMIN, "changes")
"""Of a route that changes something and does not say what it needs."""


def needs(
    scope: Scope | None,
    *,
    counts: Counted | None = "changes",
    open_here: bool = False,
    takes_photos: bool = False,
    analyses_if: tuple[tuple[str, str], ...] = (),
) -> Any:
    """A dependency that declares it: ``@router.post("/x", dependencies=[needs(Scope.ANNOTATE)])``."""
    return Depends(Need(scope, counts, open_here, takes_photos, analyses_if))


class Gates:
    """The needs of all routes, by method and path."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
        self._exact: dict[tuple[str, str], Need] = {}
        self._patterns: dict[str, list[tuple[re.Pattern[str], Need]]] = {}
        for route in routes:
            for method in route.methods or ():
                declared = declared_need(route)
                if declared or method not in SAFE:
                    self._add(method, route, declared or UNDECLARED)

    def _add(self, method: str, route: APIRoute, need: Need) -> None:
        if "{" in route.path:
            self._patterns.setdefault(method, []).append((route.path_regex, need))
        else:
            self._exact[method, route.path] = need

    def need(self, method: str, path: str) -> Need:
        """What a request needs; an address that no route has is answered to those who may read."""
        found = self._exact.get((method, path))
        if found is not None:
            return found
        patterns = self._patterns.get(method, ())
        return next((need for pattern, need in patterns if pattern.match(path)), READING)


def declared_need(route: APIRoute) -> Need | None:
    """What a route says that it needs."""
    found = [one.dependency for one in route.dependencies if isinstance(one, params.Depends)]
    return next((one for one in reversed(found) if isinstance(one, Need)), None)
