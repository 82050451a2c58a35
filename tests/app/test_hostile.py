"""Requests that mean no good, to every operation and page: refused in words, nothing lost, nobody let in.

``test_sockets.py`` has those that need a real connection.
"""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from app.bodies import JSON_DEPTH, check_json, depth_of
from app.pages import routers as page_routers
from store.catalog.session import Catalog
from store.settings import Settings
from store.vocabulary import JobState
from tests.app.jobs import states

D: Final = "/api/v1/dictionaries/tiny-topk"
JOBS: Final = "/api/v1/jobs"
GOOD: Final = {"slug": "tiny-topk", "index": "6", "concept": "6", "rank": "0", "job_id": "1", "kind": "index"}
IDS: Final = {
    "NUL": "a%00b",
    "line ends": "a%0d%0aSet-Cookie:%20evil=1",
    "C1 and line separators": "a%c2%85b%e2%80%a8c",
    "dots": "..%2f..%2f..%2fetc%2fpasswd",
    "encoded dots": "%2e%2e%2f%2e%2e%2fcatalog",
    "backslashes": "..%5c..%5cwindows",
    "no UTF-8": "%ff%fe%c0%af",
    "wide": quote("\U0001f600\u202e\u0301\u212a"),
    "long": "x" * 4000,
    "SQL": quote("' OR 1=1; DROP TABLE job; --"),
    "huge": "9" * 400,
    "negative": "-1",
    "no number": "NaN",
    "template": quote("{{7*7}}${7*7}<script>alert(1)</script>"),
    "other digits": quote("\u0663\u0661"),
}
VALUES: Final = [
    "' OR '1'='1",
    "1; DROP TABLE concept",
    'x" UNION SELECT * FROM meta --',
    "a\r\nSet-Cookie: evil=1",
    "\U0001f600\u202e",
    "9" * 400,
    "9" * 5000,
    "-9e999",
    "NaN",
    "<script>alert(1)</script>",
    "%00",
    "../../etc/passwd",
    "x" * 4000,
]
SIGNS: Final = re.compile(r"Traceback|File \"/|sqlite3?\.|psycopg|duckdb\.|sqlalchemy|site-packages", re.IGNORECASE)


class Errors(logging.Handler):
    """What was logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture(autouse=True)
def nothing_goes_wrong() -> Iterator[None]:
    """None of all this is a fault of ours."""
    handler = Errors()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    assert handler.texts == []


@pytest.fixture(scope="module")
def operations(client: TestClient) -> list[tuple[str, str, dict[str, Any]]]:
    description = client.get("/api/v1/openapi.json").json()
    shared = description["components"]["parameters"]
    every = [(method, path, told) for path, those in description["paths"].items() for method, told in those.items()]
    for _, _, told in every:
        given = told.get("parameters", [])
        told["parameters"] = [shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in given]
    return every


def check(response: Any, settings: Settings, *, refused: bool = True) -> None:
    """A refusal in words, as a problem document where a program asked."""
    told = f"{response.request.method} {str(response.request.url)[:200]}: {response.status_code}"
    assert response.status_code < 500 or response.status_code == 503, told
    if refused:
        assert response.status_code >= 400, told
    assert "evil" not in response.headers.get("set-cookie", ""), told
    assert "evil" not in response.headers, told
    if response.status_code >= 400 and response.headers["content-type"] == "application/problem+json":
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["request_id"] == response.headers["x-request-id"]
        assert len(problem["detail"]) > 9
    assert not SIGNS.search(response.text), told
    assert str(settings.store) not in response.text, told
    assert "<script>alert" not in response.text or "json" in response.headers["content-type"], told


def filled(path: str, name: str, value: str) -> str:
    """The path with a value in one place and good ones in the others."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: value if found[1] == name else GOOD.get(found[1], "x"), path)


@pytest.mark.slow
def test_ids_of_the_api(client: TestClient, settings: Settings, operations: list[tuple[str, str, Any]]) -> None:
    n = 0
    for method, path, _ in operations:
        for name in re.findall(r"\{(\w+)", path):
            for value in IDS.values():
                response = client.request(method, filled(path, name, value), follow_redirects=False)
                check(response, settings, refused=name not in ("band", "format"))
                assert response.headers["content-type"] == "application/problem+json" or response.status_code < 400
                n += 1
    assert n > 400


@pytest.mark.slow
def test_ids_of_pages(client: TestClient, settings: Settings) -> None:
    routes = [r for router in page_routers for r in router.routes if isinstance(r, APIRoute) and "{" in r.path]
    for route in routes:
        for name in re.findall(r"\{(\w+)", route.path):
            for value in IDS.values():
                for method in sorted(route.methods or ()):
                    address = filled(route.path, name, value)
                    leads = route.path.endswith(".json") or "form" in route.path
                    check(client.request(method, address, follow_redirects=False), settings, refused=not leads)


@pytest.mark.slow
def test_values_of_every_parameter(
    client: TestClient, settings: Settings, operations: list[tuple[str, str, Any]]
) -> None:
    for method, path, told in operations:
        names = [one["name"] for one in told.get("parameters", []) if one["in"] == "query"]
        some = names[:6] + names[6::9]  # the grammar's many columns are read by one function
        for name in some:
            for value in VALUES:
                response = client.request(method, filled(path, "", ""), params={name: value})
                check(response, settings, refused=False)


def test_no_value_lets_more_through(client: TestClient) -> None:
    everything = client.get(f"{D}/concepts").json()["page"]["total"]
    for name in ("label__contains", "class", "label", "q", "badge"):
        for value in ("' OR '1'='1", "%' OR 1=1 --", "x' OR 'x' LIKE '%"):
            response = client.get(f"{D}/concepts", params={name: value})
            found = response.json()["page"]["total"] if response.status_code == 200 else 0
            assert found == 0 < everything


@pytest.mark.slow
def test_parameters_that_are_given_twice_or_unknown(
    client: TestClient, settings: Settings, operations: list[tuple[str, str, Any]]
) -> None:
    for method, path, told in operations:
        if method != "get" or path.endswith(("events", ".png", ".npy", "photo.webp", "/heat.{format}")):
            continue
        address = filled(path, "", "")
        for query in ("colour=red", "colour", "&&=", "a=1&a=2", "%ff=%ff", "q[]=1"):
            response = client.get(f"{address}?{query}")
            if path.startswith("/api/v1") and query not in ("&&=", "colour") and "openapi" not in path:
                check(response, settings)
        for one in told.get("parameters", [])[:8]:
            if one["in"] == "query" and one["name"] not in ("class", "badge"):
                response = client.get(f"{address}?{one['name']}=1&{one['name']}=1")
                check(response, settings, refused=False)
                assert response.status_code >= 400 or path.endswith(
                    ("facets", "statistics", "concepts", "map", "map.bin", "mask.bin")
                ), one["name"]


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_forged_cursors(client: TestClient, settings: Settings, cut: int) -> None:
    url = f"{D}/concepts?limit=5"
    cursor = client.get(url).json()["page"]["next"]
    good, place = client.get(url, params={"cursor": cursor}).json(), cut % len(cursor)
    other = "A" if cursor[place] != "A" else "B"
    for forged in (
        cursor[:place] + other + cursor[place + 1 :],
        cursor[:place],
        cursor + "A",
        "e30=",
        "bnVsbA==",
        "\u00e9",
    ):
        response = client.get(url, params={"cursor": forged})
        check(response, settings, refused=False)
        if response.status_code == 200:  # at best it leads to another place of the same list
            assert response.json()["page"]["total"] == good["page"]["total"]


BODIES: Final = {
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
    "deep and whole": b"[" * 40 + b"]" * 40,
    "broken": b'{"kind": "index"',
    "no UTF-8": b'{"kind": "\xff\xfe"}',
    "NUL": b'{"kind": "index", "dictionary": "a\\u0000b"}',
    "raw NUL": b'{"kind": "index", "dictionary": "a\x00b"}',
    "half a character": b'{"kind": "index", "dictionary": "\\ud800"}',
    "NaN": b'{"kind": "index", "dictionary": NaN}',
    "huge number": b'{"kind": "index", "dictionary": "a", "atlas": {"n_examples": ' + b"9" * 5000 + b"}}",
    "infinite": b'{"kind": "index", "dictionary": "a", "atlas": {"n_examples": 1e999}}',
    "null": b"null",
    "text": b'"index"',
    "list": b"[]",
    "empty": b"",
    "two": b"{}{}",
    "prototype": b'{"__proto__": {"kind": "index"}, "constructor": 1}',
    "path": b'{"kind": "index", "dictionary": "../../etc/passwd\\r\\nX: y"}',
}


@pytest.fixture
def untouched(jobs: TestClient, catalog: Catalog) -> Iterator[TestClient]:
    before: dict[JobState, int] = states(catalog)
    yield jobs
    assert states(catalog) == before, "nothing was started"


@pytest.mark.slow
def test_bodies_of_the_api(untouched: TestClient, settings: Settings, operations: list[tuple[str, str, Any]]) -> None:
    for method, path, _ in operations:
        if method not in ("post", "put", "patch", "delete"):
            continue
        for name, body in BODIES.items():
            if name == "path" and path.startswith(JOBS):
                continue  # a name like any other: the worker refuses it
            for media in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
                address = re.sub(r"\{\w+\}", "999", path)
                response = untouched.request(method, address, content=body, headers={"Content-Type": media})
                check(response, settings)


@pytest.mark.slow
def test_bodies_of_pages(untouched: TestClient, settings: Settings) -> None:
    forms = [
        b"a=%00",
        b"dictionary=a%00b&key=k",
        b"\xff\xfe=\xff",
        b"%ff%fe=%ff",
        b"&".join(b"a%d=1" % i for i in range(5000)),
        b"a=" + b"x" * 2**21,
    ]
    routes = [
        r for router in page_routers for r in router.routes if isinstance(r, APIRoute) and "POST" in (r.methods or ())
    ]
    for route in routes:
        address = re.sub(
            r"\{(\w+)\}", lambda found: GOOD.get(found[1], "x") if found[1] == "kind" else "999", route.path
        )
        for body in forms:
            for media in (
                "application/x-www-form-urlencoded",
                "multipart/form-data",
                "multipart/form-data; boundary=" + "b" * 300,
            ):
                response = untouched.post(
                    address, content=body, headers={"Content-Type": media}, follow_redirects=False
                )
                check(response, settings, refused=route.path not in ("/logout",))


@pytest.mark.parametrize(
    "media",
    ["text/plain", "", "application/xml", "application/json, text/plain", "text/html", "image/png", "x/" + "y" * 9000],
)
def test_wrong_content_types(client: TestClient, settings: Settings, media: str) -> None:
    for path in (JOBS, "/api/v1/analyses", "/jobs/new/index", "/analyze", "/login"):
        response = client.post(path, content=b'{"kind": "index"}', headers={"Content-Type": media})
        assert response.status_code == 415
        check(response, settings)


def test_bodies_that_do_not_tell_their_length(untouched: TestClient, settings: Settings) -> None:
    for path in (JOBS, "/jobs/new/index", "/login", "/api/v1/analyses", "/analyze"):
        parts = (b"x" * 2**16 for _ in range(20))
        media = {"Content-Type": "application/json" if "api" in path else "application/x-www-form-urlencoded"}
        response = untouched.post(path, content=parts, headers=media)
        assert response.status_code in ((413,) if "anal" not in path else (413, 400, 503))
        check(response, settings)


@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency-Key": "k" * 300},
        {"Idempotency-Key": " "},
        {"If-None-Match": '"' + "x" * 9000},
        {"Last-Event-ID": "9" * 400},
        {"Range": "bytes=0-1,-5,99-"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"Accept": "a/b;q=" + "9" * 900},
        {"Accept-Encoding": "gzip;q=nonsense,,,"},
        {"Cookie": "conceptoscope=" + "x" * 9000 + "; =; ;;"},
        {"Origin": "http://[::1"},
        {"Origin": "x" * 9000},
        {"Content-Length": "-1"},
    ],
)
def test_headers(client: TestClient, settings: Settings, headers: dict[str, str]) -> None:
    for path in ("/", D, "/api/v1/nowhere"):
        check(client.get(path, headers=headers), settings, refused=False)
    check(client.post(JOBS, json={"kind": "x"}, headers=headers), settings)
    check(client.post("/jobs/1/cancel", headers=headers, follow_redirects=False), settings)


def test_methods_that_nothing_answers(client: TestClient, settings: Settings) -> None:
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "OPTIONS", "PROPFIND", "X" * 200):
        response = client.request(method, "/api/v1")
        assert response.status_code == 405
        assert "GET" in response.headers["allow"]
        check(response, settings)


# How deep JSON is


def slow_depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(slow_depth, value.values()), default=0)
    return 1 + max(map(slow_depth, value), default=0) if isinstance(value, list) else 0


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text('[]{}"\\ab\n\u00e9'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\a'), inner, max_size=3),
)


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *texts_of(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


@given(JSON, st.booleans())
def test_the_depth_is_that_of_the_value(value: Any, ascii_only: bool) -> None:
    assert depth_of(json.dumps(value, ensure_ascii=ascii_only).encode()) == slow_depth(value)


@given(st.lists(st.text('\0\ud83d\ude00\udfff\\u0d8"a\u00e9\U0001f600', max_size=8), max_size=3))
def test_what_is_no_text_is_found_in_texts(value: list[str]) -> None:
    written = json.dumps(value)
    meant = list(texts_of(json.loads(written)))
    bad = any("\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text) for text in meant)
    try:
        check_json(written.encode())
        assert not bad
    except HTTPException:
        assert bad


@pytest.mark.parametrize(
    "text", [b'"' + b'\\"' * 300_000 + b"\\", b'"\\' * 300_000, b"[]" * 400_000, b'"a",' * 200_000, b"\\" * 900_000]
)
def test_finding_the_depth_takes_no_longer_for_bad_texts(text: bytes) -> None:
    import time

    begin = time.process_time()
    assert depth_of(text) <= 1
    check_json(text)
    assert time.process_time() - begin < 1


def test_what_our_own_specs_need_is_let_through() -> None:
    assert depth_of(b'{"a": [' * (JSON_DEPTH // 2) + b"]}" * (JSON_DEPTH // 2)) == JSON_DEPTH
