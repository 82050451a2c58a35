"""A store of its own with tokens in it, and programs over it that ask for them."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.main import make_app
from store.catalog.session import Catalog
from store.catalog.tokens import add_token
from store.settings import Settings
from store.vocabulary import Access, Scope
from tests.app.access.doors import Doors, Opens


@pytest.fixture(scope="session")
def built(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(tmp_path_factory.mktemp("doors")) / "store"
    shutil.copytree(settings.store, folder)
    return folder


@pytest.fixture(scope="module")
def doors(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Doors:
    folder = Path(tmp_path_factory.mktemp("doors")) / "store"
    shutil.copytree(built, folder)
    found = Settings(store=folder)
    catalog, secrets, ids = Catalog(found.catalog_url), {}, {}
    with catalog.session() as session:
        for scope in Scope:
            row, secret = add_token(session, f"who may {scope}", scopes={Scope.READ, scope})
            secrets[scope], ids[scope] = secret.text, row.public_id
    catalog.close()
    return Doors(found, secrets, ids)


@pytest.fixture(scope="module")
def opened_by(doors: Doors) -> Iterator[Opens]:
    """Makes clients of a program over the store, by how access was chosen; equal ones are shared."""
    known: dict[str, TestClient] = {}
    with ExitStack() as stack:

        def client(access: Access = Access.TOKENS, **changes: Any) -> TestClient:
            key = repr((access, sorted(changes.items())))
            if key not in known:
                chosen = doors.settings.model_copy(update={"access": access, "rate_changes": 0} | changes)
                known[key] = stack.enter_context(TestClient(make_app(chosen)))
            found = known[key]
            found.cookies.clear()
            return found

        yield client


@pytest.fixture
def tokens(opened_by: Opens) -> TestClient:
    return opened_by(Access.TOKENS)


@pytest.fixture
def public(opened_by: Opens) -> TestClient:
    return opened_by(Access.READ_ONLY_PUBLIC)
