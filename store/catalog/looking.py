"""Looking at a catalog as it is, whatever its version: nothing is written, made or migrated, nobody waited for long."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine, inspect
from sqlalchemy.orm import Session

from store.catalog.engine import is_sqlite, make_looking_engine, parse_url, shown, told_in_words
from store.catalog.versions import revision_of


def find_migration(url: str) -> str | None:
    """The migration that a catalog is at; None where there are no tables, or no file yet.

    Raises ``Unavailable`` when it does not answer.
    """
    place = parse_url(url)
    if _is_unmade(place):
        return None
    with _engine(url) as engine:
        return revision_of(engine, place)


def has_table(url: str, name: str, *, schema: str) -> bool:
    """Whether a database has a table; the schema is PostgreSQL's. Raises ``Unavailable`` when it does not answer."""
    place = parse_url(url)
    if _is_unmade(place):
        return False
    with _engine(url) as engine, told_in_words(place):
        return inspect(engine).has_table(name, schema=None if is_sqlite(place) else schema)


@contextmanager
def looking(url: str) -> Iterator[Session]:
    """A session that can only read, over a catalog of this version. Raises ``Unavailable`` when it does not answer."""
    with _engine(url) as engine, told_in_words(parse_url(url)), Session(engine, expire_on_commit=False) as session:
        yield session


def shown_place(url: str) -> str:
    """The kind of database and where it is, without a password."""
    place = parse_url(url)
    return f"{place.get_backend_name()} at {shown(place)}"


def _is_unmade(place: URL) -> bool:
    return is_sqlite(place) and not Path(place.database or "").exists()


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = make_looking_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()
