"""Who only looks at a catalog changes nothing, and says what stands in the way."""

from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from store.catalog.jobs import list_jobs, submit_job
from store.catalog.looking import find_migration, has_table, looking, shown_place
from store.catalog.session import Catalog
from store.catalog.versions import migrate, revisions
from store.errors import Damaged, Unavailable
from store.jobs import IndexJob
from tests.services.ports import free_ports


def test_a_catalog_is_seen_as_it_is(database_url: str) -> None:
    assert find_migration(database_url) is None
    assert not has_table(database_url, "job", schema="public")
    migrate(database_url)
    assert find_migration(database_url) == revisions()[-1]
    assert has_table(database_url, "job", schema="public")
    catalog = Catalog(database_url)
    with catalog.session() as session:
        submit_job(session, IndexJob(dictionary="a"))
    catalog.close()
    with looking(database_url) as session:
        assert len(list_jobs(session)) == 1


def test_who_looks_cannot_write(database_url: str) -> None:
    migrate(database_url)
    with pytest.raises((DBAPIError, Unavailable), match="read"):
        with looking(database_url) as session:
            submit_job(session, IndexJob(dictionary="a"))


def test_no_file_is_made_or_changed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a catalog%3F.sqlite"
    assert find_migration(url) is None
    assert not list(tmp_path.iterdir())
    migrate(url)
    file = next(path for path in tmp_path.iterdir() if path.suffix == ".sqlite")
    before = sha256(file.read_bytes()).digest()
    assert find_migration(url) == revisions()[-1]
    assert sha256(file.read_bytes()).digest() == before


def test_what_stands_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"no database at all, but long enough to look like a file of one" * 20)
    with pytest.raises(Damaged, match=r"catalog.sqlite' is damaged"):
        find_migration(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    nobody = f"postgresql://us:not-to-be-seen@127.0.0.1:{free_ports(1)[0]}/c"
    with pytest.raises(Unavailable, match="does not answer") as fault:
        find_migration(nobody)
    assert "not-to-be-seen" not in str(fault.value) + shown_place(nobody)
