"""Jobs that are cut off at bad moments: in the middle of an upload, on a disk that is full."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.artifacts import open_artifacts
from store.artifacts.remote_files import SUFFIX
from store.catalog.jobs import retry_job
from store.catalog.session import Catalog
from store.settings import Settings
from store.vocabulary import JobState, Kind
from tests.services.holding import holding
from tests.services.s3 import S3Server
from tests.working import Inputs, drafts, kill, look, published, start_worker, submit, wait_end, working

pytestmark = pytest.mark.services
LITTLE = "size=96k"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return Inputs.draw(tmp_path_factory.mktemp("inputs"))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store = tmp_path / "store"
    store.mkdir()
    return store


@pytest.fixture
def catalog(store: Path) -> Iterator[Catalog]:
    catalog = Catalog(Settings(store=store).catalog_url)
    yield catalog
    catalog.close()


@pytest.mark.parametrize("file", ["/weights.safetensors", SUFFIX])
def test_a_worker_killed_in_the_middle_of_an_upload_loses_nothing(
    s3: S3Server, store: Path, catalog: Catalog, inputs: Inputs, tmp_path: Path, file: str
) -> None:
    url = s3.make_url()
    place = url.removeprefix("s3:/").encode()

    def is_it(data: bytes) -> bool:
        head = data.split(b"\r\n", 1)[0]
        return head.startswith((b"PUT " + place + b"/dictionary", b"POST " + place + b"/dictionary")) and (
            file.encode() in head
        )

    with holding(s3.ports["s3"], is_it) as proxy:
        slow = Settings(**s3.facts(store, url) | {"s3_endpoint": f"http://127.0.0.1:{proxy.port}"})
        worker = start_worker(slow)
        try:
            assert wait_end(catalog, submit(catalog, inputs.ingest())).state == JobState.SUCCEEDED
            job = submit(catalog, inputs.train())
            assert proxy.held.wait(90), "nothing was uploaded"
            assert look(catalog, job).state == JobState.RUNNING
            seen = open_artifacts(s3.settings(tmp_path / "reader", url))
            assert seen.list(Kind.DICTIONARY) == []  # nobody sees half of it
        finally:
            kill(worker)
    settings = s3.settings(store, url)
    with working(settings):
        row = wait_end(catalog, job)
    assert (row.state, row.failure, row.attempt) == (JobState.SUCCEEDED, None, 1)
    found = published(settings)
    assert len(found["dictionary"]) == 1
    assert found == published(_alone(inputs, tmp_path / "alone"))


def _alone(inputs: Inputs, store: Path) -> Settings:
    """The same work on one disk, undisturbed."""
    store.mkdir()
    settings = Settings(store=store)
    catalog = Catalog(settings.catalog_url)
    with working(settings):
        for job in (inputs.ingest(), inputs.train()):
            assert wait_end(catalog, submit(catalog, job)).state == JobState.SUCCEEDED
    catalog.close()
    return settings


def _may_mount(folder: Path) -> bool:
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", str(folder)]
    return bool(shutil.which("unshare")) and not subprocess.run(command, capture_output=True, check=False).returncode


def test_a_full_store_fails_the_job_cleanly_and_a_retry_succeeds(
    store: Path, catalog: Catalog, inputs: Inputs, tmp_path: Path
) -> None:
    """The disk is a very small one, mounted where only this worker sees it."""
    if not _may_mount(tmp_path):
        pytest.skip("this machine lets nobody mount a disk in a namespace of its own")
    settings = Settings(store=store)
    with working(settings):
        assert wait_end(catalog, submit(catalog, inputs.ingest())).state == JobState.SUCCEEDED
    full = store / Kind.ACTIVATIONS
    full.mkdir()
    with working(
        settings, within=("unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o {LITTLE} none {full}; exec "$@"', "-")
    ):
        job = submit(catalog, inputs.train())
        row = wait_end(catalog, job)
    assert row.state == JobState.FAILED
    assert row.failure is not None
    assert "full" in row.failure["message"]
    assert "Free" in row.failure["message"]
    assert published(settings)["activations"] == []
    with catalog.session() as session:
        retry_job(session, job)
    with working(settings):
        row = wait_end(catalog, job)
    assert (row.state, row.attempt) == (JobState.SUCCEEDED, 2)
    assert published(settings) == published(_alone(inputs, tmp_path / "alone"))
    assert drafts(store) == []
