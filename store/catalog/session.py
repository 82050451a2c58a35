"""Opening the catalog: engine, migrations, one transaction at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

from store.resources import resource


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

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on an error."""
        with self._session.begin() as session:
            yield session

    def close(self) -> None:
        """Release all connections."""
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "busy_timeout = 5000", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
