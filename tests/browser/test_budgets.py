"""No page costs more than its budget: bytes by kind, requests, layout shift; on a desktop, with an empty cache."""

from collections.abc import Callable

import pytest

from tests.browser.budgets import BUDGETS, FALLBACK
from tests.browser.conftest import Visit, first_pages
from tests.browser.weighing import weigh

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGES = first_pages()


@pytest.mark.parametrize("name", [*PAGES, "image"])
def test_a_page_keeps_to_its_budget(visit: Make, name: str) -> None:
    one = visit()
    path = PAGES.get(name) or one.go(PAGES["images"]).locator("main a[href*='/i/']").first.get_attribute("href")
    fresh = visit()
    weight = weigh(fresh.page, f"{fresh.base}{path}")
    assert BUDGETS.get(name, FALLBACK).exceeded(weight) == {}
    assert [url for url in weight.urls if not url.startswith(one.base)] == []  # nothing from elsewhere
