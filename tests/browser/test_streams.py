"""What models share: one cursor over a photo in every model, bands, differences, and the sliders."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.factories import UNIVERSAL

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
OVERVIEW, CONCEPT = f"/d/{UNIVERSAL.slug}/streams", f"/d/{UNIVERSAL.slug}/c/6"


def test_one_cursor_stands_over_a_photo_in_every_model(visit: Make) -> None:
    page = visit().go(CONCEPT)
    photo = page.locator("#by-model .linked").first
    tiles = photo.locator("a svg")
    expect(tiles).to_have_count(3)
    expect(photo.locator(".cursor").first).not_to_be_visible()
    tiles.nth(1).scroll_into_view_if_needed()
    tiles.nth(1).hover(position={"x": 30, "y": 25})
    places = {(c.get_attribute("cx"), c.get_attribute("cy")) for c in photo.locator(".cursor").all()}
    assert len(places) == 1
    for place in range(3):
        expect(photo.locator(".cursor").nth(place)).to_be_visible()
    said = page.locator("#readout").inner_text()
    assert said.count("·") == 2
    page.locator("h1").hover()
    expect(photo.locator(".cursor").first).not_to_be_visible()


def test_where_models_differ_is_a_row_more_without_a_request(visit: Make) -> None:
    one = visit()
    page = one.go(CONCEPT)
    photo = page.locator("#by-model .linked").first
    assert (photo.locator(".diff").bounding_box() or {"height": 0})["height"] == 0
    asked = len(one.requests)
    page.locator("#by-model").get_by_text("Difference", exact=True).first.click()
    page.wait_for_url("**draw=difference")
    box = photo.locator(".diff").bounding_box()
    assert box is not None
    assert box["height"] > 20
    expect(photo.locator("a").first).to_be_visible()
    assert [url for url in one.requests[asked:] if "/m/" not in url and "/static/" not in url] == []


def test_a_band_changes_the_photos_of_every_model(visit: Make) -> None:
    page = visit().go(CONCEPT)
    before = page.locator("#by-model .linked a").first.get_attribute("href")
    page.locator('.tabs a[data-band="q50"]').click()
    expect(page.locator("#by-model header p")).to_contain_text("below", ignore_case=True)
    expect(page.locator("#by-model")).to_have_count(1)
    assert page.locator("#by-model .linked a").first.get_attribute("href") != before


def test_sliders_show_concepts_between_two_entropies(visit: Make) -> None:
    one = visit()
    page = one.go(OVERVIEW)
    low = page.locator('[name="firing_entropy__gte"]')
    low.evaluate("(field) => { field.value = 0.95; field.dispatchEvent(new Event('input', { bubbles: true })); }")
    expect(page.locator("#between-results li a").first).to_be_visible()
    many = int(page.locator("#between-results .count b").inner_text())
    expect(low.locator("xpath=following-sibling::output")).to_have_text("0.95")
    high = page.locator('[name="firing_entropy__lte"]')
    high.evaluate("(field) => { field.value = 0.3; field.dispatchEvent(new Event('input', { bubbles: true })); }")
    expect(low).to_have_value("0.3")  # never above the upper end
    low.evaluate("(field) => { field.value = 0; field.dispatchEvent(new Event('input', { bubbles: true })); }")
    expect(page.locator("#between-results .count b")).not_to_have_text(str(many))
    page.wait_for_url("**/streams?firing_entropy__gte=0&**")
    total = page.locator("#between-results .count b").inner_text()
    page.reload(wait_until="networkidle")
    expect(page.locator("#between-results .count b")).to_have_text(total)
    expect(high).to_have_value("0.3")
    asked = [url for url in one.requests if "/_f/" in url]
    assert asked
    assert all("firing_entropy__gte" in url for url in asked)


def test_sliders_are_a_form_without_script(visit: Make) -> None:
    page = visit(java_script_enabled=False).go(OVERVIEW)
    page.locator("#entropy-form button").click()
    assert "firing_entropy__gte=0.9" in page.url
    expect(page.locator("#between-results li a").first).to_be_visible()


def test_marks_between_the_models_lead_to_their_concepts(visit: Make) -> None:
    page = visit().go(OVERVIEW)
    mark = page.locator("#shares a").first
    href = mark.get_attribute("href")
    mark.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{href}")
    expect(page.locator("#by-model")).to_be_visible()
