"""Visitors' photos: a real encoder process on tiny models, the web program, and nothing left of a photo afterwards."""

import asyncio
import io
import json
import logging
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.encoder import Encoder
from app.main import make_app
from app.site import Site
from store.encoding.contract import KnownPhoto
from store.encoding.refusals import PhotoGone
from store.settings import Settings
from tests.encoding import Running, Studio, encoding, make_studio
from tests.worker.images.photos import draw

API = "/api/v1/analyses"
LATER = datetime.now(UTC) + timedelta(hours=25)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return make_studio(tmp_path_factory.mktemp("analyses"))


@pytest.fixture(scope="module")
def running(studio: Studio) -> Iterator[Running]:
    with encoding(studio.settings.store, weights=[studio.inputs.weights], upload_pixels=1_000_000) as one:
        yield one


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[TestClient]:
    with TestClient(make_app(running.settings.model_copy(update={"upload_bytes": 2_000_000}))) as client:
        yield client


@pytest.fixture
def alone(studio: Studio) -> Iterator[TestClient]:
    """The web program where no encoder answers."""
    settings = Settings(store=studio.settings.store, encoder_secret="x" * 20, encoder_port=9)
    with TestClient(make_app(settings)) as client:
        yield client


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


def test_a_photo_of_the_collection_gives_what_its_atlas_has(client: TestClient, studio: Studio) -> None:
    public_id = made(client, studio.photo(3))
    view = seen(client, public_id)
    [one] = view["dictionaries"]
    image = studio.collection.images[3].id
    with site_of(client).opened(site_of(client).roster.get("small")) as opened:
        rows = opened.atlas.image_concepts(image)
        concepts, codes = opened.atlas.patch_codes(image)
    found = {active["concept"]["id"]: active for active in one["concepts"]}
    assert rows
    for row in rows:
        active = found[row["concept"]]
        assert active["peak"] == pytest.approx(row["peak"], rel=1e-3)
        assert active["pooled"] == pytest.approx(row["pooled"], rel=1e-3)
        assert (active["row"], active["col"]) == (row["row"], row["col"])
    patches = one["patches"]
    index = np.array(patches["index"]).reshape(concepts.shape[0], concepts.shape[1], patches["n_top"])
    strongest = np.array(patches["concepts"])[index[..., 0]]
    fires = codes[..., 0] > 0
    assert (strongest[fires] == concepts[..., 0][fires]).all()
    assert one["nearest"][0]["image"]["id"] == image
    assert one["nearest"][0]["likeness"] == pytest.approx(1, abs=1e-3)


def test_the_order_is_what_it_says_and_the_terms_add_up(client: TestClient, studio: Studio) -> None:
    public_id = made(client, studio.photo(2))
    for sort in ("pooled", "peak", "surprise", "contribution"):
        [one] = seen(client, public_id, f"?sort={sort}")["dictionaries"]
        values = [active[sort] for active in one["concepts"]]
        assert values == sorted(values, reverse=True)
    effects = one["effects"]
    total = effects["bias"] + effects["residual"] + effects["gap"] + sum(a["contribution"] for a in one["concepts"])
    assert total == pytest.approx(effects["score"], rel=1e-4, abs=1e-5)
    assert sum(term["value"] for term in effects["terms"][:-1]) == pytest.approx(effects["score"], rel=1e-4, abs=1e-5)
    assert effects["terms"][-1]["kind"] == "score"
    assert effects["target"] == effects["classes"][0]["name"] == one["sights"][0]["predicted"][0]["name"]


def test_patches_for_the_page_are_small(client: TestClient, studio: Studio) -> None:
    [one] = seen(client, made(client, studio.photo(1)))["dictionaries"]
    assert len(json.dumps(one["patches"], separators=(",", ":"))) <= 20_000


def test_maps_are_the_codes(client: TestClient, studio: Studio) -> None:
    public_id = made(client, studio.photo(4))
    [one] = seen(client, public_id)["dictionaries"]
    for active in one["concepts"]:
        address = f"{API}/{public_id}/maps/small/{active['concept']['id']}"
        codes = np.load(io.BytesIO(client.get(f"{address}.npy").content))
        assert codes.shape == (one["rows"], one["cols"])
        assert codes.mean() == pytest.approx(active["pooled"], rel=1e-5)
        assert codes.max() == pytest.approx(active["peak"], rel=1e-6)
        assert np.unravel_index(codes.argmax(), codes.shape) == (active["row"], active["col"])
        picture = client.get(f"{address}.png")
        assert picture.headers["cache-control"] == "no-store, private"
        shades = np.asarray(Image.open(io.BytesIO(picture.content)))
        assert (shades == np.rint(codes / codes.max() * 255)).all()
    assert client.get(f"{API}/{public_id}/maps/small/24.png").status_code == 404
    assert client.get(f"{API}/{public_id}/maps/joined/1.png").status_code == 404


def test_the_page_shows_what_the_api_says(client: TestClient, studio: Studio) -> None:
    public_id = made(client, studio.photo(5))
    [one] = seen(client, public_id, "?sort=peak")["dictionaries"]
    concept, place = one["concepts"][0]["concept"]["id"], one["concepts"][0]
    query = f"sort=peak&concept={concept}&edits={concept}_ablate"
    page = client.get(f"/a/{public_id}?{query}")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store, private"
    text = page.text
    ids = [int(k) for k in re.findall(r'<li data-concept="(\d+)"', text)]
    assert ids == [active["concept"]["id"] for active in one["concepts"]]
    script = re.search(r'id="patches">(.*?)</script>', text, re.S)
    assert script
    told = json.loads(script[1])
    assert {name: told[name] for name in ("rows", "cols", "n_top", "concepts", "index", "values")} == {
        name: one["patches"][name] for name in ("rows", "cols", "n_top", "concepts", "index", "values")
    }
    [edited] = seen(client, public_id, f"?{query}")["dictionaries"]
    assert edited["heat"]["concept"]["id"] == concept
    assert edited["edit"] == try_edits(client, public_id, f"{concept}_ablate")
    assert f'data-text="{concept}_ablate"' in text
    for classes in (edited["effects"]["classes"], edited["edit"]["classes"]):
        assert all(row["name"] in text for row in classes)
    twin = client.get(f"/a/{public_id}.json?{query}", follow_redirects=False)
    assert twin.status_code == 308
    assert client.get(twin.headers["location"]).json()["data"]["dictionaries"] == [edited]
    patch = client.get(f"/a/{public_id}?patch={place['row']},{place['col']}").text
    assert f"Row {place['row'] + 1}, column {place['col'] + 1}" in patch


def test_edits_of_nothing_change_nothing_and_ablating_changes_something(client: TestClient, studio: Studio) -> None:
    public_id = made(client, studio.photo(6))
    [one] = seen(client, public_id)["dictionaries"]
    concept = one["concepts"][0]["concept"]["id"]
    same = try_edits(client, public_id, f"{concept}_scale_1")
    for row in same["classes"]:
        assert row["other"] == pytest.approx(row["probability"], abs=1e-5)
    gone = try_edits(client, public_id, f"{concept}_ablate")
    assert gone["size"] > 0
    assert gone["before"] == pytest.approx(same["before"], abs=1e-9)
    assert gone["after"] != pytest.approx(gone["before"], abs=1e-6)
    assert [control["kind"] for control in gone["controls"]] == ["alike", "elsewhere"]
    assert gone["controls"][1]["n_draws"] == 16
    assert gone["controls"][1]["least"] <= gone["controls"][1]["change"] <= gone["controls"][1]["most"]
    listed = try_edits(client, public_id, [{"concept": concept, "operation": "ablate"}])
    assert listed == gone
    here = try_edits(client, public_id, f"{concept}_ablate_0")
    assert here["size"] < gone["size"]


@pytest.mark.parametrize("edits", ["12", "99_ablate", "3_ablate_99", "1_scale_-1", "3_ablate~3_scale_2"])
def test_bad_edits_are_told_in_words(client: TestClient, studio: Studio, edits: str) -> None:
    public_id = made(client, studio.photo(6))
    for response in (
        client.post(f"{API}/{public_id}/edits", json={"edits": edits}),
        client.get(f"{API}/{public_id}?edits={edits}"),
    ):
        assert response.status_code == 400, response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert "dit" in response.json()["detail"]
    assert client.get(f"/a/{public_id}?edits={edits}").status_code == 400


def test_edits_are_the_same_after_the_encoder_has_forgotten_the_photo(
    client: TestClient, running: Running, studio: Studio
) -> None:
    public_id = made(client, photo_of(700, 1400))
    concept = seen(client, public_id)["dictionaries"][0]["concepts"][0]["concept"]["id"]
    before = try_edits(client, public_id, f"{concept}_ablate")
    sha256 = site_of(client).keeper.get(public_id).result.photo.sha256
    ask(running, lambda encoder: encoder.forget(sha256))
    assert try_edits(client, public_id, f"{concept}_ablate") == before


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


def test_forms_without_script(client: TestClient, studio: Studio) -> None:
    files = {"file": ("a.jpg", studio.photo(1), "image/jpeg")}
    sent = client.post("/analyze", files=files, data={"dictionary": "small"}, follow_redirects=False)
    assert sent.status_code == 303
    address = sent.headers["location"]
    public_id = address.rpartition("/")[2]
    concept = seen(client, public_id)["dictionaries"][0]["concepts"][0]["concept"]["id"]
    fields = {"edit.0": f"{concept}_ablate", "factor.0": "0.5", "d": "small"}
    tried = client.post(f"{address}/edits", data=fields, follow_redirects=False)
    assert tried.status_code == 303
    assert f"edits={concept}_scale_0.5" in tried.headers["location"]
    assert client.get(tried.headers["location"]).status_code == 200
    gone = client.post(f"{address}/delete", follow_redirects=False)
    assert gone.status_code == 303
    assert "are deleted" in client.get(gone.headers["location"]).text
    assert client.get(address).status_code == 404


def test_an_image_of_the_collection_is_explained_as_it_is(client: TestClient, studio: Studio) -> None:
    image = studio.collection.images[4].id
    [one] = seen(client, made(client, studio.photo(4)))["dictionaries"]
    for named in (image, "4"):
        response = client.post(API, json={"image": named, "dictionaries": ["small"]})
        assert response.status_code == 201, response.text
        view = seen(client, response.json()["data"]["id"])
        assert view["photo"]["image"] == image
        assert view["dictionaries"][0]["concepts"] == one["concepts"]
    form = {"dictionary": (None, "small"), "image": (None, image)}
    assert client.post("/analyze", files=form, follow_redirects=False).status_code == 303
    for body, status in (
        ({"image": "0" * 16, "dictionaries": ["small"]}, 404),
        ({"image": "99", "dictionaries": ["small"]}, 404),
        ({"image": "what", "dictionaries": ["small"]}, 400),
        ({"image": image, "collection": "nothing", "dictionaries": ["small"]}, 404),
        ({"image": image}, 400),
        ({"image": image, "dictionaries": ["small"], "more": 1}, 400),
    ):
        assert client.post(API, json=body).status_code == status


def test_several_dictionaries_universal_ones_too(client: TestClient, studio: Studio) -> None:
    public_id = made(client, studio.photo(0), "small", "joined")
    one, other = seen(client, public_id)["dictionaries"]
    assert (one["dictionary"], other["dictionary"]) == ("small", "joined")
    assert len(other["sights"]) == 2
    assert "Several models" in other["effects"]["missing"]
    assert all(active["contribution"] is None for active in other["concepts"])
    for query in ("", "?d=joined", "?beside=1", "?d=joined&sort=surprise&edits=1_ablate"):
        assert client.get(f"/a/{public_id}{query}").status_code == 200, query
    assert client.get(f"/a/{public_id}?d=other").status_code == 404
    assert seen(client, public_id, "?dictionary=joined")["dictionaries"] == [other]


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
def test_bad_files_are_refused_in_words(client: TestClient, what: str, content: bytes, status: int) -> None:
    response = send(client, content)
    assert response.status_code == status, (what, response.text)
    assert response.headers["content-type"] == "application/problem+json"
    assert "holiday" not in response.text
    files = {"file": ("holiday.jpg", content, "image/jpeg")}
    page = client.post("/analyze", files=files, data={"dictionary": "small"})
    assert page.status_code == status
    assert 'role="alert"' in page.text
    assert response.json()["detail"][:30] in page.text or not content


def test_bad_requests_are_refused_in_words(client: TestClient, studio: Studio) -> None:
    photo = studio.photo(0)
    assert send(client, photo, "nowhere").status_code == 404
    assert send(client, photo, "a", "b", "c", "d", "e").status_code == 400
    assert client.post(API, files={"file": ("a", photo)}).status_code == 400
    assert client.post(API, data={"dictionary": "small"}).status_code == 400
    assert client.post(API, content=b"{", headers={"content-type": "application/json"}).status_code == 400
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post(API, content=b"--y\r\nnothing", headers=broken).status_code == 400
    assert client.post(f"{API}?x=1", json={}).status_code == 400


def test_other_sites_may_not_ask(client: TestClient, studio: Studio) -> None:
    public_id, headers = made(client, studio.photo(0)), {"Sec-Fetch-Site": "cross-site"}
    assert send(client, studio.photo(0), headers=headers).status_code == 403
    for method, path in (
        ("POST", "/analyze"),
        ("POST", f"/a/{public_id}/delete"),
        ("POST", f"/a/{public_id}/edits"),
        ("POST", f"{API}/{public_id}/edits"),
        ("DELETE", f"{API}/{public_id}"),
    ):
        assert client.request(method, path, headers=headers).status_code == 403
    assert seen(client, public_id)


def test_nothing_of_a_photo_but_its_pixels_is_kept_or_told(
    client: TestClient, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    exif = Image.Exif()
    exif[0x010E] = "where the treasure lies"
    exif[0x0112] = 6
    photo = photo_of(700, 1400, exif=exif, comment=b"where the treasure lies")
    assert b"treasure" in photo
    public_id = str(send(client, photo, name="treasure-map.jpg").json()["data"]["id"])
    folder = folder_of(client, public_id)
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    answer = client.get(f"{API}/{public_id}/photo.webp")
    assert answer.headers["cache-control"] == "no-store, private"
    kept = Image.open(io.BytesIO(answer.content))
    assert kept.format == "WEBP"
    assert kept.size == (512, 1024)  # turned upright, and smaller
    assert not kept.getexif()
    assert set(kept.info) <= {"loop", "background", "timestamp", "duration"}
    for path in site_of(client).settings.store.rglob("*"):
        if path.is_file():
            assert b"treasure" not in path.read_bytes(), path
    client.get(f"{API}/{public_id}/maps/nothing/1.png")
    client.get(f"/a/{public_id}?edits=9999_ablate")
    told = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]  # ours
    assert not [line for line in told if public_id in line or "treasure" in line]
    assert running.process.poll() is None


def test_wrong_ids_are_all_alike(client: TestClient, studio: Studio) -> None:
    public_id = made(client, studio.photo(0))
    wrong = ("0" * 40, public_id[:-1], public_id.upper(), f"{public_id}0", "..%2fcatalog.sqlite", "x")
    details = set()
    for name in wrong:
        for path in (f"{API}/{name}", f"{API}/{name}/photo.webp", f"{API}/{name}/maps/small/1.png"):
            response = client.get(path)
            assert response.status_code == 404
            if "%2f" not in name:
                details.add(response.json()["detail"])
        assert client.get(f"/a/{name}").status_code == 404
        assert client.delete(f"{API}/{name}").status_code == 404
        assert client.post(f"{API}/{name}/edits", json={"edits": ""}).status_code == 404
    assert len(details) == 1
    assert public_id not in client.get("/analyze").text
    assert client.get(API).status_code == 405


def test_deleting_leaves_nothing(client: TestClient, running: Running, studio: Studio) -> None:
    site = site_of(client)
    public_id = made(client, photo_of(200, 320))
    sha256 = site.keeper.get(public_id).result.photo.sha256
    assert client.delete(f"{API}/{public_id}").status_code == 204
    for path in (f"{API}/{public_id}", f"/a/{public_id}", f"{API}/{public_id}/photo.webp"):
        assert client.get(path).status_code == 404
    assert client.delete(f"{API}/{public_id}").status_code == 404
    assert not folder_of(client, public_id).exists()

    async def gone(encoder: Encoder) -> None:
        with pytest.raises(PhotoGone):
            await encoder.encode(KnownPhoto(sha256=sha256), [studio.digest])

    ask(running, gone)


def test_what_has_expired_is_gone_at_once_and_swept_later(client: TestClient, studio: Studio) -> None:
    keeper = site_of(client).keeper
    public_id = made(client, studio.photo(0))
    assert keeper.get(public_id)
    with pytest.raises(Exception, match="its time was over"):
        keeper.get(public_id, now=LATER)
    assert keeper.n_expired() == 0
    n = keeper.n_expired(now=LATER)
    assert n > 0
    assert keeper.sweep(now=LATER) == n
    assert list(keeper.files.ids()) == []
    assert client.get(f"/a/{public_id}").status_code == 404


def test_no_encoder_and_everything_else_works(client: TestClient, alone: TestClient, studio: Studio) -> None:
    public_id = made(client, studio.photo(0))
    concept = seen(client, public_id)["dictionaries"][0]["concepts"][0]["concept"]["id"]
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


def test_no_more_is_kept_than_may_be(running: Running, studio: Studio) -> None:
    settings = running.settings.model_copy(update={"analyses_max": 1})
    with TestClient(make_app(settings)) as client:
        site_of(client).keeper.sweep(now=LATER)
        made(client, studio.photo(0))
        full = send(client, studio.photo(1))
        assert full.status_code == 503
        assert "Try again later" in full.json()["detail"]
        assert "Try again later" in client.get("/analyze").text
        site_of(client).keeper.sweep(now=LATER)
        made(client, studio.photo(1))
        site_of(client).keeper.sweep(now=LATER)
