"""Writes ``conceptoscope/views.py``: the types of answers for the Python client, from OpenAPI."""

import json
import keyword
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from setup.step import ROOT

KEPT: Final = ROOT / "docs" / "openapi.json"
TARGET: Final = ROOT / "conceptoscope" / "views.py"
_REF: Final = "#/components/schemas/"
_LINE: Final = 120
_PLAIN: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_HEAD: Final = '''\
"""The API's answers with their types. Written by `make views` from the OpenAPI document; do not edit by hand."""

from __future__ import annotations

from typing import Any

from conceptoscope.record import Record
'''
Schema = Mapping[str, Any]


def openapi() -> dict[str, Any]:
    """The document as ``docs/openapi.json`` keeps it: after its head one line for each address and part."""
    parts: dict[str, dict[str, Any]] = {}
    for line in KEPT.read_text(encoding="utf-8").splitlines()[1:]:
        for part, entries in json.loads(line).items():
            parts.setdefault(part, {}).update(entries)
    return {
        "paths": parts["paths"],
        "components": {"schemas": parts["components.schemas"], "parameters": parts["components.parameters"]},
    }


def write_views(document: Schema) -> str:
    """The module: a class for each object that an answer may hold, bases first."""
    schemas: Schema = document["components"]["schemas"]
    wanted = sorted(_reached(schemas, _answers(document)))
    names = _names(wanted) | {key: _type(schemas[key], {}) for key in wanted if not schemas[key].get("properties")}
    classes = [_class(names[key], schemas[key], names) for key in wanted if schemas[key].get("properties")]
    return "\n\n".join([_HEAD, *sorted(classes), _addresses(document, names)]).rstrip() + "\n"


def _addresses(document: Schema, names: Mapping[str, str]) -> str:
    """What stands at each address, which of them give tables, and how long their pages may be."""
    kinds, tables, pages = [], [], []
    for path, operations in sorted(document["paths"].items()):
        data, params = _data_of(document, operations.get("get", {})), _params_of(document, operations.get("get", {}))
        if data is not None:
            kinds.append(f'    "{path}": {_type(data.get("anyOf", [data])[0], names)},')
        if "format" in params:
            tables.append(f'    "{path}",')
        if {"cursor", "limit"} <= params.keys():
            limit = params["limit"]["schema"]
            pages.append(f'    "{path}": {limit.get("anyOf", [limit])[0]["maximum"]},')
    parts = (
        ("ANSWERS: dict[str, Any] = {", kinds, "}", "The type of ``data`` at each address."),
        ("TABLES: tuple[str, ...] = (", tables, ")", "Addresses that also give tables (``format=``)."),
        ("PAGES: dict[str, int] = {", pages, "}", "Addresses of lists that are cut into pages: most rows of one."),
    )
    return "\n".join(line for head, lines, end, told in parts for line in (head, *lines, end, f'"""{told}"""')) + "\n"


def _params_of(document: Schema, operation: Schema) -> dict[str, Schema]:
    """Parameters of an operation by name; shared ones are looked up."""
    shared = document["components"].get("parameters", {})
    given = (
        shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in operation.get("parameters", ())
    )
    return {one["name"]: one for one in given}


def _data_of(document: Schema, operation: Schema) -> Schema | None:
    """The schema of what an answer's envelope holds; None where there is no envelope."""
    content = operation.get("responses", {}).get("200", {}).get("content", {})
    key = str(content.get("application/json", {}).get("schema", {}).get("$ref", "")).removeprefix(_REF)
    found: Schema = document["components"]["schemas"].get(key, {})
    data: Schema | None = found.get("properties", {}).get("data") if key.startswith("Envelope_") else None
    return data


def _answers(document: Schema) -> Iterator[str]:
    """Schemas of the data of all answers that are no refusals."""
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    for content in response.get("content", {}).values():
                        yield from _refs(content.get("schema", {}))


def _reached(schemas: Schema, first: Iterator[str]) -> set[str]:
    """These and all that they hold; envelopes are passed through."""
    seen: set[str] = set()
    waiting = list(first)
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            schema = schemas[key]
            waiting += _refs(schema["properties"]["data"] if key.startswith("Envelope_") else schema)
    return {key for key in seen if not key.startswith("Envelope_")}


def _refs(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            yield str(schema["$ref"]).removeprefix(_REF)
        for inner in schema.values():
            yield from _refs(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _refs(inner)


def _names(keys: list[str]) -> dict[str, str]:
    """Names of classes: ``app__views__jobs__MadeView`` is ``JobsMadeView``."""
    names = {}
    for key in keys:
        parts = key.split("__")
        name = "".join(part.title() for part in parts[-2:-1]) + parts[-1]
        names[key] = re.sub(r"\W", "", name)
    return names


def _class(name: str, schema: Schema, names: Mapping[str, str]) -> str:
    lines = [f"class {name}(Record):", *_docstring(schema.get("description", name))]
    for field in _in_order(schema):
        inner = schema["properties"][field]
        own = f"{field}_" if keyword.iskeyword(field) else field
        lines.append(f"    {own}: {_type(inner, names)}")
        if inner.get("description"):
            lines += _docstring(inner["description"])
    lines.insert(1 + len(_docstring(schema.get("description", name))), "")
    return "\n".join(lines) + "\n"


def _in_order(schema: Schema) -> list[str]:
    """Fields as the view model has them, which ``required`` tells; the kept document sorts all else."""
    fields, required = list(schema["properties"]), schema.get("required", [])
    return sorted(fields, key=lambda field: required.index(field) if field in required else len(required))


def _docstring(text: str) -> list[str]:
    words = " ".join(text.split()).replace("\\", "\\\\")
    if len(words) + 10 <= _LINE:
        return [f'    """{words}"""']
    first, *rest = textwrap.wrap(words, _LINE - 8, break_long_words=False)
    return [f'    """{first}', *(f"    {line}" for line in rest), '    """']


def _type(schema: Schema, names: Mapping[str, str]) -> str:
    if "$ref" in schema:
        return names[str(schema["$ref"]).removeprefix(_REF)]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(one, names) for one in schema["anyOf"]))
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            return f"tuple[{', '.join(_type(one, names) for one in schema['prefixItems'])}]"
        return f"tuple[{_type(schema.get('items', {}), names)}, ...]"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties", True)
        return f"dict[str, {_type(inner, names) if isinstance(inner, Mapping) else 'Any'}]"
    return _PLAIN.get(schema.get("type", ""), "Any")


def main() -> None:
    """Write the file, or with ``--check`` say whether it is as it would be written."""
    made = write_views(openapi())
    if "--check" in sys.argv[1:]:
        sys.exit(TARGET.read_text(encoding="utf-8") != made)
    TARGET.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
