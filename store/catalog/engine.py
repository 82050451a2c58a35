"""The door to the catalog's database, SQLite or PostgreSQL by URL, and what goes wrong with it in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError

from store.artifacts.faults import disk_is_full, full_disk
from store.errors import Damaged, InvalidInput, Unavailable

_CONNECT_WITHIN_S: Final = 5
_LOOK_WITHIN_S: Final = 2
_POSTGRES = "postgresql+psycopg"
_DRIVERS = {"postgres": _POSTGRES, "postgresql": _POSTGRES, _POSTGRES: _POSTGRES, "sqlite": "sqlite"}
_GONE = ("08", "53", "57P")  # states of a server that is not there, has no room for us, or is going down


class CatalogUnavailable(Unavailable):
    """The database of the catalog does not answer now; what was begun has been rolled back and may be tried again."""


def parse_url(text: str) -> URL:
    """A URL with the driver that we use; raises ``InvalidInput``, which never shows what may be a password."""
    remedy = "Give postgresql://USER:PASSWORD@HOST/NAME, or leave it empty for SQLite in the store."
    try:
        url = make_url(text)
    except ArgumentError as fault:
        raise InvalidInput(f"CONCEPTOSCOPE_DATABASE_URL is no URL of a database. {remedy}") from fault
    if url.drivername not in _DRIVERS:
        raise InvalidInput(f"The catalog can't live in '{url.drivername}' (CONCEPTOSCOPE_DATABASE_URL). {remedy}")
    return url.set(drivername=_DRIVERS[url.drivername])


def is_sqlite(url: URL) -> bool:
    """Whether the catalog is a file of this machine."""
    return url.get_backend_name() == "sqlite"


def shown(url: URL) -> str:
    """The place as a person knows it, without a password."""
    if is_sqlite(url):
        return f"'{url.database}'"
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def make_engine(text: str) -> Engine:
    """An engine. SQLite gets write-ahead logging, foreign keys and patience; connections to PostgreSQL are tried first.

    Raises ``InvalidInput`` for a URL that can't be a catalog, ``Unavailable`` when the driver is missing.
    """
    url = parse_url(text)
    if is_sqlite(url):
        engine = create_engine(url)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    return _make_postgres_engine(url, connect_timeout=_CONNECT_WITHIN_S)


def make_looking_engine(text: str) -> Engine:
    """An engine that can't write, makes no file, and waits for nobody longer than two seconds.

    Raises ``InvalidInput`` for a URL that can't be a catalog, ``Unavailable`` when the driver is missing.
    """
    url = parse_url(text)
    if not is_sqlite(url):
        reading = f"-c default_transaction_read_only=on -c statement_timeout={_LOOK_WITHIN_S * 1000}"
        return _make_postgres_engine(url, connect_timeout=_LOOK_WITHIN_S, options=reading)
    file = f"file:{quote(url.database or '')}"
    reading_url = url.set(database=file, query={"mode": "ro", "uri": "true"})
    return create_engine(reading_url, poolclass=NullPool, connect_args={"timeout": _LOOK_WITHIN_S})


def _make_postgres_engine(url: URL, **options: Any) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, connect_args=options)
    except ImportError as fault:
        raise Unavailable(
            f"The catalog at {shown(url)} needs packages that are missing: pip install 'conceptoscope[cluster]'."
        ) from fault


def _prepare_sqlite(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "busy_timeout = 5000", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def use_write_ahead_log(text: str) -> None:
    """Let an SQLite file keep a write-ahead log, so that readers and the writer do not wait for each other."""
    if is_sqlite(parse_url(text)):
        engine = make_engine(text)
        engine.connect().close()  # the log is a property of the file, set with the first connection
        engine.dispose()


@contextmanager
def told_in_words(url: URL) -> Iterator[None]:
    """Turn what a database does wrong into a domain error; mistakes in what it was asked pass."""
    try:
        yield
    except DBAPIError as fault:
        told = _sqlite_fault(fault, url) if is_sqlite(url) else _postgres_fault(fault, url)
        if told is None:
            raise
        raise told from fault


def _postgres_fault(fault: DBAPIError, url: URL) -> Unavailable | None:
    state = getattr(fault.orig, "sqlstate", None)
    if state == "53100":
        return Unavailable(f"The disk of the catalog at {shown(url)} is full. Free some space there, then try again.")
    connected = isinstance(state, str) and not state.startswith(_GONE)
    if fault.connection_invalidated or (not connected and _is_operational(fault)):
        said = str(fault.orig).strip().partition("\n")[0]
        return CatalogUnavailable(
            f"The catalog at {shown(url)} does not answer: {said}. "
            "Is it running, and is CONCEPTOSCOPE_DATABASE_URL right?"
        )
    return None


def _sqlite_fault(fault: DBAPIError, url: URL) -> Unavailable | Damaged | None:
    said, place = str(fault.orig), shown(url)
    if disk_is_full(fault):
        return full_disk(Path(url.database or "."))
    if "not a database" in said or "malformed" in said:
        return Damaged(
            f"The catalog {place} is damaged ({said}). Restore it from a copy, or move it away to start anew."
        )
    if any(words in said for words in ("readonly", "unable to open", "locked", "disk I/O error")):
        return CatalogUnavailable(
            f"The catalog {place} cannot be used: {said}. Is its folder there, writable, and free of other programs?"
        )
    return None


def _is_operational(fault: DBAPIError) -> bool:
    return isinstance(fault, DatabaseError) and type(fault).__name__ == "OperationalError"
