"""Heat is data: every control changes the picture, and none asks the server."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, first_pages

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGES = first_pages()


def picture(page: Page) -> bytes:
    """The pixels of the first tiles, with the pointer out of the way."""
    page.mouse.move(2, 2)
    page.wait_for_timeout(80)
    return page.locator("#examples").screenshot()


def slide(page: Page, name: str, value: str) -> None:
    """Move a slider as a person would see it moved."""
    page.locator(f"#heat-form input[name={name}]").evaluate(
        "(field, value) => { field.value = value; field.dispatchEvent(new Event('input', { bubbles: true })); }", value
    )


EVERYTHING = """
() => Promise.all([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode();
}))
"""
CONTROLS: dict[str, Callable[[Page], None]] = {
    "off": lambda page: page.keyboard.press("h"),
    "darken": lambda page: page.get_by_text("Darken", exact=True).click(),
    "contour": lambda page: page.get_by_text("Contour", exact=True).click(),
    "opacity": lambda page: slide(page, "opacity", "20"),
    "threshold": lambda page: slide(page, "threshold", "60"),
    "colour": lambda page: _select(page, "colour", "magma"),
    "blocks": lambda page: page.get_by_text("Smooth", exact=True).click(),
    "patch": lambda page: page.get_by_role("link", name="Peak", exact=True).click(),
    "opacity by key": lambda page: page.keyboard.press("["),
}


def _select(page: Page, name: str, value: str) -> None:
    page.locator(f"#heat-form select[name={name}]").select_option(value)


@pytest.fixture
def concept(visit: Make) -> Visit:
    one = visit()
    one.go(f"{PAGES['concept']}?band=q75")
    return one


@pytest.mark.parametrize("name", CONTROLS)
def test_each_control_changes_the_pixels(concept: Visit, name: str) -> None:
    before = picture(concept.page)
    CONTROLS[name](concept.page)
    assert picture(concept.page) != before


def test_scale_per_image_brightens_weak_examples(concept: Visit) -> None:
    assert concept.page.locator("#examples .dim").count() > 0
    before = picture(concept.page)
    _select(concept.page, "scale", "image")
    assert picture(concept.page) != before


def test_no_control_makes_a_request(concept: Visit) -> None:
    concept.page.evaluate(EVERYTHING)
    concept.requests.clear()
    for change in CONTROLS.values():
        change(concept.page)
    concept.page.get_by_role("button", name="Reset").click()
    concept.page.wait_for_timeout(400)
    # Chromium looks at the icon again whenever the address changes; that is its own business.
    assert [url for url in concept.requests if not url.startswith("data:") and not url.endswith("mark.svg")] == []


def test_shift_peeks_at_the_photo(concept: Visit) -> None:
    with_heat = picture(concept.page)
    concept.page.keyboard.down("Shift")
    assert picture(concept.page) != with_heat
    concept.page.keyboard.up("Shift")
    assert picture(concept.page) == with_heat


def test_the_address_carries_the_choices_to_another_browser(concept: Visit, visit: Make) -> None:
    _select(concept.page, "colour", "cividis")
    slide(concept.page, "threshold", "40")
    concept.page.wait_for_timeout(300)
    address = concept.page.url.removeprefix(concept.base)
    assert "colour=cividis" in address
    assert "threshold=40" in address
    other = visit().go(address)
    assert picture(other) == picture(concept.page)


def test_the_value_under_the_pointer_is_told(concept: Visit) -> None:
    page = concept.page
    page.locator("#examples .tile svg").first.hover()
    expect(page.locator("#readout")).to_be_visible()
    assert page.locator("#readout").inner_text().startswith(("row ", "outside"))
    page.locator("#examples .tile a").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#readout")).to_contain_text("peak")


def test_the_filter_in_the_page_is_what_the_script_would_write(visit: Make) -> None:
    tables = "[...document.querySelectorAll('.filters [tableValues]')].map((part) => part.getAttribute('tableValues'))"
    scripted = visit().go(PAGES["concept"]).evaluate(tables)
    plain = visit(java_script_enabled=False)
    plain.go(PAGES["concept"])
    written = plain.page.locator(".filters [tableValues]")
    assert [written.nth(i).get_attribute("tableValues") for i in range(written.count())] == scripted
