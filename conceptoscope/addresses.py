"""What stands where: the type of the data at an address of the API."""

import re
from functools import cache
from typing import Any, Final, get_args, get_type_hints

from conceptoscope.errors import ClientError
from conceptoscope.record import Record
from conceptoscope.views import ANSWERS, PAGES, TABLES

_PART: Final = re.compile(r"\{[^}]*\}")
_MEANS: Final = {"{rest}": ".+"}


@cache
def template_of(path: str) -> str:
    """The address as the description has it, ``/api/v1/jobs/{job}``; empty for one that it does not know."""
    known = (one for one in {*ANSWERS, *TABLES, *PAGES} if _pattern(one).fullmatch(path))
    return min(known, key=lambda one: (len(_PART.findall(one)), one), default="")


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = zip(_PART.split(template), [*_PART.findall(template), ""], strict=True)
    return re.compile("".join(re.escape(text) + _MEANS.get(part, "[^/]+" if part else "") for text, part in parts))


def gives_tables(path: str) -> bool:
    """Whether the list at an address can be had as one table."""
    return template_of(path) in TABLES


def page_at(path: str, *, wanted: int) -> int | None:
    """How many rows of the list at an address to ask for at once; None where it is not cut into pages."""
    most = PAGES.get(template_of(path))
    return None if most is None else min(most, wanted)


def kind_at(path: str) -> Any:
    """The type of the data at an address; ``Any`` where the description tells of none."""
    return ANSWERS.get(template_of(path), Any)


def row_at(path: str, inside: str) -> Any:
    """The type of a row of the list at an address, or of the list in a field of its data; raises ``ClientError``."""
    kind = kind_at(path)
    if inside and isinstance(kind, type) and issubclass(kind, Record):
        kind = get_type_hints(kind).get(inside, None)
        if kind is None:
            raise ClientError(f"What stands at {path} has no list '{inside}'.")
    return next(iter(get_args(kind)), Any)
