"""The migrations build exactly the tables that the code declares."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, MetaData, Table

from store.catalog.session import make_engine, migrate
from store.catalog.tables import Base


def differences(url: str, metadata: MetaData) -> list[object]:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True}
            )
            return list(compare_metadata(context, metadata))
    finally:
        engine.dispose()


def test_migrations_build_the_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    migrate(url)
    assert differences(url, Base.metadata) == []


def test_a_missing_migration_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    migrate(url)
    wider = MetaData()
    for table in Base.metadata.tables.values():
        table.to_metadata(wider)
    Table("forgotten", wider, Column("id", Integer, primary_key=True))
    assert [difference[0] for difference in differences(url, wider)] == ["add_table"]  # type: ignore[index]


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    migrate(url)
    migrate(url)
    assert differences(url, Base.metadata) == []
