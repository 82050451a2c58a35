"""Parameters of addresses: declared once, so that unknown ones are refused and all are documented."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final

from fastapi import Path
from starlette.requests import Request

from app import urls
from store.atlas.cursor import FIELDS_LIMIT_MAX
from store.atlas.grammar import COLUMNS, KINDS, OPS, SORTABLE, WRITTEN, BadQuery, Fault, Op
from store.atlas.schema import CONCEPT

DISPLAY = ("heat", "mode", "opacity", "threshold", "colour", "smooth", "scale", "context", "size", "draw", "tour")
"""What pages take for their scripts and the server passes over: how heat is drawn, how large cards are."""


_DIGITS: Final = 9
MOST: Final = 10**_DIGITS - 1
"""The largest whole number that is taken: every database has room for it."""
RowId = Annotated[int, Path(ge=0, le=MOST)]
NUMBER: Final[Mapping[str, Any]] = {"type": "number"}
CORRELATION: Final[Mapping[str, Any]] = {"type": "number", "minimum": -1, "maximum": 1}
SHARE: Final[Mapping[str, Any]] = {"type": "number", "minimum": 0, "maximum": 1}
TEXT: Final[Mapping[str, Any]] = {"type": "string"}


WORDS: Final[Mapping[str, Any]] = {"type": "string", "pattern": r"[A-Za-z0-9]"}
PATCH_TEXT: Final[Mapping[str, Any]] = {"type": "string", "pattern": "^([0-9]{1,4},[0-9]{1,4})?$"}
PATCHES_TEXT: Final[Mapping[str, Any]] = {"type": "string", "pattern": r"^([0-9]{1,4}(\.[0-9]{1,4})*)?$"}


def whole(least: int, most: int = MOST) -> Mapping[str, Any]:
    """The JSON schema of whole numbers between two bounds."""
    return {"type": "integer", "minimum": least, "maximum": most}


def wholes(n_most: int | None = None) -> Mapping[str, Any]:
    """The JSON schema of a comma list of whole numbers from 0, so many at most."""
    return {"type": "array", "items": whole(0)} | ({} if n_most is None else {"maxItems": n_most})


def listed(*words: str) -> Mapping[str, Any]:
    """The JSON schema of a comma list of some words, each at most once where it matters."""
    return {"type": "array", "items": {"enum": list(words)} if words else {"type": "string"}}


@dataclass(frozen=True)
class Param:
    """A parameter with its meaning and, when it is one of a few words, those words; ``schema`` is JSON Schema."""

    name: str
    meaning: str
    choices: tuple[str, ...] = ()
    default: str = ""
    schema: Mapping[str, Any] = field(default_factory=lambda: TEXT)
    required: bool = False
    """Whether the address means nothing without it; whoever reads it says so in words."""


AT = "at"
"""Pins a build wherever an address names a dictionary (``app.pinning``)."""
CURSOR = Param("cursor", "Continue from `page.next` or `page.prev` of an answer to the same query.")
LIMIT = Param("limit", "How many to return: 1 to 200.", default="24", schema=whole(1, 200))


def more_with_fields(limit: Param) -> Param:
    """The limit of a list that gives longer pages where only some fields of each row are asked for."""
    return replace(limit, meaning=f"How many to return: 1 to 200, with `fields` to {FIELDS_LIMIT_MAX}.")


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
        elif given := value if known[name].choices else value.strip():
            values[name] = given
            faults += _bad_choice(known[name], given)
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


def is_whole(text: str) -> bool:
    """Whether a text is a whole number from 0, of as many digits as databases take."""
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS


def as_index(name: str, text: str) -> int | None:
    """A whole number from 0, or None when empty; raises ``BadQuery``."""
    if not text:
        return None
    if not is_whole(text):
        raise BadQuery(Fault(name, f"'{name}' is a whole number from 0, not '{text}'."))
    return int(text)


def document(*params: Param, grammar: bool = False) -> dict[str, Any]:
    """The OpenAPI description of these parameters, for ``openapi_extra``."""
    gives_tables = any(param.name == "format" for param in params)
    entries = [_entry(_unbounded(param) if gives_tables and param.name == "limit" else param) for param in params]
    if grammar:
        entries += [_entry(param) for param in _grammar()]
    return {"parameters": entries}


def _unbounded(limit: Param) -> Param:
    """A limit where tables can be had, too: they have no bound, JSON has the one that was declared."""
    told = (
        f"{limit.meaning} More is refused. Any other `format` takes any number, and has all rows where this is empty."
    )
    return replace(limit, meaning=told, schema={"anyOf": [limit.schema, whole(1)]})


def _entry(param: Param) -> dict[str, Any]:
    """An empty value is as good as none, so that an untouched field of a form asks for nothing."""
    schema = dict(param.schema)
    if param.choices:
        schema["enum"] = ["", *param.choices]
    if param.default:
        schema["default"] = param.default if schema.get("type") == "string" else json.loads(param.default)
    entry = {"name": param.name, "in": "query", "required": param.required, "allowEmptyValue": not param.required}
    separated = _SEPARATED if "array" in schema.get("type", "") else {}
    return entry | separated | {"description": param.meaning, "schema": schema}


_SEPARATED: Final = {"style": "form", "explode": False}
_OF_KIND: Final = {"number": NUMBER, "text": TEXT, "list": TEXT}


def _grammar() -> Iterable[Param]:
    yield Param("q", "Words that all must occur in label or class, or an index.")
    orders = [sign + name for name in SORTABLE for sign in ("", "-")]
    yield Param("sort", "Columns to sort by, minus for descending; the index is always last.", schema=listed(*orders))
    own = {column.name: column.doc for column in CONCEPT.columns}
    docs = {name: own[column] for name, column in COLUMNS.items()} | WRITTEN
    for name, kind in KINDS.items():
        for op in OPS[kind]:
            schema: Mapping[str, Any] = _OF_KIND[kind]
            if op is Op.IN:
                schema = {"type": ["array", schema["type"]], "items": schema}  # one value is a list of one
            elif op is Op.ISNULL:
                schema = {"type": "boolean"}
            yield Param(name if op is Op.EQ else f"{name}__{op}", f"{docs[name]}: {op}", schema=schema)
