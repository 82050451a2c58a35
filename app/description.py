"""The OpenAPI description: what FastAPI finds out, in our words, with examples, and with the errors we really give."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.formats import FORMAT, MEDIA_TYPES
from app.views.problems import Problem

_EXAMPLES: Final[dict[str, str]] = {
    "slug": "efficientnet-lite0-topk",
    "dictionary": "efficientnet-lite0-topk",
    "index": "12",
    "concept": "12",
    "a": "efficientnet-lite0-topk",
    "b": "mobilenet-v2-topk",
    "rest": "saliency-vit-topk",
    "model": "efficientnet-lite0",
    "dataset": "foods",
    "image": "0",
    "rank": "0",
    "name": "heat.png",
}
"""Of parameters in paths, over the demo's store; ids of jobs and photos are each their own."""
_PROBLEM: Final = {
    "description": "A problem document (RFC 9457): what is wrong, with which value, and what would be right.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_PLAIN: Final = r"^[^\x00-\x1f\x7f-\x9f]+$"
"""Of every text in an address: no control characters, which no link of ours has."""
_PATTERNS: Final = {"member": r"^[^:\x00-\x1f\x7f-\x9f]+:[0-9]{1,9}$"}
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_FASTAPI_ONLY: Final = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI) -> None:
    """Let ``app.openapi()`` give our description, made once."""

    def description() -> dict[str, Any]:
        app.openapi_schema = app.openapi_schema or make_description(app)
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]


def make_description(app: FastAPI) -> dict[str, Any]:
    """The whole document, OpenAPI 3.1."""
    made: dict[str, Any] = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = made["components"]["schemas"]
    for name in _FASTAPI_ONLY:
        schemas.pop(name, None)
    schemas |= _problem_schemas()
    for operations in made["paths"].values():
        for method in _METHODS:
            if method in operations:
                _complete(operations[method])
    made["components"]["schemas"] = dict(sorted(schemas.items()))
    _require_tags(made)
    made["components"]["parameters"] = _share_parameters(made["paths"])
    return made


def _require_tags(part: Any) -> None:
    """What tells variants apart must be given, though each variant has a default for it."""
    schemas = part["components"]["schemas"]
    for one in _dicts(part):
        tag = one.get("discriminator")
        if isinstance(tag, dict) and "mapping" in tag:
            for ref in tag["mapping"].values():
                variant = schemas[ref.rpartition("/")[2]]
                variant["required"] = sorted({*variant.get("required", ()), tag["propertyName"]})


def _dicts(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _dicts(inner)


def _share_parameters(paths: dict[str, Any]) -> dict[str, Any]:
    """Put what several operations take alike, the grammar over concepts above all, into one place."""
    every = [op for operations in paths.values() for op in operations.values() if "parameters" in op]
    seen = Counter(_written(one) for op in every for one in op["parameters"])
    names = {text: json.loads(text)["name"] for text, n in seen.items() if n > 1}
    alone = Counter(names.values())
    shared = {text: name for text, name in names.items() if alone[name] == 1}
    for op in every:
        refs = [(one, shared.get(_written(one))) for one in op["parameters"]]
        op["parameters"] = [{"$ref": f"#/components/parameters/{name}"} if name else one for one, name in refs]
    return {name: json.loads(text) for text, name in sorted(shared.items(), key=lambda item: item[1])}


def _written(parameter: dict[str, Any]) -> str:
    return json.dumps(parameter, sort_keys=True)


def _problem_schemas() -> dict[str, Any]:
    schema: dict[str, Any] = Problem.model_json_schema(
        mode="serialization", ref_template="#/components/schemas/{model}"
    )
    schema["additionalProperties"] = True  # RFC 9457: some problems say more
    parts: dict[str, Any] = schema.pop("$defs", {})
    return parts | {"Problem": schema}


def _complete(operation: dict[str, Any]) -> None:
    """A summary of one sentence, examples for what is in the path, problems for all that fails."""
    operation["summary"] = operation.get("description", "").partition("\n\n")[0].replace("\n", " ").rstrip(".")
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"] in _EXAMPLES:
            parameter["example"] = _EXAMPLES[parameter["name"]]
        if parameter["in"] == "path" and parameter["schema"].get("type") == "string":
            parameter["schema"].setdefault("pattern", _PATTERNS.get(parameter["name"], _PLAIN))
        if parameter["name"] == "If-Match" and "428" in operation["responses"]:
            parameter["required"] = True
    if any(parameter["name"] == FORMAT.name for parameter in operation.get("parameters", ())):
        operation["responses"]["200"]["content"] |= {kind: {} for kind in MEDIA_TYPES.values()}
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = _PROBLEM
