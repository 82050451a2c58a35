"""The ways through the site: home to concept to image and back; filter and back; the keyboard."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, first_pages

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGES = first_pages()


def test_home_to_concept_to_image_and_back(visit: Make) -> None:
    page = visit().go("/")
    page.locator(".strip a").first.click()
    expect(page).to_have_url(re.compile(r"/d/[\w-]+/c/\d+"))
    concept = page.locator("h1").inner_text()
    page.locator("#examples .tile a").first.click()
    expect(page).to_have_url(re.compile(r"/i/\w+\?d=.*concept=\d+.*patch=\d+,\d+"))
    expect(page.locator("#cells a[aria-current]")).to_have_count(1)
    assert page.locator("#ranked li").count() > 0
    page.go_back()
    expect(page.locator("h1")).to_have_text(re.compile(re.escape(concept.split("\n")[0].split(" #")[0])))
    page.go_back()
    expect(page.locator(".shelf").first).to_be_visible()


def test_a_filter_narrows_the_grid_and_back_restores_the_whole_page(visit: Make) -> None:
    page = visit().go(PAGES["concepts"])
    before = page.locator(".count b").inner_text()
    page.locator("#density__gte").fill("0.2")
    page.locator("#density__gte").press("Enter")
    expect(page.locator(".applied li").first).to_be_visible()
    after = page.locator(".count b").inner_text()
    assert int(after) < int(before)
    assert "density__gte=0.2" in page.url
    assert page.locator("#density__gte").input_value() == "0.2"
    page.locator(".card a").first.click()
    expect(page.locator("#examples")).to_be_visible()
    page.go_back()
    expect(page.locator(".masthead")).to_be_visible()
    expect(page.locator(".count b")).to_have_text(after)
    page.go_back()
    expect(page.locator(".masthead")).to_be_visible()
    expect(page.locator(".count b")).to_have_text(before)
    assert page.locator("#density__gte").input_value() == ""


def test_removing_a_chip_clears_its_field(visit: Make) -> None:
    page = visit().go(f"{PAGES['concepts']}?density__gte=0.2")
    page.locator(".applied a").first.click()
    expect(page.locator(".applied")).to_have_count(0)
    expect(page.locator("#density__gte")).to_have_value("")


def test_a_bad_filter_says_what_is_wrong_in_place(visit: Make) -> None:
    one = visit()
    one.provoked = ("400", "422")
    page = one.go(PAGES["concepts"])
    page.locator("#density__gte").fill("much")
    page.locator("#density__gte").press("Enter")
    expect(page.locator("#results [role=alert]")).to_contain_text("density")
    expect(page.locator(".masthead")).to_be_visible()


def test_bands_change_the_tiles_and_the_address(visit: Make) -> None:
    page = visit().go(PAGES["concept"])
    page.keyboard.press("5")
    expect(page.locator("#examples [data-shown-band=q50]")).to_be_visible()
    expect(page.locator(".tabs a[aria-current]")).to_have_attribute("data-band", "q50")
    assert "band=q50" in page.url
    page.go_back()
    expect(page.locator("#examples [data-shown-band=top]")).to_be_visible()
    expect(page.locator(".near")).to_be_visible()


def test_j_and_k_walk_the_filtered_order(visit: Make) -> None:
    page = visit().go(f"{PAGES['concepts']}?sort=-density")
    page.locator(".card a").first.click()
    page.wait_for_load_state()
    first = page.url
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != first)
    assert "sort=-density" in page.url
    page.keyboard.press("k")
    page.wait_for_url(first)


def test_letters_stay_out_of_fields_and_can_be_turned_off(visit: Make) -> None:
    page = visit().go(PAGES["concepts"])
    page.locator("#q").fill("")
    page.locator("#q").press_sequentially("th?")
    assert page.locator("#q").input_value() == "th?"
    expect(page.locator("#keys")).not_to_be_visible()
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).not_to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#keys")).not_to_be_visible()


def test_a_patch_tells_its_concepts_without_a_request(visit: Make) -> None:
    one = visit()
    page = one.go(PAGES["images"])
    page.locator(".photos a").first.click()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#segments rect").first).to_be_attached()
    one.requests.clear()
    page.locator("#cells a").nth(8).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel-title")).to_have_text("Row 2, column 4")
    page.keyboard.press(" ")
    expect(page.locator("#cells a[aria-current]")).to_have_attribute("data-col", "3")
    assert "patch=1,3" in page.url
    page.locator("#ranked li").first.hover()
    pictures = ("data:", f"{one.base}/m/")  # and the icon, which Chromium fetches when it likes
    assert [url for url in one.requests if not url.startswith(pictures) and not url.endswith("mark.svg")] == []
