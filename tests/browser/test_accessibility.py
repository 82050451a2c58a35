"""axe on every kind of page, in both themes: all rules of WCAG 2.0 to 2.2 at A and AA, and best practices."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from setup.node import AXE
from tests.browser.conftest import Visit, first_pages

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
RUN = """
(rules) => axe.run(document, { runOnly: { type: "tag", values: rules }, resultTypes: ["violations"] })
"""


def violations(page: Page) -> list[str]:
    """What axe finds on an open page: rule, how often, the first place."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(RUN, list(RULES))["violations"]
    return [f"{one['id']} ({len(one['nodes'])}): {one['nodes'][0]['html'][:160]}" for one in found]


def first_image(one: Visit) -> str:
    """The address of a photo, found by its link."""
    address = one.go(first_pages()["images"]).locator(".photos a").first.get_attribute("href")
    assert address
    return address


def test_axe_finds_nothing(visit: Make) -> None:
    one = visit(bypass_csp=True, color_scheme="light")
    one.provoked = ("404",)
    found = {}
    for name, path in {**first_pages(), "image": "", "unknown": "/d/no-such-dictionary"}.items():
        page = one.go(path or first_image(one))
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found[f"{name}, {scheme}"] = violations(page)
    assert {name: told for name, told in found.items() if told} == {}
