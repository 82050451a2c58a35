"""One synthetic store for all tests of the web program; it is only read."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from app.kept import Kept
from app.main import make_app
from app.site import Opened, Site
from store.catalog.session import Catalog
from store.settings import Settings
from tests.alignments import make_alignments
from tests.app.jobs import Numbers, empty_store, fill
from tests.app.measuring import peers_store
from tests.app.watching import served
from tests.encoding import Running, Studio, encoding, make_studio
from tests.factories import make_store


@pytest.fixture(autouse=True)
def made_anew(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are made whenever they are asked for, but in the tests of those that are kept."""
    if request.path.name != "test_kept.py":
        monkeypatch.setattr(Kept, "keep", lambda _self, _answer: None)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_store(Path(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="session")
def app(settings: Settings) -> FastAPI:
    return make_app(settings)


@pytest.fixture(scope="session")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="session")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a store with several dictionaries of one layer."""
    with TestClient(make_app(peers_store(Path(tmp_path_factory.mktemp("peers"))))) as client:
        yield client


@pytest.fixture(scope="session")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a store whose dictionaries are aligned; it is only read."""
    settings = make_store(Path(tmp_path_factory.mktemp("aligned")))
    make_alignments(settings)
    with TestClient(make_app(settings)) as client:
        yield client


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[TestClient]:
    """A client of an empty store of its own, which may be changed and broken."""
    with served(Settings(store=tmp_path / "store")) as client:
        yield client


@pytest.fixture
def site(app: FastAPI) -> Site:
    found = app.state.site
    assert isinstance(found, Site)
    return found


@pytest.fixture
def opened(site: Site) -> Iterator[Opened]:
    with site.opened(site.roster.get("tiny-topk")) as opened:
        yield opened


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Numbers]:
    """A store with jobs, to be copied."""
    folder = Path(tmp_path_factory.mktemp("jobs"))
    return folder, fill(make_store(folder))


@pytest.fixture
def numbers(filled: tuple[Path, Numbers], tmp_path: Path) -> Numbers:
    folder, numbers = filled
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return numbers


@pytest.fixture
def jobs(tmp_path: Path, numbers: Numbers) -> Iterator[TestClient]:
    with TestClient(make_app(empty_store(tmp_path))) as client:
        yield client


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(empty_store(tmp_path).catalog_url)
    yield catalog
    catalog.close()


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A store of tiny models that can explain photos."""
    return make_studio(tmp_path_factory.mktemp("studio"))


@pytest.fixture(scope="session")
def running(studio: Studio) -> Iterator[Running]:
    """A real encoder over it."""
    with encoding(studio.settings.store, weights=[studio.inputs.weights], upload_pixels=1_000_000) as one:
        yield one


@pytest.fixture(scope="session")
def explainer(running: Running) -> Iterator[TestClient]:
    """The web program beside that encoder."""
    with TestClient(make_app(running.settings.model_copy(update={"upload_bytes": 2_000_000}))) as client:
        yield client


@pytest.fixture
def alone(studio: Studio) -> Iterator[TestClient]:
    """The web program where no encoder answers."""
    settings = Settings(store=studio.settings.store, encoder_secret=SecretStr("x" * 20), encoder_port=9)
    with TestClient(make_app(settings)) as client:
        yield client
