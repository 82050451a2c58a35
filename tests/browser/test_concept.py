"""A concept's page by pointer and keys: bands on the strip, the enlarged photo, what is gathered to compare."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, first_pages

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
CONCEPT = first_pages()["concept"]


def come(one: Visit, address: str) -> None:
    """Wait until an address was asked for, and answered."""
    for _ in range(50):
        if address in one.requests:
            break
        one.page.wait_for_timeout(100)
    assert address in one.requests
    one.page.wait_for_timeout(400)


def test_an_interval_of_the_strip_loads_its_band_and_a_tile_shows_its_place(visit: Make) -> None:
    one = visit()
    page = one.go(CONCEPT)
    page.locator(".range a[data-band=q75]").click()
    expect(page.locator("[data-shown-band=q75]")).to_be_visible()
    expect(page).to_have_url(re.compile("band=q75"))
    assert page.locator(".range a[aria-current], .tabs a[aria-current]").count() == 2
    page.locator("#examples .tile > a").nth(1).focus()
    expect(page.locator("#place")).to_contain_text("peak")
    expect(page.locator(".range .marker")).to_have_css("visibility", "visible")
    page.keyboard.press("7")
    expect(page.locator("[data-shown-band=near_miss]")).to_be_visible()


def test_a_photo_is_enlarged_walked_zoomed_and_left_by_keys(visit: Make) -> None:
    one = visit()
    page = one.go(CONCEPT)
    tiles = page.locator("#examples .tile > a")
    tiles.nth(1).focus()
    page.keyboard.press("z")
    box = page.locator(".lightbox")
    expect(box).to_be_visible()
    expect(box.locator(".says")).to_contain_text("2 of")
    page.keyboard.press("ArrowRight")
    expect(box.locator(".says")).to_contain_text("3 of")
    whole = box.locator("svg").get_attribute("viewBox")
    page.keyboard.press("+")
    assert box.locator("svg").get_attribute("viewBox") != whole
    box.locator(".photo").hover()
    for _ in range(2):  # out again
        page.mouse.wheel(0, 400)
    expect(box.locator("svg")).to_have_attribute("viewBox", whole or "")
    expect(box.locator(".says")).to_contain_text(re.compile("Row|Outside"))
    box.locator("[data-part=brightness]").fill("150")
    assert "brightness(1.5)" in (box.locator("svg > image, svg img").first.get_attribute("style") or "")
    page.keyboard.press("Escape")
    expect(box).not_to_be_visible()
    expect(tiles.nth(2)).to_be_focused()
    assert one.complaints == []


def test_concepts_are_gathered_by_key_and_compared(visit: Make) -> None:
    one = visit()
    page = one.go(CONCEPT)
    page.keyboard.press("c")
    expect(page.locator(".tray")).to_contain_text("Compare with")
    with page.expect_navigation(wait_until="networkidle"):
        page.keyboard.press("j")
    page.keyboard.press("c")
    page.locator(".tray").get_by_role("link", name="Compare 2").click()
    page.wait_for_load_state("networkidle")
    assert page.locator("table.beside thead th").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    page.locator(".leave").first.click()
    expect(page.locator("h1")).to_contain_text("beside")


def test_the_next_concept_is_fetched_ahead_and_its_name_stays_in_sight(visit: Make) -> None:
    one = visit()
    page = one.go(CONCEPT)
    following = page.locator(".steps a[rel=next]")
    address = one.base + (following.get_attribute("href") or "")
    come(one, address)
    expect(page.locator(".here")).not_to_be_visible()
    page.mouse.wheel(0, 900)
    page.wait_for_timeout(200)
    expect(page.locator(".here")).to_be_visible()
    assert page.evaluate("window.shift") < 0.02


def test_cuts_and_turns_stand_in_the_address(visit: Make) -> None:
    one = visit()
    page = one.go(CONCEPT)
    before = page.locator("#examples svg[data-photo]").first.get_attribute("viewBox")
    one.requests.clear()
    page.get_by_role("link", name="Peak", exact=True).click()
    page.wait_for_timeout(400)
    assert page.locator("#examples svg[data-photo]").first.get_attribute("viewBox") != before
    assert "context=patch" in page.url
    plain = visit(java_script_enabled=False)
    page = plain.go(CONCEPT)
    page.get_by_role("link", name="Classes in turn").click()
    page.get_by_role("link", name="Peak", exact=True).click()
    assert "balance=class" in page.url
    assert page.locator("#examples svg[data-photo]").first.get_attribute("viewBox") != before


def test_the_next_concept_is_fetched_while_this_one_is_looked_at(visit: Make) -> None:
    one = visit()
    page = one.go(CONCEPT)
    page.wait_for_function("() => document.documentElement.dataset.stepping === 'perhaps'")
    come(one, one.base + (page.locator(".steps a[rel=next]").get_attribute("href") or ""))
    before = page.url
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != before)
    [way] = page.evaluate("performance.getEntriesByType('navigation').map((one) => one.deliveryType)")
    assert way == "navigational-prefetch"
    page.wait_for_function("() => document.documentElement.dataset.stepping === 'next'")
