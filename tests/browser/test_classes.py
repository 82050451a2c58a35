"""From the index of classes to a class, another one beside it, and a concept; without script, too."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE, Visit

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
INDEX = "/d/tiny-topk/classes"


def test_from_the_index_to_a_class_and_a_concept(visit: Make) -> None:
    page = visit().go("/d/tiny-topk")
    page.locator(".masthead").get_by_role("link", name="Classes").click()
    page.wait_for_url(f"**{INDEX}")
    expect(page.locator("tbody tr").first.locator(".shots img")).to_have_count(3)
    page.get_by_role("link", name="Probability", exact=True).click()
    page.wait_for_url("**sort=-probability")
    expect(page.locator('[aria-sort="descending"]')).to_have_text("Probability↓")
    name = page.locator("tbody th a").first.inner_text()
    page.locator("tbody th a").first.click()
    expect(page.locator("h1")).to_contain_text(name)
    expect(page.locator(".makers > li").first.locator(".tile")).to_have_count(3)
    page.get_by_role("link", name="Contrast", exact=True).click()
    page.wait_for_url("**by=contrast#concepts-title")
    page.get_by_role("link", name="What differs").first.click()
    page.wait_for_url("**against=**")
    expect(page.locator("#against .makers > li").first).to_be_visible()
    concept = page.locator(".makers .whose b").first.inner_text()
    page.locator(".makers .whose").first.click()
    page.wait_for_url("**/c/*")
    expect(page.locator("h1")).to_contain_text(concept)
    expect(page.locator("#does")).to_be_visible()


def test_keys_lead_from_class_to_class(visit: Make) -> None:
    page = visit().go(INDEX)
    page.locator("tbody th a").first.click()
    page.wait_for_url("**/classes/*")
    first = page.url
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != first)
    page.keyboard.press("k")
    page.wait_for_url(first)
    page.keyboard.press("g")
    page.keyboard.press("k")
    page.wait_for_url(f"**{INDEX}")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_nothing_moves_and_nothing_is_cut_off(visit: Make, viewport: dict[str, int]) -> None:
    for address in (INDEX, f"{INDEX}?of=collection", f"{INDEX}/1?against=3"):
        page = visit(viewport=viewport).go(address)
        page.mouse.wheel(0, 3000)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.shift") < 0.01, address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address


def test_it_works_without_script(visit: Make) -> None:
    page = visit(java_script_enabled=False).go(INDEX)
    page.get_by_label("Name or number").fill("blue")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody th a").first.click()
    expect(page.locator("h1")).to_contain_text("blue thing")
    expect(page.locator(".sum .of-score")).to_contain_text("Mean logit")
