"""Answers made before: equal questions cost one answer, others get theirs."""

import gzip
from pathlib import Path

import brotli
import pytest
from starlette.testclient import TestClient

from app import urls
from app.kept import Kept, KeptAnswer, is_keepable
from app.main import make_app
from app.site import Site
from tests.app.test_caching import PAGES, Counter, counter  # noqa: F401 a fixture
from tests.factories import make_store

GRID = "/d/tiny-topk/c?sort=-density"


def _asked(client: TestClient, address: str, coding: str = "br", method: str = "GET") -> tuple[dict[str, str], bytes]:
    with client.stream(method, address, headers={"accept-encoding": coding}) as answer:
        raw = b"".join(answer.iter_raw())
    passing = {"x-request-id", "server-timing", "ratelimit", "ratelimit-policy"}
    return {name: value for name, value in answer.headers.items() if name not in passing}, raw


@pytest.mark.parametrize("address", [*PAGES, "/api/v1/dictionaries/tiny-topk/concepts?sort=-density"])
def test_the_second_answer_is_the_first_and_reads_nothing(
    client: TestClient,
    site: Site,
    counter: Counter,  # noqa: F811
    address: str,
) -> None:
    first, found, queries = _asked(client, address), site.kept.n_found, counter.n_duck
    again = _asked(client, address)
    assert again == first
    assert site.kept.n_found == found + 1
    assert counter.n_duck == queries


def test_each_coding_is_kept_by_itself(client: TestClient) -> None:
    address = "/d/tiny-topk/c?sort=-density&limit=48"
    for _ in range(2):
        texts = [
            brotli.decompress(_asked(client, address, "br")[1]),
            gzip.decompress(_asked(client, address, "gzip")[1]),
            _asked(client, address, "identity")[1],
        ]
        assert len(set(texts)) == 1
        assert b"</html>" in texts[0]


def test_head_has_no_body(client: TestClient) -> None:
    headers, _ = _asked(client, GRID)
    assert _asked(client, GRID, method="HEAD") == (headers, b"")


def test_other_links_other_answer(client: TestClient) -> None:
    here = client.get(GRID).text
    there = client.get(GRID, headers={"host": "127.0.0.1:1234"}).text
    assert "127.0.0.1:1234" in there
    assert "127.0.0.1:1234" not in here


def test_a_new_label_shows_at_once(tmp_path: Path) -> None:
    page = "/d/tiny-topk/c/6"
    with TestClient(make_app(make_store(tmp_path))) as alone:
        for _ in range(2):
            assert "fin of a shark" not in alone.get(page).text
        made = alone.post(urls.api_concept("tiny-topk", 6, part="labels"), json={"text": "fin of a shark"})
        assert made.status_code == 201
        assert "fin of a shark" in alone.get(page).text


def test_what_is_private_or_wrong_is_not_kept(client: TestClient, site: Site) -> None:
    before = site.kept.n_bytes
    for address in ("/login", "/api/v1/access", "/d/none", "/d/tiny-topk/c?nonsense=1", "/d/tiny-topk/random"):
        client.get(address, follow_redirects=False)
    assert site.kept.n_bytes == before


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {"etag": '"a"', "content-type": "text/html", "cache-control": "no-cache"}, True),
        (200, {"etag": '"a"', "content-type": "application/json", "cache-control": "public, max-age=300"}, True),
        (404, {"etag": '"a"', "content-type": "text/html"}, False),
        (200, {"content-type": "text/html"}, False),
        (200, {"etag": '"a"', "content-type": "text/html", "cache-control": "no-store, private"}, False),
        (200, {"etag": '"a"', "content-type": "text/html", "set-cookie": "a=b"}, False),
        (200, {"etag": '"a"', "content-type": "image/webp"}, False),
        (200, {"etag": '"a"', "content-type": "text/css", "cache-control": "immutable"}, False),
    ],
)
def test_what_is_keepable(status: int, headers: dict[str, str], *, expected: bool) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert is_keepable({"type": "http.response.start", "status": status, "headers": raw}) is expected


def test_an_answer_larger_than_its_share_is_not_kept() -> None:
    kept = Kept(most_bytes=320_000)
    for size in (20_000, 2000):
        kept.keep(KeptAnswer(((b"etag", b'"a"'),), bytes(size)))
    assert 2000 < kept.n_bytes < 10_000
