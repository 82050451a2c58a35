"""What can go wrong between a program and a server: one class for each thing that one would do about it."""

import json
from dataclasses import dataclass, field
from typing import Any, Final


class ClientError(Exception):
    """Anything that this package raises on purpose."""


class MissingPackage(ClientError, ImportError):
    """Something was asked for that needs a package which is not installed."""


class Unreachable(ClientError):
    """No answer: nobody listens there, the name is wrong, or the connection broke."""


class TimedOut(Unreachable):
    """No answer, or no end of a job, within the time that was given."""


class Unexpected(ClientError):
    """An answer that no Conceptoscope server gives: is the address that of another program?"""


class JobFailed(ClientError):
    """A job that was waited for failed or was cancelled."""


@dataclass(frozen=True)
class ParameterFault:
    """One bad parameter: its name, what is wrong, what would be right."""

    param: str
    message: str
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A problem document (RFC 9457) with the status and address that it came from."""

    status: int
    title: str
    detail: str
    url: str
    request_id: str = ""
    errors: tuple[ParameterFault, ...] = ()
    current: Any = None
    retry_after: float | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line: status, what is wrong, which request."""
        mark = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.status} {self.detail or self.title}{mark}"


class Refused(ClientError):
    """The server answered, and said no. ``problem`` has all of it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def detail(self) -> str:
        """What is wrong and what to do."""
        return self.problem.detail

    @property
    def request_id(self) -> str:
        """By which the server's log tells more."""
        return self.problem.request_id


class Invalid(Refused):
    """400, 422: the request cannot be understood. Each bad parameter is in ``errors``."""

    @property
    def errors(self) -> tuple[ParameterFault, ...]:
        """The bad parameters, with what is allowed instead."""
        return self.problem.errors

    @property
    def params(self) -> tuple[str, ...]:
        """Names of the bad parameters."""
        return tuple(error.param for error in self.errors)

    @property
    def allowed(self) -> dict[str, tuple[str, ...]]:
        """By bad parameter, what would be right, where it is one of a few words."""
        return {error.param: error.allowed for error in self.errors if error.allowed}


class Unauthorized(Refused):
    """401: a token is needed, or this one is not known."""


class Forbidden(Refused):
    """403: this visitor may not."""


class NotFound(Refused):
    """404, 410: there is no such thing, or no longer."""


class Conflict(Refused):
    """409: it does not fit the state that the thing is in."""


class PreconditionFailed(Refused):
    """412: somebody was faster, and nothing was written. ``current`` is what the thing is now."""

    @property
    def current(self) -> Any:
        """The present value; None where the server does not tell it."""
        return self.problem.current


class TooLarge(Refused):
    """413: more bytes or pixels than the server takes."""


class UnsupportedMedia(Refused):
    """415: not a kind of file that the server reads."""


class Waitable(Refused):
    """Refused for now."""

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the server would have it tried again, where it said so."""
        return self.problem.retry_after


class RateLimited(Waitable):
    """429: too many requests."""


class Unavailable(Waitable):
    """502, 503, 504: something that the server needs is away, busy or slow."""


class ServerFault(Refused):
    """Any other 5xx: a fault of the server's own."""


BY_STATUS: Final[dict[int, type[Refused]]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    412: PreconditionFailed,
    413: TooLarge,
    415: UnsupportedMedia,
    422: Invalid,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def refusal(status: int, content: bytes, *, url: str, retry_after: float | None = None) -> Refused:
    """The error that an answer stands for, whether its body is a problem document or not."""
    kind = BY_STATUS.get(status, ServerFault if status >= 500 else Refused)
    return kind(_read(status, content, url=url, retry_after=retry_after))


def _read(status: int, content: bytes, *, url: str, retry_after: float | None) -> Problem:
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    document: dict[str, Any] = told if isinstance(told, dict) else {}
    faults = document.get("errors") or ()
    return Problem(
        status=status,
        title=str(document.get("title", "")),
        detail=str(document.get("detail", "")) or f"The server answers {status} at {url}.",
        url=url,
        request_id=str(document.get("request_id", "")),
        errors=tuple(_fault(one) for one in faults if isinstance(one, dict)),
        current=document.get("current"),
        retry_after=retry_after,
        more=document,
    )


def _fault(told: dict[str, Any]) -> ParameterFault:
    allowed = tuple(str(one) for one in told.get("allowed") or ())
    return ParameterFault(str(told.get("param", "")), str(told.get("message", "")), allowed)
