"""What a plan may ask for, as values: a request, a pause, several plans at once; ``driving`` carries them out."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, quote

import httpx

T = TypeVar("T")
API: Final = "/api/v1"
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True)
class Upload:
    """A file of a multipart form with the form's other fields."""

    content: bytes
    fields: Mapping[str, Sequence[str]]
    name: str = "photo"


@dataclass(frozen=True)
class Ask:
    """A request. ``repeatable`` says that sending it twice does no more than once; None: as its method says."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    json: Any = None
    upload: Upload | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool | None = None
    also: tuple[int, ...] = ()
    """Statuses that are answers here, not refusals."""

    @property
    def may_repeat(self) -> bool:
        """Whether it may be sent again when nobody knows what became of it."""
        return self.method in _IDEMPOTENT if self.repeatable is None else self.repeatable


@dataclass(frozen=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: httpx.Headers
    content: bytes
    url: str


@dataclass(frozen=True)
class Pause:
    """Do nothing for a while."""

    seconds: float


@dataclass(frozen=True)
class Together:
    """Carry out several plans at the same time, as far as that can be; gives their outcomes in their order."""

    plans: tuple["Plan[Any]", ...]


@dataclass(frozen=True)
class Shut:
    """Let go of all connections."""


Effect = Ask | Pause | Together | Shut
Plan = Generator[Effect, Any, T]
"""Work that is described, not done: yields effects, is sent what they gave, returns its outcome."""


def get(*parts: object, **query: object) -> Ask:
    """The request for data at ``/api/v1/part/part``."""
    return Ask("GET", address(*parts), query=pairs(query))


def at(path: str, **query: object) -> Ask:
    """The request for data at an address as pages and answers have it, with its query."""
    where, _, given = path.partition("?")
    return Ask("GET", where, query=(*parse_qsl(given), *pairs(query)))


def address(*parts: object) -> str:
    """A path below the API."""
    return "/".join((API, *(quote(str(part), safe="") for part in parts)))


def pairs(query: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Keyword arguments as the API has them: ``class_`` is ``class``, sequences are comma lists, None is left out."""
    return tuple((_name(name), _text(value)) for name, value in query.items() if value is not None)


def _name(name: str) -> str:
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(_text(one) for one in value)
    return str(value)
