"""The services as fixtures: started when the first test of a run asks for one, and shared by all of them."""

from collections.abc import Iterator

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
