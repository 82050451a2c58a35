"""Every number that a page shows stands in its JSON twin, rounded as the page rounds it."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import pytest

from tests.browser.conftest import Visit, first_pages

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGES = first_pages()
NUMBER: Final = re.compile(
    r"(?<![\w.,/#:-])([−-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[−-]?\d+(?:\.\d+)?(?:e[-−]?\d+)?)(?:\s*(%))?(?!\w)"
)
SHOWN: Final = """
() => [...document.querySelectorAll("main :is(td, dd, .num, .value, output, b)")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("form, svg"))
  .map((one) => one.innerText)
"""
WITHOUT: Final = ("glossary", "design", "analyze", "login", "lists")
"""Pages of words, or of numbers that are only there to be looked at."""
DIGITS: Final = 3
"""Numbers of fewer significant digits are met by chance among so many."""


@pytest.mark.parametrize("name", [name for name in PAGES if name not in WITHOUT])
def test_what_a_page_shows_its_twin_tells(visit: Make, name: str) -> None:
    one = visit()
    page = one.page
    page.goto(one.base + PAGES[name])
    twin = page.locator("link[rel=alternate][type='application/json']").first.get_attribute("href")
    assert twin
    told = sorted({abs(value) for value in numbers_in(httpx.get(f"{one.base}{twin}").json())})
    missing = [
        (number, text) for text in page.evaluate(SHOWN) for number in numbers_of(text) if not is_told(number, told)
    ]
    assert missing == [], twin


def numbers_in(value: Any) -> Iterator[float]:
    """All numbers of a JSON value, those in texts and the lengths of lists, too."""
    if isinstance(value, (int, float)):
        yield float(value)
    elif isinstance(value, str):
        yield from (float(found) for found in re.findall(r"\d+(?:\.\d+)?", value.replace(",", "")))
    elif isinstance(value, (dict, list)):
        if isinstance(value, list):
            yield float(len(value))
        for part in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(part)


def numbers_of(text: str) -> Iterator[tuple[str, str]]:
    """Numbers of a text as shown, with their unit if it is a percentage."""
    for found in NUMBER.finditer(text):
        raw = found[1].replace(",", "").replace("−", "-")
        if len(raw.partition("e")[0].lstrip("-").replace(".", "").lstrip("0")) >= DIGITS:
            yield raw, found[2] or ""


def is_told(number: tuple[str, str], told: list[float]) -> bool:
    """Whether one of the numbers would be rounded to what is shown."""
    raw, unit = number
    mantissa, _, exponent = raw.partition("e")
    half = 0.501 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    scale = 0.01 if unit else 1.0
    low = bisect_left(told, scale * (abs(float(raw)) - half))
    return low < len(told) and told[low] <= scale * (abs(float(raw)) + half)
