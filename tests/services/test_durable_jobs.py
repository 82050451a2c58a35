"""Jobs over a real PostgreSQL and a real S3 server: the whole pipeline, and either of them away meanwhile."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.catalog.jobs import list_members
from store.catalog.session import Catalog
from store.catalog.versions import migrate
from store.settings import Settings
from store.vocabulary import JobState
from tests.services.postgres import Postgres
from tests.services.s3 import S3Server
from tests.working import Inputs, published, submit, wait_end, wait_for, working

pytestmark = pytest.mark.services
EPOCHS = 3000


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return Inputs.draw(tmp_path_factory.mktemp("inputs"))


@pytest.fixture
def settings(postgres: Postgres, s3: S3Server, tmp_path: Path) -> Settings:
    store = tmp_path / "store"
    store.mkdir()
    return s3.settings(store, database_url=postgres.make_database())


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Catalog]:
    migrate(settings.catalog_url)
    catalog = Catalog(settings.catalog_url)
    yield catalog
    catalog.close()


def test_the_pipeline_runs_over_both_killed_on_the_way(
    settings: Settings, catalog: Catalog, inputs: Inputs, tmp_path: Path
) -> None:
    job = submit(catalog, inputs.pipeline(epochs=300))
    for _ in range(3):
        with working(settings):
            time.sleep(5)
    with working(settings):
        row = wait_end(catalog, job)
    assert (row.state, row.failure) == (JobState.SUCCEEDED, None)
    with catalog.session() as session:
        assert {member.state for member in list_members(session, job)} == {JobState.SUCCEEDED}
    alone = Settings(store=tmp_path / "alone")
    here = Catalog(alone.catalog_url)
    again = submit(here, inputs.pipeline(epochs=300))
    with working(alone):
        assert wait_end(here, again).state == JobState.SUCCEEDED
    here.close()
    assert published(settings) == published(alone)


def test_a_database_that_is_away_for_a_while_loses_nothing(
    settings: Settings, catalog: Catalog, inputs: Inputs, postgres: Postgres
) -> None:
    with working(settings, lost_after_s=3):
        assert wait_end(catalog, submit(catalog, inputs.ingest())).state == JobState.SUCCEEDED
        job = submit(catalog, inputs.train(epochs=EPOCHS))
        wait_for(catalog, job, lambda row: "epoch" in row.note)
        catalog.engine.dispose()
        postgres.stop()
        time.sleep(30)
        postgres.start()
        row = wait_end(catalog, job)
    assert (row.state, row.failure, row.attempt) == (JobState.SUCCEEDED, None, 1)
