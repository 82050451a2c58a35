"""Sheets: the rows of a query, which leave as one file of a data format. The only writer of such files is DuckDB.

Each is written by an engine of its own, with a memory limit of its own, so that pages are never short of either.
"""

import json
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import duckdb

from store.errors import InvalidInput, Unavailable

_MEMORY: Final = ("64MB", "512MB")
"""Of the engine; the second where the first is not enough, for 2048 rows of large pictures."""
_AT_ONCE: Final = 2
_PATIENCE_S: Final = 20.0
_ROWS_OF_BLOBS: Final = 2048
"""Rows of a Parquet row group that holds pictures or maps: a whole group is in memory."""
_ROWS_OF_BATCH: Final = 8192


class Format(StrEnum):
    """Data formats of a table; Arrow is its stream format."""

    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


_COPY: Final = {
    Format.NDJSON: "FORMAT json",
    Format.CSV: "FORMAT csv, HEADER",
    Format.PARQUET: "FORMAT parquet, COMPRESSION {coding}, ROW_GROUP_SIZE {rows}",
}


@dataclass(frozen=True)
class Sheet:
    """A query with its named parameters; ``files`` are attached read-only under their names.

    ``columns`` names what it gives, in order, each with the expression that makes it.
    """

    columns: Mapping[str, str]
    source: str
    """What follows SELECT ...: FROM, WHERE, ORDER BY."""
    files: Mapping[str, Path] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()
    """Columns that hold lists: JSON text where a format has no lists."""
    blobs: bool = False
    pictures: bool = False
    """Whether blobs are compact already: to compress them again takes much memory and gains nothing."""

    def only(self, names: Sequence[str], *, param: str = "fields") -> "Sheet":
        """The same with these columns alone, in this order; all of them when none is named. Raises ``InvalidInput``."""
        unknown = [name for name in names if name not in self.columns]
        if unknown:
            raise InvalidInput(f"'{param}': there is no column '{unknown[0]}' here. Known: {', '.join(self.columns)}.")
        return replace(self, columns={name: self.columns[name] for name in names}) if names else self

    def sql(self, form: Format) -> str:
        """The query."""
        is_flat = form is Format.CSV
        columns = {
            name: f"to_json({made})::VARCHAR" if is_flat and name in self.lists else made
            for name, made in self.columns.items()
        }
        made = ", ".join(f'{made} AS "{name}"' for name, made in columns.items())
        return f"SELECT {made} {self.source}"


def sheet_of_rows(types: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> Sheet:
    """A sheet of rows at hand; ``types`` are DuckDB's, by column. What is no scalar becomes JSON text."""
    plain = [{name: _scalar(row.get(name)) for name in types} for row in rows]
    return Sheet(
        columns={name: f's."{name}"' for name in types},
        source="FROM (SELECT unnest(from_json($rows, $shape)) AS s)",
        parameters={"rows": json.dumps(plain, allow_nan=False), "shape": json.dumps([dict(types)])},
    )


def _scalar(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return value


def write_sheet(sheet: Sheet, form: Format, target: Path) -> None:
    """Write a sheet as one file; raises ``Unavailable`` when too many are written at once, or there is no room."""
    with _turn(), _told(target):
        for memory in _MEMORY:
            try:
                _write(sheet, form, target, memory=memory)
                return
            except duckdb.OutOfMemoryException:
                if memory == _MEMORY[-1]:
                    raise


def _write(sheet: Sheet, form: Format, target: Path, *, memory: str) -> None:
    with closing(_engine(memory, spill=target.with_name(f"{target.name}.spill"))) as engine:
        for name, path in sheet.files.items():
            engine.execute(f"ATTACH '{_quoted(path)}' AS {name} (READ_ONLY)")
        given = dict(sheet.parameters)
        if form is Format.ARROW:
            engine.execute(f"CREATE TEMP TABLE sheet AS {sheet.sql(form)}", given)
            _write_arrow(engine, target)
        else:
            coding = "uncompressed" if sheet.pictures else "zstd"
            options = _COPY[form].format(coding=coding, rows=_ROWS_OF_BLOBS if sheet.blobs else 122_880)
            engine.execute(f"COPY ({sheet.sql(form)}) TO '{_quoted(target)}' ({options})", given)


def _write_arrow(engine: duckdb.DuckDBPyConnection, target: Path) -> None:
    """The table ``sheet`` in batches: DuckDB's own stream has batches of a million rows, each of them in memory."""
    from nanoarrow.ipc import StreamWriter  # only who asks for it pays for it

    [(n_rows,)] = engine.execute("SELECT count(*) FROM sheet").fetchall()
    with target.open("wb") as file, StreamWriter.from_writable(file) as writer:
        for start in range(0, max(n_rows, 1), _ROWS_OF_BATCH):
            batch = f"SELECT * FROM sheet WHERE rowid >= {start} AND rowid < {start + _ROWS_OF_BATCH} ORDER BY rowid"
            writer.write_stream(engine.sql(batch))


def _engine(memory: str, *, spill: Path) -> duckdb.DuckDBPyConnection:
    """``spill`` is a folder of its own: two engines in one would write the same files."""
    engine = duckdb.connect(":memory:")
    engine.execute(f"SET memory_limit = '{memory}'")
    engine.execute("SET threads = 1")
    engine.execute(f"SET temp_directory = '{_quoted(spill)}'")
    return engine


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


_turns = threading.Semaphore(_AT_ONCE)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=_PATIENCE_S):
        raise Unavailable("Too many tables are being written for others at the moment: try again in a little while.")
    try:
        yield
    finally:
        _turns.release()


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """What the disk or the memory limit does, in words."""
    try:
        yield
    except duckdb.OutOfMemoryException as fault:
        raise Unavailable(
            f"The table needs more memory than the {_MEMORY[-1]} that may be used for one: ask for fewer columns, or "
            "copy the file itself."
        ) from fault
    except (duckdb.IOException, OSError) as fault:
        raise Unavailable(
            f"The table cannot be written below {target.parent}: {str(fault).splitlines()[0]}. Free some space there."
        ) from fault
