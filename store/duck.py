"""The only door to DuckDB: declared tables, a writer that appends columns, a reader that opens a file read-only."""

import hashlib
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import duckdb
import numpy as np

from store.errors import Damaged, NewerFormat, OlderFormat
from store.thrift import give_back

_SCHEMA_TABLE = "schema_version"
T = TypeVar("T")
_READ_MEMORY = "24MB"  # for all open files together: a web process must stay small
_ALONE_MEMORY = "96MB"  # for a query that finds too little of it beside others
_AT_ONCE = 2  # queries that run at one time, each with the blocks that it reads in memory
_RENEWED_AFTER = 1000  # queries: the engine keeps a few kB of each join, up to 40 MB, until it is closed


@dataclass(frozen=True)
class Column:
    """A declared column: its DuckDB type, unit or range, and meaning."""

    name: str
    type: str
    unit: str
    doc: str


@dataclass(frozen=True)
class Table:
    """A declared table; ``row`` says what one row is, ``order`` by which columns rows are clustered."""

    name: str
    row: str
    order: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def ddl(self) -> str:
        """The CREATE TABLE statement."""
        body = ", ".join(f'"{column.name}" {column.type}' for column in self.columns)
        return f'CREATE TABLE "{self.name}" ({body})'


@dataclass(frozen=True)
class Schema:
    """A versioned set of tables: one kind of file; ``again`` tells a person how an older one is made anew.

    Files from the version ``oldest`` on are read: later versions have only added tables and columns, which they lack.
    """

    name: str
    version: int
    tables: tuple[Table, ...]
    again: str = "make it again"
    oldest: int | None = None

    def table(self, name: str) -> Table:
        """The table of that name; an unknown one is our own mistake."""
        return next(table for table in self.tables if table.name == name)


class DuckWriter:
    """Writes one file of a schema. Use as a context; leaving it closes and compacts the file.

    DuckDB puts a random identifier and unused memory into its files, so that equal tables give unequal bytes:
    ``content_sha256`` digests what was appended instead.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        self._schema = schema
        self._digest = hashlib.sha256(f"{schema.name} {schema.version}".encode())
        self._connection = duckdb.connect(str(path))
        self._connection.execute("SET threads = 2")
        self._connection.execute(f"CREATE TABLE {_SCHEMA_TABLE} (name VARCHAR, version INTEGER)")
        self._connection.execute(f"INSERT INTO {_SCHEMA_TABLE} VALUES (?, ?)", [schema.name, schema.version])
        for table in schema.tables:
            self._connection.execute(table.ddl)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.execute("CHECKPOINT")
        self._connection.close()

    @property
    def content_sha256(self) -> str:
        """SHA-256 of the schema's name and version and of all that was appended so far, in that order."""
        return self._digest.hexdigest()

    def append(self, table: str, columns: Mapping[str, Any]) -> None:
        """Append equally long columns (arrays or lists); names must be exactly those declared."""
        import pyarrow as pa  # the web program, which never writes, runs without it

        declared = [column.name for column in self._schema.table(table).columns]
        assert set(columns) == set(declared), f"{table}: {sorted(set(columns) ^ set(declared))}"
        if not len(columns[declared[0]]):
            return
        rows = pa.table({name: _arrow(columns[name]) for name in declared})
        self._digest.update(table.encode())
        self._digest.update(_as_stream(rows))
        self._connection.register("rows_to_append", rows)
        self._connection.execute(f'INSERT INTO "{table}" BY NAME SELECT * FROM rows_to_append')
        self._connection.unregister("rows_to_append")


class _Reader:
    """One DuckDB engine of the process: all files share its memory limit and its buffers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns, self._one = threading.Semaphore(_AT_ONCE), threading.Lock()
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._users: Counter[str] = Counter()
        self._names: dict[str, str] = {}
        self._n_attached = self._n_run = 0

    def attach(self, path: Path) -> str:
        """Open a file for one more user; returns the name it has in the engine."""
        key = str(path.resolve())
        with self._lock:
            if not self._users[key]:
                name = f"file_{self._n_attached}"
                self._attach(key, name)
                self._n_attached += 1
                self._names[key] = name
            self._users[key] += 1
            return self._names[key]

    def detach(self, path: Path) -> None:
        """One user less; the last one closes the file."""
        key = str(path.resolve())
        with self._lock:
            self._users[key] -= 1
            if not self._users[key]:
                self._connection().execute(f"DETACH {self._names.pop(key)}")

    def run(self, name: str, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """What comes of a cursor over an attached file; work that finds no memory runs again alone, with more of it."""
        try:
            with self._turns:
                found = self._run(name, work)
        except duckdb.OutOfMemoryException:
            with self._alone(), self._more_memory():
                found = self._run(name, work)
        self._n_run += 1  # of two that count at once one may be lost
        if self._n_run >= _RENEWED_AFTER:
            self._renew()
        return found

    def _renew(self) -> None:
        """Close the engine and open another one with the same files under the same names, in 10 to 30 ms."""
        with self._alone(), self._lock:
            if self._n_run < _RENEWED_AFTER:  # another thread was faster
                return
            self._n_run = 0
            if self._engine is not None:
                self._engine.close()
                self._engine = None
            for key, name in self._names.items():
                self._attach(key, name)
            give_back()

    def _attach(self, key: str, name: str) -> None:
        self._connection().execute(f"ATTACH '{_quoted(key)}' AS {name} (READ_ONLY)")

    def _run(self, name: str, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        with closing(self._connection().cursor()) as cursor:  # an open one keeps the blocks that it has read
            cursor.execute(f"USE {name}")
            return work(cursor)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._one:
            for _ in range(_AT_ONCE):
                self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release(_AT_ONCE)

    @contextmanager
    def _more_memory(self) -> Iterator[None]:
        self._connection().execute(f"SET memory_limit = '{_ALONE_MEMORY}'")
        try:
            yield
        finally:
            self._connection().execute(f"SET memory_limit = '{_READ_MEMORY}'")

    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._engine is None:
            self._engine = duckdb.connect(":memory:")
            self._engine.execute(f"SET memory_limit = '{_READ_MEMORY}'")
            spill = (
                Path(tempfile.gettempdir()) / f"conceptoscope-{os.getpid()}"
            )  # its own default is the working folder
            self._engine.execute(f"SET temp_directory = '{_quoted(str(spill))}'")
            self._engine.execute("SET threads = 1")  # small queries: a second thread costs more than it gives
        return self._engine


_reader = _Reader()


class DuckFile:
    """A file of a schema opened read-only; safe to query from many threads."""

    def __init__(self, path: Path, schema: Schema) -> None:
        self._path = path
        try:
            self._name = _reader.attach(path)
        except duckdb.Error as fault:
            raise Damaged(f"{path} cannot be opened as a DuckDB file: {str(fault).splitlines()[0]}") from fault
        try:
            self._check(schema)
        except BaseException:
            self.close()
            raise

    def _check(self, schema: Schema) -> None:
        try:
            sql = f"SELECT name, version FROM {_SCHEMA_TABLE}"
            found = self._query(sql, (), take=duckdb.DuckDBPyConnection.fetchone)
        except duckdb.Error as fault:
            raise Damaged(f"{self._path} is a DuckDB file, but not one of Conceptoscope.") from fault
        if found is None or found[0] != schema.name:
            raise Damaged(f"{self._path} is not a file of the kind '{schema.name}'.")
        if found[1] > schema.version:
            raise NewerFormat(
                f"{self._path} has {schema.name} schema {found[1]}, this version reads up to {schema.version}: "
                "upgrade Conceptoscope."
            )
        if found[1] < (schema.oldest or schema.version):
            raise OlderFormat(
                f"{self._path} has {schema.name} schema {found[1]}, this version reads {schema.version}: "
                f"{schema.again}."
            )

    @cached_property
    def tables(self) -> frozenset[str]:
        """Names of the tables that the file has; an older one lacks what was added since."""
        sql = "SELECT table_name FROM duckdb_tables() WHERE database_name = ?"
        return frozenset(row["table_name"] for row in self.rows(sql, [self._name]))

    def columns_of(self, table: str) -> frozenset[str]:
        """Names of the columns of a table as the file has it."""
        sql = "SELECT column_name FROM duckdb_columns() WHERE database_name = ? AND table_name = ?"
        return frozenset(row["column_name"] for row in self.rows(sql, [self._name, table]))

    def close(self) -> None:
        """Release the file."""
        _reader.detach(self._path)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """All rows of a query as dictionaries."""
        return self._query(sql, parameters, take=_as_dictionaries)

    def columns(self, sql: str, parameters: Sequence[Any] = ()) -> dict[str, np.ndarray[Any, Any]]:
        """All columns of a query as arrays (masked where a column has NULLs)."""
        return self._query(sql, parameters, take=duckdb.DuckDBPyConnection.fetchnumpy)

    def _query(self, sql: str, parameters: Sequence[Any], *, take: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        return _reader.run(self._name, lambda cursor: take(cursor.execute(sql, list(parameters))))


def _as_dictionaries(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def filled(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Masked numbers become NaN, masked objects None: one kind of array for all readers."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if values.dtype.kind == "f":
        return np.asarray(np.ma.filled(values, np.nan))
    objects = np.asarray(values.data).astype(object)
    objects[np.ma.getmaskarray(values)] = None  # np.ma.filled takes None for its own default, a question mark
    return objects


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _arrow(values: Any) -> Any:
    import pyarrow as pa

    if isinstance(values, np.ndarray) and values.ndim == 2:
        return pa.array(list(values))
    return pa.array(values)


def _as_stream(rows: Any) -> Any:
    """A table in Arrow's stream format, whose bytes follow from its values alone."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return sink.getvalue()


def as_markdown(schema: Schema) -> str:
    """The schema as a document: one heading and one table of columns per table."""
    parts = [f"Schema `{schema.name}`, version {schema.version}."]
    for table in schema.tables:
        order = f" Clustered by {', '.join(f'`{name}`' for name in table.order)}." if table.order else ""
        lines = [
            f"### `{table.name}`",
            "",
            f"One row per {table.row}.{order}",
            "",
            "| column | type | unit or range | meaning |",
        ]
        lines.append("|---|---|---|---|")
        lines += [f"| `{c.name}` | {c.type} | {c.unit} | {c.doc} |" for c in table.columns]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
