"""A store with its catalog, and what jobs read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.catalog.session import Catalog
from store.settings import Settings
from tests.working import Inputs


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return Inputs.draw(tmp_path_factory.mktemp("inputs"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "store").mkdir()
    return Settings(store=tmp_path / "store")


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Catalog]:
    catalog = Catalog(settings.catalog_url)
    yield catalog
    catalog.close()
