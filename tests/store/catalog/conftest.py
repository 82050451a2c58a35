"""A migrated catalog in each kind of database."""

from collections.abc import Iterator

import pytest

from store.catalog.session import Catalog
from store.catalog.versions import migrate


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    migrate(database_url)
    catalog = Catalog(database_url)
    yield catalog
    catalog.close()
