"""Visitors' photos: bad ones are refused, and of good ones nothing is kept or told that may not be."""

import asyncio
import io
import logging
import stat
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image
from sqlalchemy import select
from starlette.testclient import TestClient

from app.encoder import Encoder
from app.main import make_app
from app.sweeping import sweep_often
from store.catalog.tables import Analysis
from store.encoding.contract import KnownPhoto
from store.encoding.refusals import PhotoGone
from tests.app.explaining import API, ask, folder_of, made, photo_of, seen, send, site_of
from tests.encoding import Running, Studio

LATER = datetime.now(UTC) + timedelta(hours=25)


BAD: tuple[tuple[str, bytes, int], ...] = (
    ("no picture", b"<html>nothing</html>" * 9, 415),
    ("empty", b"", 400),
    ("cut off", photo_of(300, 400)[:900], 422),
    ("too many bytes", photo_of(64, 64) + bytes(2_000_000), 413),
    ("far too many bytes", bytes(3_000_000), 413),
    ("too many pixels", photo_of(1100, 1100), 413),
    ("magic alone", b"\x89PNG\r\n\x1a\n" + bytes(40), 422),
)


@pytest.mark.parametrize(("what", "content", "status"), BAD)
def test_bad_files_are_refused_in_words(explainer: TestClient, what: str, content: bytes, status: int) -> None:
    response = send(explainer, content)
    assert response.status_code == status, (what, response.text)
    assert response.headers["content-type"] == "application/problem+json"
    assert "holiday" not in response.text
    files = {"file": ("holiday.jpg", content, "image/jpeg")}
    page = explainer.post("/analyze", files=files, data={"dictionary": "small"})
    assert page.status_code == status
    assert 'role="alert"' in page.text
    assert response.json()["detail"][:30] in page.text or not content


def test_bad_requests_are_refused_in_words(explainer: TestClient, studio: Studio) -> None:
    photo = studio.photo(0)
    assert send(explainer, photo, "nowhere").status_code == 404
    assert send(explainer, photo, "a", "b", "c", "d", "e").status_code == 400
    assert explainer.post(API, files={"file": ("a", photo)}).status_code == 400
    assert explainer.post(API, data={"dictionary": "small"}).status_code == 400
    assert explainer.post(API, content=b"{", headers={"content-type": "application/json"}).status_code == 400
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert explainer.post(API, content=b"--y\r\nnothing", headers=broken).status_code == 400
    assert explainer.post(f"{API}?x=1", json={}).status_code == 400


def test_other_sites_may_not_ask(explainer: TestClient, studio: Studio) -> None:
    public_id, headers = made(explainer, studio.photo(0)), {"Sec-Fetch-Site": "cross-site"}
    assert send(explainer, studio.photo(0), headers=headers).status_code == 403
    for method, path in (
        ("POST", "/analyze"),
        ("POST", f"/a/{public_id}/delete"),
        ("POST", f"/a/{public_id}/edits"),
        ("POST", f"{API}/{public_id}/edits"),
        ("DELETE", f"{API}/{public_id}"),
    ):
        assert explainer.request(method, path, headers=headers).status_code == 403
    assert seen(explainer, public_id)


def test_nothing_of_a_photo_but_its_pixels_is_kept_or_told(
    explainer: TestClient, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    exif = Image.Exif()
    exif[0x010E] = "where the treasure lies"
    exif[0x0112] = 6
    photo = photo_of(700, 1400, exif=exif, comment=b"where the treasure lies")
    assert b"treasure" in photo
    public_id = str(send(explainer, photo, name="treasure-map.jpg").json()["data"]["id"])
    folder = folder_of(explainer, public_id)
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    answer = explainer.get(f"{API}/{public_id}/photo.webp")
    assert answer.headers["cache-control"] == "no-store, private"
    kept = Image.open(io.BytesIO(answer.content))
    assert kept.format == "WEBP"
    assert kept.size == (512, 1024)  # turned upright, and smaller
    assert not kept.getexif()
    assert set(kept.info) <= {"loop", "background", "timestamp", "duration"}
    for path in site_of(explainer).settings.store.rglob("*"):
        if path.is_file():
            assert b"treasure" not in path.read_bytes(), path
    explainer.get(f"{API}/{public_id}/maps/nothing/1.png")
    explainer.get(f"/a/{public_id}?edits=9999_ablate")
    told = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]  # ours
    assert not [line for line in told if public_id in line or "treasure" in line]
    assert running.process.poll() is None


def test_wrong_ids_are_all_alike(explainer: TestClient, studio: Studio) -> None:
    public_id = made(explainer, studio.photo(0))
    wrong = ("0" * 40, public_id[:-1], public_id.upper(), f"{public_id}0", "..%2fcatalog.sqlite", "x")
    details = set()
    for name in wrong:
        for path in (f"{API}/{name}", f"{API}/{name}/photo.webp", f"{API}/{name}/maps/small/1.png"):
            response = explainer.get(path)
            assert response.status_code == 404
            if "%2f" not in name:
                details.add(response.json()["detail"])
        assert explainer.get(f"/a/{name}").status_code == 404
        assert explainer.delete(f"{API}/{name}").status_code == 404
        assert explainer.post(f"{API}/{name}/edits", json={"edits": ""}).status_code == 404
    assert len(details) == 1
    assert public_id not in explainer.get("/analyze").text
    assert explainer.get(API).status_code == 405


def test_deleting_leaves_nothing(explainer: TestClient, running: Running, studio: Studio) -> None:
    site = site_of(explainer)
    public_id = made(explainer, photo_of(200, 320))
    sha256 = site.keeper.get(public_id).result.photo.sha256
    assert explainer.delete(f"{API}/{public_id}").status_code == 204
    for path in (f"{API}/{public_id}", f"/a/{public_id}", f"{API}/{public_id}/photo.webp"):
        assert explainer.get(path).status_code == 404
    assert explainer.delete(f"{API}/{public_id}").status_code == 404
    assert not folder_of(explainer, public_id).exists()

    async def gone(encoder: Encoder) -> None:
        with pytest.raises(PhotoGone):
            await encoder.encode(KnownPhoto(sha256=sha256), [studio.digest])

    ask(running, gone)


def test_what_has_expired_is_gone_at_once_and_swept_later(explainer: TestClient, studio: Studio) -> None:
    keeper = site_of(explainer).keeper
    public_id = made(explainer, studio.photo(0))
    assert keeper.get(public_id)
    with pytest.raises(Exception, match="its time was over"):
        keeper.get(public_id, now=LATER)
    assert keeper.n_expired() == 0
    n = keeper.n_expired(now=LATER)
    assert n > 0
    assert keeper.sweep(now=LATER) == n
    assert list(keeper.files.ids()) == []
    assert explainer.get(f"/a/{public_id}").status_code == 404


def test_no_encoder_and_everything_else_works(explainer: TestClient, alone: TestClient, studio: Studio) -> None:
    public_id = made(explainer, studio.photo(0))
    concept = seen(explainer, public_id)["dictionaries"][0]["concepts"][0]["concept"]["id"]
    form = alone.get("/analyze")
    assert form.status_code == 200
    assert "does not answer" in form.text
    response = send(alone, studio.photo(0))
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert "does not answer" in response.json()["detail"]
    files = {"file": ("a.jpg", studio.photo(0), "image/jpeg")}
    assert alone.post("/analyze", files=files, data={"dictionary": "small"}).status_code == 503
    page = alone.get(f"/a/{public_id}?edits={concept}_ablate")
    assert page.status_code == 200
    assert "does not answer" in page.text
    assert alone.post(f"{API}/{public_id}/edits", json={"edits": f"{concept}_ablate"}).status_code == 503
    assert alone.get("/d/small").status_code == 200
    assert alone.delete(f"{API}/{public_id}").status_code == 204


def test_the_web_program_sweeps_when_it_starts_and_later(running: Running, explainer: TestClient) -> None:
    made(explainer, photo_of(64, 64))
    keeper = site_of(explainer).keeper
    with site_of(explainer).catalog.session() as session:
        for row in session.scalars(select(Analysis)):
            row.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    assert keeper.n_expired() > 0
    with TestClient(make_app(running.settings)):
        assert keeper.n_expired() == 0
        assert list(keeper.files.ids()) == []
    made(explainer, photo_of(64, 64))

    async def later() -> None:
        sweeping = asyncio.create_task(sweep_often(site_of(explainer), every_s=0.01))
        while keeper.n_expired():
            await asyncio.sleep(0.02)
        sweeping.cancel()

    with site_of(explainer).catalog.session() as session:
        for row in session.scalars(select(Analysis)):
            row.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    asyncio.run(later())


def test_no_more_is_kept_than_may_be(running: Running, studio: Studio) -> None:
    settings = running.settings.model_copy(update={"analyses_max": 1})
    with TestClient(make_app(settings)) as explainer:
        site_of(explainer).keeper.sweep(now=LATER)
        made(explainer, studio.photo(0))
        full = send(explainer, studio.photo(1))
        assert full.status_code == 503
        assert "Try again later" in full.json()["detail"]
        assert "Try again later" in explainer.get("/analyze").text
        site_of(explainer).keeper.sweep(now=LATER)
        made(explainer, studio.photo(1))
        site_of(explainer).keeper.sweep(now=LATER)
