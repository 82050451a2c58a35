"""Settings: the name for labels is a cookie, all else stays in the browser."""

from pathlib import Path

from starlette.testclient import TestClient

from store.settings import Settings
from tests.app.annotating import copied, get


def test_a_name_is_kept_and_forgotten(settings: Settings, tmp_path: Path) -> None:
    with copied(settings, tmp_path) as client:
        kept = client.post("/settings", data={"author": "Ann Ömer"})
        assert (kept.status_code, kept.headers["location"]) == (303, "/settings?kept=1")
        assert 'value="Ann Ömer"' in client.get("/settings").text
        client.post("/d/tiny-topk/c/5/labels", data={"text": "fin"})
        assert get(client, "/api/v1/dictionaries/tiny-topk/concepts/5/labels")[0]["author"] == "Ann Ömer"
        assert client.post("/settings", data={"author": "x" * 99}).status_code == 400
        client.post("/settings", data={"author": " "})
        assert 'name="author" value=""' in client.get("/settings").text


def test_where_nobody_may_write_no_name_is_asked(settings: Settings, tmp_path: Path) -> None:
    with copied(settings, tmp_path, annotate=False) as client:
        assert 'name="author"' not in client.get("/settings").text
        assert client.post("/settings", data={"author": "ann"}).status_code == 403


def test_contrast_has_one_copy_of_its_rules(client: TestClient) -> None:
    page = client.get("/").text
    assert page.index('id="contrast" media="(prefers-contrast: more)"') < page.index("js/first.js")
