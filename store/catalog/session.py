"""Opening the catalog: engine, migrations, one transaction at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from store.errors import Unavailable
from store.resources import resource


class CatalogUnavailable(Unavailable):
    """The database of the catalog does not answer now; what was begun has been rolled back and may be tried again."""


def make_engine(url: str) -> Engine:
    """An engine; SQLite gets write-ahead logging, foreign keys and patience."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def migrate(url: str) -> None:
    """Bring the catalog's schema to this version, making the database when it does not exist."""
    database = make_url(url).database
    if url.startswith("sqlite") and database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    if _is_current(url):
        return
    from alembic import command  # a quarter of the web program's start, and needed once per version
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(resource("migrations")))
    config.attributes["url"] = url
    command.upgrade(config, "head")


def _is_current(url: str) -> bool:
    """Whether the newest migration has run; migrations are numbered by their files' names."""
    newest = max(path.name.partition("_")[0] for path in (resource("migrations") / "versions").glob("[0-9]*.py"))
    engine = make_engine(url)
    with engine.connect() as connection:
        known = inspect(connection).has_table("alembic_version")
        found = connection.scalar(text("SELECT version_num FROM alembic_version")) if known else None
    engine.dispose()
    return bool(found == newest)


class Catalog:
    """Sessions over one migrated database."""

    def __init__(self, url: str) -> None:
        migrate(url)
        self.engine = make_engine(url)
        self._session = sessionmaker(self.engine, expire_on_commit=False)
        self._first: Callable[[Session], None] = lambda _: None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on an error.

        Raises ``CatalogUnavailable`` when the database does not answer.
        """
        try:
            with self._session.begin() as session:
                self._first(session)
                yield session
        except DBAPIError as fault:
            if not _does_not_answer(fault):
                raise
            where = self.engine.url.render_as_string(hide_password=True)
            raise CatalogUnavailable(
                f"The catalog {where} does not answer ({str(fault.orig).strip().splitlines()[0]}). "
                "Check that its database runs, can be reached and written; then try again."
            ) from fault

    def guarded(self, first: Callable[[Session], None]) -> "Catalog":
        """The same catalog for one whose right to write may end: ``first`` runs at the start of each transaction."""
        guarded = copy(self)
        guarded._first = first
        return guarded

    def close(self) -> None:
        """Release all connections."""
        self.engine.dispose()


def use_write_ahead_log(url: str) -> None:
    """Let an SQLite file keep a write-ahead log, so that readers and the writer do not wait for each other."""
    if url.startswith("sqlite"):
        engine = make_engine(url)
        engine.connect().close()  # the log is a property of the file, set with the first connection
        engine.dispose()


_NO_ANSWER = ("locked", "unable to open", "disk i/o error", "readonly", "read-only")


def _does_not_answer(fault: DBAPIError) -> bool:
    """Whether the database is gone or busy, and not our statement wrong; SQLite tells both by the same class."""
    if fault.connection_invalidated or isinstance(fault, InterfaceError):
        return True
    if not isinstance(fault, OperationalError):
        return False
    is_sqlite = type(fault.orig).__module__.startswith("sqlite3")
    return not is_sqlite or any(words in str(fault.orig).lower() for words in _NO_ANSWER)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "busy_timeout = 5000", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
