"""The label queue, blind tests, settings and the tour in a real browser; the first two never move the pointer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Visit
from tests.browser.test_quality import CONTRAST
from tests.factories import make_store
from tests.serving import serve

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
QUEUE = "/d/tiny-topk/queue"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over a store of its own, which may be written to."""
    store = Path(tmp_path_factory.mktemp("store"))
    make_store(store)
    with serve(store) as base:
        yield base


def leave_field_and_press(page: Page, key: str) -> None:
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Escape")
    page.keyboard.press(key)


def test_naming_by_keyboard_alone(visit: Make) -> None:
    page = visit().go(QUEUE)
    field = page.locator("#text")
    expect(field).to_be_focused()
    first = page.locator("h1").inner_text()
    page.keyboard.type("stripes, slanted")
    page.keyboard.press("Enter")
    page.wait_for_url("**trail=*done=1")
    second = page.locator("h1").inner_text()
    assert second != first
    page.keyboard.type("s")  # in the field it is a letter
    expect(field).to_have_value("s")
    page.keyboard.press("Escape")
    expect(field).not_to_be_focused()
    page.keyboard.press("s")
    expect(page.locator("h1")).not_to_have_text(second)
    leave_field_and_press(page, "b")
    expect(page.locator("h1")).to_have_text(second)
    leave_field_and_press(page, "b")
    expect(page.locator("h1")).to_have_text(first)
    expect(field).to_have_value("stripes, slanted")


def test_a_blind_test_by_keyboard_alone(visit: Make, site: str) -> None:
    httpx.post(f"{site}/api/v1/dictionaries/tiny-topk/concepts/6/labels", json={"text": "a corner"})
    one = visit()
    one.provoked = ("400",)
    page = one.go(f"{QUEUE}/tests")
    page.keyboard.press("n")
    page.wait_for_url("**/queue/tests/*")
    assert page.locator(".eight .heat").count() == 0
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not 1")
    for key in "135":
        page.keyboard.press(key)
    expect(page.locator(".eight :checked")).to_have_count(4)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("of 4 right")
    assert page.locator(".eight .heat").count() == 4 + 4 * (page.locator(".silent .heat").count() > 0)
    assert page.evaluate(CONTRAST) == []


def test_everything_fits_a_phone_in_both_themes(visit: Make) -> None:
    for scheme in ("light", "dark"):
        one = visit(viewport=PHONE, color_scheme=scheme)
        for path in (QUEUE, f"{QUEUE}/tests", "/settings", "/?tour=1", "/glossary", "/search"):
            page = one.go(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
            assert page.evaluate(CONTRAST) == [], path
            assert page.evaluate("window.shift") < 0.02, path


def test_settings_hold_on_every_page(visit: Make) -> None:
    one = visit(color_scheme="light")
    page = one.go("/settings")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    page.get_by_text("High", exact=True).click()
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.get_by_text("Dark", exact=True).click()
    page.locator("[name=first]").select_option("purity")
    page.locator("[name=limit]").select_option("48")
    page.locator("[name=keys]").uncheck()
    page = one.go("/")
    assert page.evaluate(paper) == "rgb(0, 0, 0)"
    page.keyboard.press("?")
    expect(page.locator("#keys")).not_to_be_visible()
    page.locator(".doors .button.main").click()
    page.wait_for_url("**show=purity,importance**")
    assert "limit=48" in page.url
    page = one.go("/settings")
    expect(page.locator("[name=first]")).to_have_value("purity")
    page.get_by_role("button", name="Forget all of it").click()
    assert page.evaluate(paper) == "rgb(242, 243, 240)"
    expect(page.locator("[name=first]")).to_have_value("density")


def test_without_script_names_are_given_and_the_tour_is_a_list(visit: Make) -> None:
    one = visit(java_script_enabled=False)
    page = one.go(QUEUE)
    page.locator("#text").fill("dots")
    page.get_by_role("button", name="go on").click()
    page.wait_for_url("**done=*")
    page = one.go("/")
    page.locator(".start li a").first.click()
    bar = page.locator(".tour-bar")
    expect(bar).to_contain_text("1 of")
    bar.get_by_role("link", name="Next").click()
    expect(bar).to_contain_text("2 of")
    bar.get_by_role("link", name="End").click()
    expect(page.locator("#tour")).to_be_visible()
