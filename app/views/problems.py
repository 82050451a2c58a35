"""What went wrong, for people and programs."""

from typing import Any

from pydantic import Field

from app.views.base import View


class ParameterFault(View):
    """One bad parameter."""

    param: str
    message: str
    allowed: tuple[str, ...] = ()


class Problem(View):
    """A problem document (RFC 9457): ``error.html`` as a page, ``_partials/problem.html`` as a fragment."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: tuple[ParameterFault, ...] = ()
    near: tuple[str, ...] = Field((), exclude=True, description="addresses that may have been meant")


class OutdatedProblem(Problem):
    """Somebody else was faster; nothing was written."""

    current: dict[str, Any] = Field(description="what the thing is now, with the revision for the next If-Match")
