"""Many specs from a few options: every combination, each with a name that tells it from the others."""

import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from store.errors import InvalidInput, NotFound
from store.methods import AnyDictionarySpec, load_dictionary_spec

_SHORT = {"n_concepts": "k", "n_active": "a", "seed": "s"}


def parse_change(text: str) -> tuple[str, list[Any]]:
    """``FIELD=VALUE`` as a field and its values; a value is JSON, or else a plain word; commas part several."""
    field, equals, values = text.partition("=")
    if not (field and equals and values):
        raise InvalidInput(f"--set is FIELD=VALUE, for example --set lr=0.003; '{text}' is not.")
    return field, [_value(value) for value in values.split(",")]


def combined(specs: Sequence[AnyDictionarySpec], fields: Mapping[str, Sequence[Any]]) -> list[AnyDictionarySpec]:
    """Every spec with every combination of the fields' values; a field without values stays as it is.

    Raises ``NotFound`` for a field that a spec does not have, ``ValidationError`` for a value it does not take.
    """
    changed = {field: values for field, values in fields.items() if values}
    for spec in specs:
        for field in changed:
            if field not in type(spec).model_fields or field == "method":
                raise NotFound(f"field of a {spec.method} spec", field, known=type(spec).model_fields)
    return [
        load_dictionary_spec(spec.as_json() | dict(zip(changed, values, strict=True)))
        for spec in specs
        for values in product(*changed.values())
    ]


def named(specs: Sequence[AnyDictionarySpec], *, start: str, with_method: bool) -> list[tuple[str, str]]:
    """A slug and a few words for each spec: its method, and the fields in which the specs differ.

    Raises ``InvalidInput`` when two specs are equal.
    """
    dumped = [spec.as_json() for spec in specs]
    if len({spec.digest for spec in specs}) < len(specs):
        raise InvalidInput("Two of the dictionaries asked for are the same; leave one out.")
    fields = [field for field in dict.fromkeys(f for one in dumped for f in one) if _differs(field, dumped)]
    names = []
    for one in dumped:
        parts = [_part(field, one[field]) for field in fields if field in one]
        words = [f"{field} {one[field]}" for field in fields if field in one and field != "method"]
        method = [one["method"]] if with_method and "method" not in fields else []
        names.append(("-".join([start, *method, *parts]), ", ".join([one["method"], *words])))
    return names


def _differs(field: str, dumped: Sequence[Mapping[str, Any]]) -> bool:
    """Whether specs of one method differ in the field; methods may differ in their defaults without saying so."""
    if field == "method":
        return len({one["method"] for one in dumped}) > 1
    found = {(one["method"], json.dumps(one[field])) for one in dumped if field in one}
    return len(found) > len({method for method, _ in found})


def _part(field: str, value: Any) -> str:
    text = str(value) if field == "method" else f"{_SHORT.get(field, field)}{value}"
    return "".join(c if c.isalnum() else "-" for c in text.lower())


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
