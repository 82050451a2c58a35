"""JSON objects with attributes: ``card.links.sprite`` for ``card["links"]["sprite"]``. Types are in ``views``."""

import json
from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

Reader = Callable[[Any], Any]
_SHOWN = 6


class Record:
    """A JSON object as it came, never changed. What a newer server adds is there, too, without a declared type."""

    __slots__ = ("as_json",)
    as_json: dict[str, Any]
    """The object as the server sent it."""
    RESERVED: ClassVar[frozenset[str]] = frozenset({"as_json", "RESERVED"})

    def __init__(self, data: dict[str, Any]) -> None:
        object.__setattr__(self, "as_json", data)

    def __getattr__(self, name: str) -> Any:
        key = name[:-1] if name.endswith("_") else name
        if name.startswith("__") or key not in self.as_json:
            known = ", ".join(self.as_json) if not name.startswith("__") else ""
            raise AttributeError(f"{type(self).__name__} has no '{name}'. It has: {known}.")
        kind: Any = type(self)
        return reader_of(kind, name)(self.as_json[key])

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is what the server said; it cannot be changed.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.as_json == other.as_json

    def __hash__(self) -> int:
        return hash(json.dumps(self.as_json, sort_keys=True))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.as_json]

    def __repr__(self) -> str:
        ranked = sorted(self.as_json.items(), key=lambda item: isinstance(item[1], dict | list))
        shown = [f"{name}={_short(value)}" for name, value in ranked[:_SHOWN]]
        more = ["..."] if len(shown) < len(self.as_json) else []
        return f"{type(self).__name__}({', '.join(shown + more)})"


def _short(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"<{len(value)}>" if value else "<>"
    return f"{value!r:.60}"


def read_as(kind: Any, data: Any) -> Any:
    """Data of an answer as what a type says: ``read_as(tuple[ConceptCard, ...], rows)``."""
    return _reader(kind)(data)


@cache
def reader_of(kind: Any, name: str) -> Reader:
    """How a field is read, as its annotation says."""
    return _reader(_hints(kind).get(name, Any))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _reader(hint: Any) -> Reader:
    origin, parts = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint
    if origin in (Union, UnionType):
        rest = [part for part in parts if part is not NoneType]
        inner = _reader(rest[0]) if len(rest) == 1 else free
        return lambda value: None if value is None else inner(value)
    if origin is tuple and parts[-1] is Ellipsis:
        each = _reader(parts[0])
        return lambda value: tuple(each(one) for one in value)
    if origin is tuple:
        readers = [_reader(part) for part in parts]
        return lambda value: tuple(read(one) for read, one in zip(readers, value, strict=False))
    if origin is dict:
        inside = _reader(parts[1])
        return lambda value: {name: inside(one) for name, one in value.items()}
    return free


def free(value: Any) -> Any:
    """A value of which nothing is declared: objects as records, lists as tuples."""
    if isinstance(value, dict):
        return Record(value)
    return tuple(free(one) for one in value) if isinstance(value, list) else value
