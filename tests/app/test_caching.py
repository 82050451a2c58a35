"""Conditional requests, codings, HEAD: what a client has is never made again."""

import gzip
from collections.abc import Iterator
from typing import Any

import brotli
import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from app import precoded
from app.compress import choose_coding, plain_tag
from app.site import Site
from store import duck
from tests.app.test_api import ADDRESSES, D

PAGES = (
    "/",
    "/glossary",
    "/compare",
    "/align",
    "/d/tiny-topk",
    "/d/tiny-topk/c?sort=-density",
    "/d/tiny-topk/c/6?band=q95",
    "/d/tiny-topk/i",
    "/_f/d/tiny-topk/c",
    "/_f/d/tiny-topk/c/6/examples?band=q50",
)


class Counter:
    """How many queries reach the files and the catalog."""

    def __init__(self, site: Site, patch: pytest.MonkeyPatch) -> None:
        self.n_duck = self.n_sql = 0
        run = duck._reader.run

        def counted(*given: Any) -> Any:
            self.n_duck += 1
            return run(*given)

        patch.setattr(duck._reader, "run", counted)
        self._engine = site.catalog.engine
        event.listen(self._engine, "before_cursor_execute", self._note)

    def _note(self, *_: object) -> None:
        self.n_sql += 1

    def close(self) -> None:
        event.remove(self._engine, "before_cursor_execute", self._note)


@pytest.fixture
def counter(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    counter = Counter(site, monkeypatch)
    yield counter
    counter.close()


@pytest.mark.parametrize("url", [*ADDRESSES, *PAGES])
def test_a_repeated_request_asks_neither_atlas_nor_catalog(
    client: TestClient, site: Site, counter: Counter, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for reader in ("roster", "overlays"):
        monkeypatch.setattr(f"app.{reader}.FRESH_FOR_S", 60.0)  # this very second, however slow the machine
    first = client.get(url)
    etag = first.headers["etag"]
    counter.n_duck = counter.n_sql = 0
    again = client.get(url, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert (counter.n_duck, counter.n_sql) == (0, 0)
    assert again.headers["etag"] == etag
    assert again.headers["cache-control"] == first.headers["cache-control"]


def test_the_catalog_is_read_once_a_second_at_most(client: TestClient, site: Site) -> None:
    client.get(D)
    before = site.roster.n_reads
    for _ in range(20):
        client.get(D)
    assert site.roster.n_reads <= before + 1


def test_tags_are_known_in_every_form(client: TestClient) -> None:
    etag = client.get(D).headers["etag"]
    for form in (etag, f"W/{etag}", f'"a" , {etag}', f'W/"b",W/{etag}', "*", plain_tag(etag)):
        response = client.get(D, headers={"If-None-Match": form})
        assert (response.status_code, response.content) == (304, b""), form
        assert "content-type" not in response.headers
    for form in ('"other"', etag.strip('"'), "", '"*"'):
        assert client.get(D, headers={"If-None-Match": form}).status_code == 200, form


def test_a_star_is_no_answer_where_there_is_nothing(client: TestClient) -> None:
    response = client.get(f"{D}/concepts/48", headers={"If-None-Match": "*"})
    assert response.status_code == 404
    assert "0 to 47" in response.json()["detail"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{D}/concepts?limit=24&q=a", f"{D}/concepts?q=%20a&sort=-importance&cursor="),
        (f"{D}/concepts?density__gte=0.1&badge__not=dead", f"{D}/concepts?badge__not=dead&density__gte=0.1"),
        (f"{D}/concepts/6", f"{D}/concepts/6?band=top"),
        (f"{D}/images", f"{D}/images?limit=48&class="),
        ("/api/v1/compare", "/api/v1/compare?sort=-r2"),
        ("/d/tiny-topk/c", "/d/tiny-topk/c?sort=-importance&heat=off&show=density,importance"),
    ],
)
def test_equal_views_share_tag_and_bytes(client: TestClient, one: str, other: str) -> None:
    first, second = client.get(one), client.get(other)
    assert first.headers["etag"] == second.headers["etag"]
    assert first.content == second.content


@pytest.mark.parametrize("query", ["q=b", "limit=5", "sort=-density", "density__gt=0.1", "fields=id", "cursor=x"])
def test_other_views_have_other_tags(client: TestClient, query: str) -> None:
    etag = client.get(f"{D}/concepts").headers["etag"]
    assert client.get(f"{D}/concepts?{query}").headers.get("etag") != etag


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br;q=0.1,gzip;q=1", "gzip"),
        ("gzip;q=0.8, *;q=0.8", "br"),
        ("*", "br"),
        ("*;q=0", ""),
        ("identity", ""),
        ("", ""),
        ("br;q=x", ""),
    ],
)
def test_the_best_coding_that_is_taken(accepted: str, coding: str) -> None:
    assert choose_coding(accepted) == coding


@pytest.mark.parametrize("coding", ["br", "gzip", ""])
def test_every_coding_says_the_same_under_its_own_tag(client: TestClient, coding: str) -> None:
    plain = client.get(f"{D}/concepts", headers={"Accept-Encoding": "identity"})
    with client.stream("GET", f"{D}/concepts", headers={"Accept-Encoding": coding or "identity"}) as response:
        raw = b"".join(response.iter_raw())
    assert response.headers.get("content-encoding", "") == coding
    assert response.headers["vary"] == "Accept, Accept-Encoding"
    assert int(response.headers["content-length"]) == len(raw)
    decoded = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}[coding](raw)
    assert decoded == plain.content
    assert plain_tag(response.headers["etag"]) == plain.headers["etag"]
    assert (response.headers["etag"] == plain.headers["etag"]) == (not coding)


def test_short_answers_and_pictures_are_sent_as_they_are(client: TestClient) -> None:
    health = client.get("/healthz", headers={"Accept-Encoding": "br"})
    assert "content-encoding" not in health.headers
    picture = client.get(f"{D}/concepts/6/examples/0/heat.npy", headers={"Accept-Encoding": "br"})
    assert "content-encoding" not in picture.headers
    assert "vary" not in picture.headers


def test_static_files_are_compressed_once(client: TestClient, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(name for name in site.static.names if name.endswith(".css"))
    url = site.static.url(name)
    plain = client.get(url, headers={"Accept-Encoding": "identity"})
    first = client.get(url, headers={"Accept-Encoding": "br"})
    monkeypatch.setattr(precoded.brotli, "compress", None)
    again = client.get(url, headers={"Accept-Encoding": "gzip, br"})
    assert first.headers["content-encoding"] == again.headers["content-encoding"] == "br"
    assert first.content == again.content == plain.content
    assert again.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert again.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert client.get(url, headers={"If-None-Match": first.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("url", [*ADDRESSES, *PAGES, f"{D}/concepts/6/examples/0/heat.png", "/d/tiny-topk.json"])
def test_head_everywhere(client: TestClient, url: str) -> None:
    head, get = (client.request(method, url, follow_redirects=False) for method in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("etag", "content-type", "content-length", "cache-control", "vary", "location"):
        assert head.headers.get(name) == get.headers.get(name), name
