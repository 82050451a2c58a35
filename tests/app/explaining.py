"""Asking for analyses in tests: a store with tiny models, a real encoder process, the web program."""

import asyncio
import io
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from app.encoder import Encoder
from app.site import Site
from tests.encoding import Running
from tests.worker.images.photos import draw

API = "/api/v1/analyses"


def site_of(client: TestClient) -> Site:
    site = client.app.state.site  # type: ignore[attr-defined]
    assert isinstance(site, Site)
    return site


def send(client: TestClient, photo: bytes, *slugs: str, name: str = "holiday.jpg", **more: Any) -> Any:
    files = {"file": (name, photo, "image/jpeg")}
    return client.post(API, files=files, data={"dictionary": list(slugs or ("small",))}, **more)


def made(client: TestClient, photo: bytes, *slugs: str) -> str:
    response = send(client, photo, *slugs)
    assert response.status_code == 201, response.text
    return str(response.json()["data"]["id"])


def seen(client: TestClient, public_id: str, query: str = "") -> dict[str, Any]:
    response = client.get(f"{API}/{public_id}{query}")
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


def try_edits(client: TestClient, public_id: str, edits: object) -> dict[str, Any]:
    response = client.post(f"{API}/{public_id}/edits", json={"edits": edits})
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


def folder_of(client: TestClient, public_id: str) -> Path:
    return site_of(client).settings.store / "analyses" / public_id


def ask(running: Running, work: Any) -> None:
    async def inside() -> None:
        encoder = Encoder(running.settings)
        try:
            await work(encoder)
        finally:
            await encoder.close()

    asyncio.run(inside())


def photo_of(height: int, width: int, **more: Any) -> bytes:
    buffer = io.BytesIO()
    draw(7, width=width, height=height).save(buffer, "JPEG", **more)
    return buffer.getvalue()
