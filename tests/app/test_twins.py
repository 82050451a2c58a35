"""Every page has a twin in the API, named by its header and behind its own address with .json."""

import html
import re

import pytest
from starlette.testclient import TestClient

from app.pages import routers

T, A, W = "tiny-topk", "tiny-archetypal", "wide-topk"
D = f"/api/v1/dictionaries/{T}"
NO_PAGES = ("/_f/", "/m/", "/static/")
"""Parts, pictures and files of pages."""
FILES = {"/jobs/{job_id:int}/log.txt", "/a/{public_id}/photo.webp"}
LEADS_ON = {"/d/{slug}/random", "/jobs/new", "/tour/{number}"}
"""Addresses that show nothing themselves."""
WITHOUT_DATA = {
    "/a/{public_id}",
    "/api/docs",
    "/lists/{uid}",
    "/d/{slug}/classes/{output}",
    "/jobs/{job_id:int}",
    "/jobs/new/{kind}",
    "/d/{slug}/streams",
    "/d/{slug}/queue/tests/{uid}",
}
"""Pages whose thing is not in the store at hand; only where they lead is looked at."""

EXAMPLES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "/": (("/", "", "/api/v1"),),
    "/design": (("/design", "", "/api/v1"),),
    "/glossary": (("/glossary", "", "/api/v1/glossary"),),
    "/tour/{number}": (("/tour/1", "", "/api/v1"),),
    "/settings": (("/settings", "", "/api/v1/access"),),
    "/api/docs": (("/api/docs", "", "/api/v1/openapi.json"),),
    "/login": (("/login", "", "/api/v1/access"),),
    "/search": (("/search", "q=disc", "/api/v1/search?q=disc"),),
    "/lists": (("/lists", "", "/api/v1/lists"),),
    "/lists/{uid}": (("/lists/abc", "", "/api/v1/lists/abc"),),
    "/d/{slug}/classes": ((f"/d/{T}/classes", "of=collection&q=disc", f"{D}/classes?of=collection&q=disc"),),
    "/d/{slug}/classes/{output}": ((f"/d/{T}/classes/3", "by=contrast", f"{D}/classes/3?by=contrast"),),
    "/compare": (
        ("/compare", "", "/api/v1/compare"),
        ("/compare", "sort=l0&show=all&heat=off", "/api/v1/compare?sort=l0"),
    ),
    "/align": (("/align", "", "/api/v1/alignments"),),
    "/align/{a}/{b}": (
        (f"/align/{A}/{T}", "", f"/api/v1/alignments/{A}/{T}"),
        (f"/align/{A}/{T}", "show=a&limit=12&mode=both", f"/api/v1/alignments/{A}/{T}?show=a&limit=12"),
    ),
    "/align/{a}/{b}/{rest:path}": ((f"/align/{A}/{T}/{W}", "in=all", f"/api/v1/alignments/{A}/{T}/{W}?in=all"),),
    "/d/{slug}": ((f"/d/{T}", "", D),),
    "/d/{slug}/c": (
        (f"/d/{T}/c", "", f"{D}/concepts"),
        (
            f"/d/{T}/c",
            "sort=-density&badge__not=dead&q=disc&show=max&band=q50&limit=48",
            f"{D}/concepts?sort=-density&badge__not=dead&q=disc&limit=48",
        ),
    ),
    "/d/{slug}/map": (
        (
            f"/d/{T}/map",
            "colour=density&size=max&heat=0&x=9&zoom=2&select=3,6&badge__not=dead",
            f"{D}/map?colour=density&size=max&x=9&zoom=2&select=3,6&badge__not=dead",
        ),
    ),
    "/d/{slug}/values/{column}": (
        (f"/d/{T}/values/class", "badge__not=dead&find=d&select=3", f"{D}/facets?badge__not=dead"),
    ),
    "/d/{slug}/c/{index}": (
        (f"/d/{T}/c/6", "", f"{D}/concepts/6"),
        (f"/d/{T}/c/6", "band=q95&sort=-density&q=disc", f"{D}/concepts/6?band=q95"),
        (f"/d/{T}/c/6", "balance=class&by=lift&context=patch", f"{D}/concepts/6?balance=class&by=lift"),
    ),
    "/d/{slug}/compare": ((f"/d/{T}/compare", "c=6,3&draw=difference", f"{D}/compare?c=6,3"),),
    "/d/{slug}/i": ((f"/d/{T}/i", "class=disc&split=train", f"{D}/images?class=disc&split=train"),),
    "/d/{slug}/streams": ((f"/d/{T}/streams", "", f"{D}/streams"),),
    "/d/{slug}/queue": (
        (f"/d/{T}/queue", "", f"{D}/queue"),
        (f"/d/{T}/queue", "order=random&seed=7&done=2&heat=0", f"{D}/queue?order=random&seed=7&done=2"),
    ),
    "/d/{slug}/queue/tests": ((f"/d/{T}/queue/tests", "", f"{D}/tests"),),
    "/d/{slug}/queue/tests/{uid}": ((f"/d/{T}/queue/tests/abc", "", "/api/v1/tests/abc"),),
    "/d/{slug}/random": ((f"/d/{T}/random", "", f"{D}/concepts/"),),
    "/i/{image}": (("/i/IMAGE", f"d={T}&concept=6", f"/api/v1/images/IMAGE?dictionary={T}&concept=6"),),
    "/analyze": (("/analyze", f"d={T}", "/api/v1"),),
    "/a/{public_id}": (("/a/abc", f"d={T}&beside={A}", f"/api/v1/analyses/abc?dictionary={T}"),),
    "/jobs": (("/jobs", "state=failed&members=yes", "/api/v1/jobs?state=failed&members=yes"),),
    "/jobs/{job_id:int}": (("/jobs/7", "", "/api/v1/jobs/7"),),
    "/jobs/new": (("/jobs/new", "", "/api/v1/jobs"),),
    "/jobs/new/{kind}": (("/jobs/new/train", "", "/api/v1/jobs"),),
}


def patterns() -> set[str]:
    """Addresses of all pages."""
    routes = [route for router in routers for route in router.routes]
    paths = {route.path for route in routes if "GET" in (route.methods or ())}  # type: ignore[attr-defined]
    return {path for path in paths if not path.startswith(NO_PAGES) and not path.endswith(".json")} - FILES


def test_every_page_is_looked_at() -> None:
    assert patterns() == set(EXAMPLES)


@pytest.fixture
def image(aligned: TestClient) -> str:
    return str(aligned.get(f"{D}/images?limit=1").json()["data"][0]["id"])


CASES = [(pattern, *case) for pattern, cases in EXAMPLES.items() for case in cases]


@pytest.mark.parametrize(("pattern", "path", "query", "twin"), CASES)
def test_a_page_and_its_twin(aligned: TestClient, image: str, pattern: str, path: str, query: str, twin: str) -> None:
    path, twin = path.replace("IMAGE", image), twin.replace("IMAGE", image)
    address = "/index.json" if path == "/" else f"{path}.json"
    asked = f"?{query}" if query else ""
    led = aligned.get(address + asked, follow_redirects=False)
    if pattern == "/d/{slug}/random":
        assert led.status_code == 302
        assert re.fullmatch(rf"{twin}\d+", led.headers["location"])
        return
    assert (led.status_code, led.headers["location"]) == (308, twin)
    if pattern in LEADS_ON | WITHOUT_DATA:
        return
    assert aligned.get(twin).headers["content-type"] == "application/json"
    page = aligned.get(path + asked)
    assert page.status_code == 200
    named = re.fullmatch(r'<([^>]*)>; rel="alternate"; type="application/json"', page.headers["link"])
    assert named, page.headers["link"]
    assert f'href="{named[1].replace("&", "&amp;")}"' in page.text
    same = aligned.get(named[1])
    assert same.json()["data"] == aligned.get(twin).json()["data"]


def test_what_forms_name_is_sent_on(aligned: TestClient) -> None:
    led = aligned.get(f"/align.json?a={A}&b={T}&c={W}", follow_redirects=False)
    assert led.headers["location"] == f"/api/v1/alignments/{A}/{T}/{W}"
    assert aligned.get(f"/align.json?a={A}&b={T}").json()["data"]["a"]["slug"] == A


@pytest.mark.parametrize(
    ("path", "n_tables"),
    [
        (f"/d/{T}/c?class=disc&limit=48", 4),
        (f"/d/{T}/i", 4),
        (f"/align/{A}/{T}?show=a", 4),
        ("/jobs", 4),
        (f"/d/{T}", 0),
    ],
)
def test_a_list_can_be_taken_as_a_file(aligned: TestClient, path: str, n_tables: int) -> None:
    page = aligned.get(path).text
    links = list(dict.fromkeys(html.unescape(link) for link in re.findall(r'<a href="([^"]*)" download>', page)))
    assert len(links) == n_tables
    for link in links:
        assert "limit" not in link
        answer = aligned.get(link)
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
    if links:
        assert links[0].endswith("format=csv")


def test_a_format_goes_along(aligned: TestClient) -> None:
    table = aligned.get(f"/d/{T}/c.json?class=disc&format=csv")
    assert table.headers["content-type"].startswith("text/csv")
