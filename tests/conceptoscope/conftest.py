"""A real web program over a store with everything that needs no encoder, and clients of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conceptoscope import Client
from tests.alignments import make_alignments
from tests.app.jobs import Numbers, fill
from tests.conceptoscope.recording import Noted, Recording
from tests.factories import SHOWN, UNIVERSAL, make_store
from tests.serving import serve

N_IMAGES = 40


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Numbers]:
    """A store, and its jobs; tests may start more."""
    folder = Path(tmp_path_factory.mktemp("store"))
    settings = make_store(folder, n_images=N_IMAGES, shown=(*SHOWN, UNIVERSAL))
    make_alignments(settings, n_images=N_IMAGES)
    return folder, fill(settings)


@pytest.fixture(scope="session")
def base(filled: tuple[Path, Numbers]) -> Iterator[str]:
    """The address of a web program over that store."""
    with serve(filled[0]) as address:
        yield address


@pytest.fixture(scope="session")
def numbers(filled: tuple[Path, Numbers]) -> Numbers:
    return filled[1]


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def client(base: str, noted: Noted) -> Iterator[Client]:
    with Client(base, transport=Recording(noted)) as client:
        yield client
