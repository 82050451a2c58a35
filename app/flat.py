"""View models as rows of a table: nested ones become columns ``outer_inner``, lists JSON text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from app.views.base import View

_TYPES = ((bool, "BOOLEAN"), (int, "BIGINT"), (float, "DOUBLE"))


@dataclass(frozen=True)
class FlatColumn:
    """A column: where its value stands in the JSON, and its type."""

    path: tuple[str, ...]
    type: str

    @property
    def name(self) -> str:
        """Its name in the table."""
        return "_".join(self.path)


def field_names(model: type[View]) -> tuple[str, ...]:
    """The model's fields by their names in JSON."""
    return tuple(info.serialization_alias or name for name, info in model.model_fields.items() if not info.exclude)


def flat_columns(model: type[View], fields: Sequence[str]) -> tuple[FlatColumn, ...]:
    """Columns of these fields of a model, in the order in which they are named."""
    found = tuple(_columns(model, ()))
    return tuple(column for name in fields for column in found if column.path[0] == name)


def _columns(model: type[View], above: tuple[str, ...]) -> Iterator[FlatColumn]:
    for name, info in model.model_fields.items():
        if not info.exclude:
            path, kind = (*above, info.serialization_alias or name), _bare(info.annotation)
            if isinstance(kind, type) and issubclass(kind, View):
                yield from _columns(kind, path)
            else:
                yield FlatColumn(path, _type(kind))


def _bare(annotation: Any) -> Any:
    """The type without None."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    rest = [kind for kind in get_args(annotation) if kind is not NoneType]
    return rest[0] if len(rest) == 1 else object


def _type(kind: Any) -> str:
    return next((name for base, name in _TYPES if kind is base), "VARCHAR")


def flat_rows(columns: Sequence[FlatColumn], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of JSON as rows of these columns."""
    return [{column.name: _at(row, column.path) for column in columns} for row in rows]


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = None if value is None else value[part]
    return value
