"""Parameters of addresses: declared once, so that unknown ones are refused and all are documented."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from app import urls
from store.atlas.grammar import COLUMNS, KINDS, OPS, BadQuery, Fault
from store.atlas.schema import CONCEPT

DISPLAY = ("heat", "mode", "opacity", "threshold", "colour", "smooth", "scale", "context", "size", "draw")
"""What pages take for their scripts and the server passes over: how heat is drawn, how large cards are."""


@dataclass(frozen=True)
class Param:
    """A parameter with its meaning and, when it is one of a few words, those words."""

    name: str
    meaning: str
    choices: tuple[str, ...] = ()
    default: str = ""


AT = "at"
"""Pins a build wherever an address names a dictionary (``app.pinning``)."""
CURSOR = Param("cursor", "Continue from `page.next` or `page.prev` of an answer to the same query.")
LIMIT = Param("limit", "How many to return: 1 to 200.", default="24")


def read_params(request: Request, *params: Param, display: bool = False) -> dict[str, str]:
    """Each declared parameter's value or default; raises ``BadQuery`` with every unknown, repeated or bad one."""
    known = {param.name: param for param in params}
    values: dict[str, str] = {}
    faults = []
    for name, value in request.query_params.multi_items():
        if (display and name in DISPLAY) or (name == AT and is_pinnable(request)):
            continue
        if name not in known:
            here = (*known, AT) if is_pinnable(request) else tuple(known)
            faults.append(Fault(name, f"There is no parameter '{name}' here.", here))
        elif name in values:
            faults.append(Fault(name, f"'{name}' is given twice."))
        elif value.strip():
            values[name] = value.strip()
            faults += _bad_choice(known[name], value.strip())
    if faults:
        raise BadQuery(*faults)
    note_query(request, [(name, value) for name, value in values.items() if value != known[name].default])
    return {param.name: values.get(param.name, param.default) for param in params}


def is_pinnable(request: Request) -> bool:
    """Whether the address is one of the API that names a dictionary."""
    return "slug" in request.path_params and request.url.path.startswith(urls.API)


def note_query(request: Request, pairs: Iterable[tuple[str, str]]) -> None:
    """Remember what the request's parameters come to: those that differ from their defaults."""
    request.state.query = tuple(sorted((name, value) for name, value in pairs if value != ""))


def canonical_query(request: Request) -> tuple[tuple[str, str], ...]:
    """The request's parameters, sorted, defaults and empty ones left out: equal views have equal ones."""
    found = getattr(request.state, "query", None)
    if found is None:
        found = ((name, value.strip()) for name, value in request.query_params.multi_items() if value.strip())
    form = getattr(request.state, "form", None)
    kept = [pair for pair in found if pair[0] != "format"]
    return tuple(sorted([*kept, ("format", str(form))] if form else kept))


def _bad_choice(param: Param, value: str) -> list[Fault]:
    if not param.choices or value in param.choices:
        return []
    return [Fault(param.name, f"'{param.name}' cannot be '{value}'.", param.choices)]


def as_index(name: str, text: str) -> int | None:
    """A whole number from 0, or None when empty; raises ``BadQuery``."""
    if not text:
        return None
    if not text.isdecimal():
        raise BadQuery(Fault(name, f"'{name}' is a whole number from 0, not '{text}'."))
    return int(text)


def document(*params: Param, grammar: bool = False) -> dict[str, Any]:
    """The OpenAPI description of these parameters, for ``openapi_extra``."""
    entries = [_entry(param) for param in params]
    if grammar:
        entries += [_entry(Param(name, meaning)) for name, meaning in _grammar_words()]
    return {"parameters": entries}


def _entry(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if param.choices:
        schema["enum"] = list(param.choices)
    if param.default:
        schema["default"] = param.default
    return {"name": param.name, "in": "query", "required": False, "description": param.meaning, "schema": schema}


def _grammar_words() -> Iterable[tuple[str, str]]:
    yield "q", "Words that all must occur in label or class, or an index."
    yield "sort", "Columns to sort by, minus for descending; the index is always last."
    docs = {column.name: column.doc for column in CONCEPT.columns}
    for name, kind in KINDS.items():
        for op in OPS[kind]:
            yield (name if op == "eq" else f"{name}__{op}"), f"{docs[COLUMNS[name]]}: {op}"
