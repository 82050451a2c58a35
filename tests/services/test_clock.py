"""A clock that jumps while jobs run: nobody is declared lost, nothing ends or starts anew."""

import os
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.catalog.session import Catalog
from store.catalog.workers import list_workers
from store.settings import Settings
from store.vocabulary import JobState, WorkerState
from tests.working import Inputs, submit, wait_end, wait_for, working

pytestmark = pytest.mark.services
LIBRARY = Path(sysconfig.get_path("purelib")) / "libfaketime/vendor/libfaketime/src/libfaketime.so.1"
LOST_AFTER_S = 3.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "store").mkdir()
    return Settings(store=tmp_path / "store")


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Catalog]:
    catalog = Catalog(settings.catalog_url)
    yield catalog
    catalog.close()


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that says by how much the clocks of workers are off; the monotonic clock goes on as it does."""
    file = tmp_path / "clock"
    file.write_text("+0")
    for name, value in {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }.items():
        monkeypatch.setitem(os.environ, name, value)
    return file


def test_a_clock_that_jumps_harms_nothing(
    settings: Settings, catalog: Catalog, clock: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inputs = Inputs.draw(Path(tmp_path_factory.mktemp("inputs")))
    with (
        working(settings, name="one", lost_after_s=LOST_AFTER_S),
        working(settings, name="two", lost_after_s=LOST_AFTER_S),
    ):
        assert wait_end(catalog, submit(catalog, inputs.ingest())).state == JobState.SUCCEEDED
        job = submit(catalog, inputs.train(epochs=1500))
        begun = wait_for(catalog, job, lambda row: "epoch" in row.note)
        waiting = submit(catalog, inputs.train(slug="next", seed=1))
        for offset in ("+2d", "-5d", "+0"):
            clock.write_text(offset)
            time.sleep(LOST_AFTER_S + 1)
            with catalog.session() as session:
                assert {row.state for row in list_workers(session)} == {WorkerState.ALIVE}
        rows = [wait_end(catalog, job), wait_end(catalog, waiting)]
    assert [(row.state, row.attempt) for row in rows] == [(JobState.SUCCEEDED, 1)] * 2
    assert rows[0].worker == begun.worker


def test_the_clock_is_really_wrong(clock: Path, settings: Settings, catalog: Catalog) -> None:
    clock.write_text("+2d")
    with working(settings, name="late"):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with catalog.session() as session:
                found = list_workers(session)
            if found:
                break
            time.sleep(0.1)
    ahead = found[0].started_at.timestamp() - time.time()
    assert 1.9 * 86400 < ahead < 2.1 * 86400
