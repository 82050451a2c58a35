"""Stores that are empty, damaged, without classes, or changing."""

import hashlib
from pathlib import Path

import duckdb
import pytest
from starlette.testclient import TestClient

from app.main import make_app
from store.artifacts import Artifacts
from store.atlas.schema import FILE
from store.catalog.dictionaries import get_dictionary, switch_atlas
from store.catalog.session import Catalog
from store.settings import Settings
from store.vocabulary import Kind
from tests.factories import SHOWN, make_store


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    with TestClient(make_app(Settings(store=tmp_path / "new"))) as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/v1").json()["data"]["n_dictionaries"] == 0
        problem = client.get("/api/v1/dictionaries/any").json()
        assert "conceptoscope demo" in problem["detail"]


def test_photos_without_classes_can_be_shown(tmp_path: Path) -> None:
    settings = make_store(tmp_path, n_images=8, shown=SHOWN[:1], with_classes=False)
    with TestClient(make_app(settings)) as client:
        concept = client.get("/api/v1/dictionaries/tiny-topk/concepts/6").json()["data"]
        assert (concept["classes"], concept["card"]["top_class"]) == ([], None)
        for page in ("/", "/d/tiny-topk", "/d/tiny-topk/c", "/d/tiny-topk/c/6", "/d/tiny-topk/i"):
            assert client.get(page).status_code == 200


def test_a_damaged_atlas_is_named_and_the_others_still_show(tmp_path: Path) -> None:
    settings = make_store(tmp_path, n_images=8, shown=SHOWN[:2])
    with TestClient(make_app(settings)) as client:
        broken = client.get("/api/v1/dictionaries/tiny-topk/concepts").json()["meta"]["digest"].removeprefix("sha256:")
    path = Artifacts(tmp_path).get(Kind.ATLAS, broken).path / FILE
    with path.open("r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    with TestClient(make_app(settings)) as client:
        answer = client.get("/api/v1/dictionaries/tiny-topk")
        assert answer.status_code == 503
        assert "sha256" in answer.json()["detail"]
        assert client.get("/api/v1/dictionaries/tiny-archetypal").status_code == 200
        service = client.get("/api/v1").json()["data"]
        assert len(service["broken"]) == 1
        assert [d["slug"] for model in service["models"] for d in model["dictionaries"]] == ["tiny-archetypal"]
        assert client.get("/").status_code == 200


@pytest.mark.parametrize(("version", "remedy"), [(99, "upgrade"), (1, "index its dictionary again")])
def test_an_atlas_of_another_schema_is_told(tmp_path: Path, version: int, remedy: str) -> None:
    settings = make_store(tmp_path, n_images=8, shown=SHOWN[:1])
    artifact = Artifacts(tmp_path).list(Kind.ATLAS)[0]
    with duckdb.connect(str(artifact.path / FILE)) as connection:
        connection.execute("UPDATE schema_version SET version = ?", [version])
    manifest = artifact.path / "manifest.json"
    digest = hashlib.sha256((artifact.path / FILE).read_bytes()).hexdigest()
    manifest.write_text(manifest.read_text().replace(artifact.manifest.files[FILE].sha256, digest))
    with TestClient(make_app(settings)) as client:
        answer = client.get("/api/v1/dictionaries/tiny-topk")
        home = client.get("/")
    assert answer.status_code == 503
    assert remedy in answer.json()["detail"]
    assert (home.status_code, remedy in home.text) == (200, True)


def test_a_new_build_is_shown_as_soon_as_the_catalog_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.roster.FRESH_FOR_S", 0.0)
    settings = make_store(tmp_path, n_images=8, shown=SHOWN[:2])
    catalog = Catalog(settings.catalog_url)
    with TestClient(make_app(settings)) as client:
        url = "/api/v1/dictionaries/tiny-topk/concepts"
        before = client.get(url)
        with catalog.session() as session:
            other = get_dictionary(session, "tiny-archetypal").atlas
            assert other is not None
            switch_atlas(session, get_dictionary(session, "tiny-topk"), digest=other.digest, headline={})
        after = client.get(url, headers={"If-None-Match": before.headers["etag"]})
        assert after.status_code == 200
        assert after.json()["meta"]["digest"] != before.json()["meta"]["digest"]
        old = before.json()["data"][0]["links"]["sprite"]
        assert client.get(old).status_code == 200  # pages that are still open keep their pictures
    catalog.close()
