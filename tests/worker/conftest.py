"""An empty store with its catalog, and a collector over it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.artifacts import Artifacts
from store.catalog.session import Catalog
from store.settings import Settings
from worker.collector import Collector


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "store").mkdir()
    return Settings(store=tmp_path / "store")


@pytest.fixture
def artifacts(settings: Settings) -> Artifacts:
    return Artifacts(settings.store)


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Catalog]:
    catalog = Catalog(settings.catalog_url)
    yield catalog
    catalog.close()


@pytest.fixture
def collector(artifacts: Artifacts, catalog: Catalog) -> Collector:
    return Collector(artifacts, catalog)
