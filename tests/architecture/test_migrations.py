"""The migrations build exactly the tables that the code declares, in every database."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Column, Integer, MetaData, Table

from store.catalog.engine import make_engine
from store.catalog.tables import Model
from store.catalog.versions import migrate, revisions


def compare_defaults(
    _context: object,
    _found: object,
    column: Column[object],
    found: str | None,
    _declared: object,
    declared: str | None,
) -> bool | None:
    """PostgreSQL can't compare two JSON values, so their texts are; None lets Alembic compare."""
    if isinstance(column.type, JSON):
        return (found or "").removesuffix("::json").strip("'") != (declared or "").strip("'")
    return None


def differences(url: str, metadata: MetaData) -> list[object]:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": compare_defaults}
            )
            return list(compare_metadata(context, metadata))
    finally:
        engine.dispose()


def test_migrations_build_the_tables(database_url: str) -> None:
    assert migrate(database_url) == (None, revisions()[-1])
    assert differences(database_url, Model.metadata) == []


def test_a_missing_migration_is_found(database_url: str) -> None:
    migrate(database_url)
    wider = MetaData()
    for table in Model.metadata.tables.values():
        table.to_metadata(wider)
    Table("forgotten", wider, Column("id", Integer, primary_key=True))
    assert [difference[0] for difference in differences(database_url, wider)] == ["add_table"]  # type: ignore[index]


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    assert migrate(database_url) == (revisions()[-1], revisions()[-1])
    assert differences(database_url, Model.metadata) == []


@pytest.mark.parametrize("revision", revisions())
def test_every_migration_can_be_undone(database_url: str, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    from store.resources import resource

    migrate(database_url)
    config = Config()
    config.set_main_option("script_location", str(resource("migrations")))
    config.attributes["url"] = database_url
    command.downgrade(config, revision)
    assert migrate(database_url) == (revision, revisions()[-1])
    assert differences(database_url, Model.metadata) == []
