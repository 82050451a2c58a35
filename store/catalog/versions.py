"""The version of the catalog's schema: which migration it is at, and bringing it to the one that the code needs.

A catalog in SQLite belongs to one machine and is migrated when it is opened. One in PostgreSQL is shared by programs
that are not all upgraded at the same moment, so a person migrates it: ``conceptoscope migrate``.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import URL, Engine, inspect, text

from store.catalog.engine import CatalogUnavailable, is_sqlite, make_engine, parse_url, shown, told_in_words
from store.errors import NewerFormat, Unavailable
from store.resources import resource

_LOCK = 4120660716  # any number that nobody else locks in the same database


@cache
def revisions() -> tuple[str, ...]:
    """All migrations that the code knows, in order; they are numbered by their files' names."""
    return tuple(
        sorted(path.name.partition("_")[0] for path in (resource("migrations") / "versions").glob("[0-9]*.py"))
    )


def open_current(url: str) -> Engine:
    """An engine over a catalog whose schema is the one that the code needs.

    Raises ``Unavailable`` for a shared catalog that is older, naming the command that migrates it, and ``NewerFormat``
    for one that is newer.
    """
    place = parse_url(url)
    if is_sqlite(place):
        migrate(url)
        return make_engine(url)
    engine = make_engine(url)
    try:
        check_current(engine)
    except Exception:
        engine.dispose()
        raise
    return engine


def check_current(engine: Engine) -> str:
    """The migration that a catalog is at, when it is the one that the code needs; asks the database.

    Raises ``Unavailable`` for a catalog that is older or gone, and ``NewerFormat`` for one that is newer.
    """
    place = engine.url
    if is_sqlite(place) and place.database and not Path(place.database).exists():  # opening it would make an empty one
        raise CatalogUnavailable(f"The catalog {shown(place)} is gone. Bring it back, or choose another --store.")
    found = revision_of(engine, place)
    _refuse_newer(found, place)
    if found != revisions()[-1]:
        state = f"is at migration {found}" if found else "has no tables yet"
        remedy = "start the program again, which migrates it" if is_sqlite(place) else "run `conceptoscope migrate`"
        raise Unavailable(
            f"The catalog at {shown(place)} {state}, and this version needs migration {revisions()[-1]}: {remedy}."
        )
    return found


def migrate(url: str) -> tuple[str | None, str]:
    """Bring the schema to this version; gives the migrations before and after.

    An SQLite file is made when there is none. Several programs may try at once: one does it. Raises ``NewerFormat``
    for a catalog of a later version.
    """
    place = parse_url(url)
    if is_sqlite(place) and place.database:
        with _folder_is_told(place):
            Path(place.database).parent.mkdir(parents=True, exist_ok=True)
    engine, newest = make_engine(url), revisions()[-1]
    try:
        before = revision_of(engine, place)
        _refuse_newer(before, place)
        if before != newest:
            with told_in_words(place), _alone(engine, place):
                if revision_of(engine, place) != newest:
                    _upgrade(url)
        return before, newest
    finally:
        engine.dispose()


def revision_of(engine: Engine, place: URL) -> str | None:
    """The migration that a catalog is at; None when none has run."""
    with told_in_words(place), engine.connect() as connection:
        known = inspect(connection).has_table("alembic_version")
        found = connection.scalar(text("SELECT version_num FROM alembic_version")) if known else None
    return None if found is None else str(found)


def _refuse_newer(found: str | None, place: URL) -> None:
    if found is not None and found not in revisions():
        raise NewerFormat(
            f"The catalog at {shown(place)} is at migration {found}, this version knows those up to {revisions()[-1]}: "
            "upgrade Conceptoscope."
        )


def _upgrade(url: str) -> None:
    from alembic import command  # a quarter of the web program's start, and needed once per version
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(resource("migrations")))
    config.attributes["url"] = url
    command.upgrade(config, "head")


@contextmanager
def _alone(engine: Engine, place: URL) -> Iterator[None]:
    """No other program migrates this catalog meanwhile."""
    if not is_sqlite(place):
        with engine.connect() as connection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            yield
        return
    folder = os.open(Path(place.database or ".").parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def _folder_is_told(place: URL) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise Unavailable(
            f"The catalog {shown(place)} cannot be made: {fault.strerror}. Choose another --store or change its owner."
        ) from fault
