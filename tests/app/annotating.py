"""What tests of annotations share."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from app.main import make_app
from store.settings import Settings

D = "/api/v1/dictionaries/tiny-topk/concepts"


@contextmanager
def copied(settings: Settings, folder: Path, **changes: Any) -> Iterator[TestClient]:
    """A client of a copy of a store, which may be written to."""
    shutil.copytree(settings.store, folder, dirs_exist_ok=True)
    with TestClient(make_app(settings.model_copy(update={"store": folder, **changes})), follow_redirects=False) as one:
        yield one


def add(client: TestClient, concept: int, text: str, *, author: str = "ann", **more: str) -> dict[str, Any]:
    """A label that was given."""
    answer = client.post(f"{D}/{concept}/labels", json={"text": text, **more}, headers={"X-Author": author})
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def edit(client: TestClient, label: dict[str, Any], text: str, *, author: str = "bob") -> dict[str, Any]:
    """The label after an edit by who saw it."""
    headers = {"If-Match": label["etag"], "X-Author": author}
    answer = client.patch(label["self"], json={"text": text}, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def get(client: TestClient, url: str) -> Any:
    """Data of an answer."""
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]
