"""The services as fixtures: started when the first test of a run asks for one, and shared by all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.postgres import Postgres, postgres_server
from tests.services.s3 import S3Server, s3_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """An S3 server."""
    with s3_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.make_database()
