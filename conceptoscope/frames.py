"""Rows as Arrow tables and pandas frames: nested objects are columns ``outer_inner``, addresses are left out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conceptoscope.errors import Unexpected
from conceptoscope.optional import need

Row = Mapping[str, Any]


def read_stream(content: bytes) -> Any:
    """An Arrow stream as a ``pyarrow.Table``; raises ``Unexpected``."""
    arrow: Any = need("pyarrow", purpose="Arrow tables")
    ipc: Any = need("pyarrow.ipc", purpose="Arrow tables")
    try:
        with ipc.open_stream(content) as stream:
            return stream.read_all()
    except arrow.ArrowInvalid as fault:
        raise Unexpected(f"This is no Arrow stream: {fault}") from fault


def to_table(rows: Sequence[Row]) -> Any:
    """Rows of JSON as a ``pyarrow.Table``."""
    return need("pyarrow", purpose="Arrow tables").Table.from_pylist([flat(row) for row in rows])


def frame_of(table: Any) -> Any:
    """A ``pyarrow.Table`` as a ``pandas.DataFrame``; lists stay lists."""
    types: Any = need("pyarrow.types", purpose="Arrow tables")
    frame = table.to_pandas()
    for field in table.schema:
        if types.is_list(field.type):
            frame[field.name] = table[field.name].to_pylist()
    return frame


def to_frame(rows: Sequence[Row]) -> Any:
    """Rows of JSON as a ``pandas.DataFrame``."""
    return need("pandas", purpose="Data frames").DataFrame.from_records([flat(row) for row in rows])


def flat(row: Row) -> dict[str, Any]:
    """A row without objects in it, and without addresses, which follow from the rest."""
    return dict(_cells(row, ""))


def _cells(row: Row, above: str) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping) and name != "links":
            yield from _cells(value, f"{above}{name}_")
        elif name != "links":
            yield f"{above}{name}", value
