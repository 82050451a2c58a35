"""Three faces of everything: the page, its JSON and the client tell the same, for every kind of page.

``PAGES`` has at least one address of each kind. The lines of "Use this data" are carried out as they stand; every
number that a template prints is looked for in what the API tells.
"""

import html
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from app.main import make_app
from app.render import FILTERS
from conceptoscope import Client
from store.settings import Settings
from tests.app.jobs import Numbers
from tests.app.test_twins import patterns
from tests.conceptoscope.test_resources import plain, untimed

pytestmark = pytest.mark.slow

D, U = "/d/tiny-topk", "/d/three-nets"
PAGES: dict[str, tuple[str, ...]] = {
    "/": ("/",),
    "/glossary": ("/glossary",),
    "/api/docs": ("/api/docs",),
    "/login": ("/login",),
    "/settings": ("/settings",),
    "/design": ("/design",),
    "/search": ("/search?q=disc", "/search?q=disc&type=concept"),
    "/lists": ("/lists",),
    "/lists/{uid}": ("/lists/LIST",),
    "/compare": ("/compare", "/compare?sort=l0"),
    "/align": ("/align",),
    "/align/{a}/{b}": (
        "/align/tiny-archetypal/tiny-topk",
        "/align/tiny-topk/wide-topk?show=b&limit=12",
        "/align/tiny-topk/wide-topk?mutual=yes&min=0.1&sort=-held_out",
        "/align/tiny-topk/wide-topk?show=fans",
    ),
    "/align/{a}/{b}/{rest:path}": (
        "/align/tiny-archetypal/tiny-topk/wide-topk",
        "/align/tiny-topk/tiny-archetypal/wide-topk?in=all",
    ),
    "/d/{slug}": (D, U),
    "/d/{slug}/c": (f"{D}/c", f"{D}/c?sort=-density&badge__not=dead&class=disc&density__gte=1e-4&limit=12", f"{U}/c"),
    "/d/{slug}/c/{index}": (f"{D}/c/6", f"{D}/c/6?band=q95&sort=-density", f"{U}/c/6"),
    "/d/{slug}/i": (f"{D}/i", f"{D}/i?class=disc&split=train"),
    "/d/{slug}/classes": (f"{D}/classes", f"{D}/classes?of=collection&q=disc"),
    "/d/{slug}/classes/{output}": (f"{D}/classes/1?against=3", f"{D}/classes/3?by=contrast"),
    "/d/{slug}/streams": (f"{U}/streams",),
    "/d/{slug}/queue": (f"{D}/queue", f"{D}/queue?order=random&seed=7&done=2"),
    "/d/{slug}/map": (f"{D}/map",),
    "/d/{slug}/compare": (f"{D}/compare?c=6,14",),
    "/d/{slug}/queue/tests": (f"{D}/queue/tests",),
    "/d/{slug}/queue/tests/{uid}": (f"{D}/queue/tests/TEST",),
    "/d/{slug}/values/{column}": (f"{D}/values/class?badge__not=dead",),
    "/i/{image}": ("/i/IMAGE?d=tiny-topk&concept=6&patch=1,2",),
    "/analyze": ("/analyze",),
    "/jobs": ("/jobs", "/jobs?members=yes"),
    "/jobs/{job_id:int}": ("/jobs/JOB",),
    "/jobs/new/{kind}": ("/jobs/new/train",),
}
ELSEWHERE = {"/a/{public_id}", "/d/{slug}/random", "/jobs/new", "/tour/{number}"}
"""Needs an encoder (``test_analyses.py``); lead on."""
SPECIMENS = {"/design"}
"""Shows every piece with numbers that are nobody's."""
BESIDE: dict[str, tuple[str, ...]] = {
    "/d/{slug}/c": ("{d}/statistics?{q}", "{d}/facets?{q}", "{d}/statistics", "{d}"),
    "/d/{slug}/i": ("{d}/classes?of=collection&limit=200", "{d}"),
    "/d/{slug}/classes": ("{d}", "{d}/classes?limit=200", "{d}/classes?of=collection&limit=200"),
    "/d/{slug}": ("{d}/metrics", "{d}/facets"),
    "/d/{slug}/streams": ("{d}",),
    "/d/{slug}/queue": ("{d}/concepts/{shown}/examples", "{d}/concepts/{shown}/examples?band=near_miss"),
}
"""What else of the API a kind of page tells: numbers of filters, counts of a whole."""
PRINTED = tuple(name for name, one in FILTERS.items() if name in ("n3", "signed", "percent", "integer", "plural"))
CASES = [(pattern, address) for pattern, addresses in PAGES.items() for address in addresses]


@pytest.fixture(scope="module")
def filled_in(base: str, numbers: Numbers) -> Callable[[str], str]:
    """Fills in what only the store knows."""
    with Client(base, author="Zoë") as client:
        d = client.dictionary("tiny-topk")
        image = d.images(limit=1).first()
        made = client.make_list("Corners", note="as they come")
        for index in (6, 3, 14):
            made.add(d[index], note=f"number {index}")
        label = d[6].add_label("a corner")
        test = client.send("POST", f"/api/v1/labels/{label.id}/tests", json={})
    assert image is not None
    assert test is not None
    known = {"TEST": test.id, "LIST": made.id, "IMAGE": image.id, "JOB": str(numbers.succeeded)}
    return lambda address: re.sub("LIST|IMAGE|JOB|TEST", lambda found: known[found[0]], address)


def test_every_kind_of_page_is_here() -> None:
    assert patterns() == PAGES.keys() | ELSEWHERE


def lines_of(page: str, name: str) -> str:
    [found] = re.findall(rf'<code id="use-{name}">(.*?)</code>', page, flags=re.DOTALL)
    return html.unescape(found)


def twin_of(page: httpx.Response) -> str:
    return re.fullmatch(r'<([^>]*)>; rel="alternate".*', page.headers["link"])[1]  # type: ignore[index]


def rows_of(told: Any) -> list[Any]:
    """The list that an answer is of."""
    return told["data"] if isinstance(told["data"], list) else told["data"]["items"]


@pytest.mark.parametrize(("pattern", "address"), CASES)
def test_the_lines_of_a_page_give_what_it_shows(
    base: str, filled_in: Callable[[str], str], pattern: str, address: str, capsys: Any
) -> None:
    page = httpx.get(base + filled_in(address))
    assert page.status_code == 200
    twin, space = twin_of(page), dict[str, Any]()
    told = httpx.get(base + twin).json()
    assert lines_of(page.text, "curl") == f"curl '{base}{twin}'"
    exec(compile(lines_of(page.text, "python"), address, "exec"), space)
    if "rows" in space:
        shown, rows = rows_of(told), plain(space["rows"].to_list())
        assert untimed(rows[: len(shown)]) == untimed(shown)
        assert len(rows) == told["page"]["total"]
        assert len(capsys.readouterr().out.splitlines()) == len(rows)
    else:
        assert untimed(plain(space["data"])) == untimed(told["data"] if "links" in told else told)
    space["c"].close()


@contextmanager
def printing(app: Any) -> Iterator[list[tuple[str, float]]]:
    """Notes the numbers that templates print, before they are rounded."""
    noted: list[tuple[str, float]] = []
    known = app.state.site.pages._env.filters

    def noting(name: str) -> Callable[..., Any]:
        def noted_filter(value: Any, *given: Any, **named: Any) -> Any:
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                noted.append((name, value))
            return FILTERS[name](value, *given, **named)

        return noted_filter

    known.update({name: noting(name) for name in PRINTED})
    yield noted
    known.update({name: FILTERS[name] for name in PRINTED})


def numbers_in(value: Any) -> Iterator[float]:
    """All numbers of some JSON, and how many things each of its lists has, or cells each of its tables."""
    if isinstance(value, bool | None | str):
        return
    if isinstance(value, int | float):
        yield value
    else:
        if isinstance(value, list):
            yield len(value)
            yield sum(len(row) for row in value if isinstance(row, list))
        for one in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(one)


@pytest.fixture(scope="module")
def own(filled: tuple[Path, Numbers]) -> Iterator[TestClient]:
    """The program in this process, over the same store."""
    with TestClient(make_app(Settings(store=filled[0]))) as client:
        yield client


@pytest.mark.parametrize(("pattern", "address"), [case for case in CASES if case[0] not in SPECIMENS])
def test_every_number_of_a_page_is_in_the_api(
    own: TestClient, filled_in: Callable[[str], str], pattern: str, address: str
) -> None:
    address = filled_in(address)
    with printing(own.app) as printed:
        page = own.get(address)
    known: set[float] = set()
    slug = (address.split("?")[0].split("/") + [""] * 3)[2]
    query = "&".join(part for part in address.partition("?")[2].split("&") if not part.startswith(("sort", "limit")))
    twin = own.get(twin_of(page)).json()
    shown = ((twin.get("data") or {}).get("card") or {}).get("id") if pattern == "/d/{slug}/queue" else ""
    names = {"d": f"/api/v1/dictionaries/{slug}", "q": query, "shown": shown}
    for one in (twin_of(page), *(one.format(**names) for one in BESIDE.get(pattern, ()))):
        answer = own.get(one)
        assert answer.status_code == 200, one
        known |= set(numbers_in(answer.json()))
    missing = {(name, value) for name, value in printed if value not in known}
    assert not missing, f"{address} shows numbers that {twin_of(page)} has not: {sorted(missing)[:8]}"
