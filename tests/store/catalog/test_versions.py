"""A catalog older or newer than the code, programs that migrate at once, databases that do not answer."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from store.catalog.engine import make_engine, parse_url, shown
from store.catalog.session import Catalog
from store.catalog.versions import migrate, revisions
from store.errors import Damaged, InvalidInput, NewerFormat, Unavailable
from store.resources import resource

SECRET = "not-to-be-seen"


@contextmanager
def statements(url: str, *wanted: str) -> Iterator[None]:
    """Run statements behind the catalog's back."""
    engine = make_engine(url)
    with engine.begin() as connection:
        for statement in wanted:
            connection.execute(text(statement))
    engine.dispose()
    yield


def test_a_catalog_of_a_later_version_is_refused(database_url: str) -> None:
    migrate(database_url)
    with statements(database_url, "UPDATE alembic_version SET version_num = '9999'"):
        for opened in (Catalog, migrate):
            with pytest.raises(NewerFormat, match=r"is at migration 9999.*upgrade Conceptoscope"):
                opened(database_url)


def test_an_open_catalog_tells_when_it_was_changed_behind_its_back(database_url: str) -> None:
    migrate(database_url)
    catalog = Catalog(database_url)
    assert catalog.check() == revisions()[-1]
    with statements(database_url, "UPDATE alembic_version SET version_num = '9999'"):
        with pytest.raises(NewerFormat, match=r"is at migration 9999.*upgrade Conceptoscope"):
            catalog.check()
    remedy = "start the program again" if database_url.startswith("sqlite") else "run `conceptoscope migrate`"
    with statements(database_url, "UPDATE alembic_version SET version_num = '0001'"):
        with pytest.raises(Unavailable, match=f"is at migration 0001, .* needs migration {revisions()[-1]}: {remedy}"):
            catalog.check()
    catalog.close()


def test_a_file_that_is_gone_is_told_and_not_made_again(tmp_path: Path) -> None:
    file = tmp_path / "catalog.sqlite"
    catalog = Catalog(f"sqlite:///{file}")
    file.unlink()
    with pytest.raises(Unavailable, match=r"catalog\.sqlite' is gone\. Bring it back"):
        catalog.check()
    assert not file.exists()
    catalog.close()


def test_a_catalog_on_this_machine_is_migrated_when_it_is_opened(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    Catalog(url).close()
    config = Config()
    config.set_main_option("script_location", str(resource("migrations")))
    config.attributes["url"] = url
    command.downgrade(config, "0001")
    Catalog(url).close()
    assert migrate(url) == (revisions()[-1], revisions()[-1])


def test_programs_that_migrate_at_once_agree(database_url: str) -> None:
    code = f"from store.catalog.versions import migrate; migrate({database_url!r})"
    programs = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [program.wait() for program in programs] == [0] * 4
    Catalog(database_url).close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            f"postgresql://me:{SECRET}@127.0.0.1:1/name",
            r"The catalog at postgresql://me:\*\*\*@127\.0\.0\.1:1/name does",
        ),
        (f"nonsense {SECRET}", "CONCEPTOSCOPE_DATABASE_URL is no URL of a database. Give postgresql://"),
        (f"mysql://me:{SECRET}@host/name", r"can't live in 'mysql' \(CONCEPTOSCOPE_DATABASE_URL\)"),
        ("sqlite:////proc/catalog/x.sqlite", r"'/proc/catalog/x\.sqlite' cannot be made"),
    ],
)
def test_a_place_that_cannot_be_a_catalog_is_one_clear_line(url: str, said: str) -> None:
    for opened in (Catalog, migrate):
        with pytest.raises((Unavailable, InvalidInput), match=said) as told:
            opened(url)
        assert SECRET not in str(told.value)
        assert "\n" not in str(told.value)


def test_a_missing_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(Unavailable, match=r"pip install 'conceptoscope\[cluster\]'"):
        Catalog("postgresql://host/name")


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(Damaged, match=r"catalog\.sqlite' is damaged"):
        Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_urls_as_people_write_them_are_understood(scheme: str) -> None:
    url = parse_url(f"{scheme}://me:{SECRET}@host:5432/name?password={SECRET}")
    assert url.drivername == "postgresql+psycopg"
    assert shown(url) == "postgresql://me:***@host:5432/name"
