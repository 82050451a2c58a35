"""Pairs of concepts: one cursor over both photos, their difference, filters; with and without script."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, first_pages

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGE = first_pages()["alignment"]


def test_one_cursor_stands_over_both_photos(visit: Make) -> None:
    page = visit().go(PAGE)
    linked = page.locator(".linked").first
    tiles = linked.locator("a svg")
    expect(linked.locator(".cursor").first).not_to_be_visible()
    tiles.first.scroll_into_view_if_needed()
    tiles.first.hover(position={"x": 30, "y": 25})
    places = [(c.get_attribute("cx"), c.get_attribute("cy")) for c in linked.locator(".cursor").all()]
    assert len(places) == 2
    assert places[0] == places[1]
    expect(linked.locator(".cursor").last).to_be_visible()
    expect(page.locator("#readout")).to_contain_text("·")
    tiles.last.hover(position={"x": 50, "y": 45})
    moved = [(c.get_attribute("cx"), c.get_attribute("cy")) for c in linked.locator(".cursor").all()]
    assert moved[0] == moved[1] != places[0]
    page.locator("h1").hover()
    expect(linked.locator(".cursor").first).not_to_be_visible()
    expect(page.locator("#readout")).to_be_hidden()


def test_the_difference_takes_the_place_of_both_without_a_request(visit: Make) -> None:
    one = visit()
    page = one.go(PAGE)
    linked = page.locator(".linked").first
    expect(linked.locator(".diff")).not_to_be_visible()
    asked = len(one.requests)
    page.get_by_text("Difference", exact=True).click()
    expect(linked.locator(".diff")).to_be_visible()
    expect(linked.locator("a").first).not_to_be_visible()
    page.wait_for_url("**?draw=difference")
    page.reload(wait_until="networkidle")
    linked = page.locator(".linked").first
    expect(linked.locator(".diff")).to_be_visible()
    asked = len(one.requests)
    page.get_by_text("Both", exact=True).click()
    expect(linked.locator("a").first).to_be_visible()
    assert [
        url for url in one.requests[asked:] if "/sprite" not in url and "/img/" not in url
    ] == []  # sprites come as they come into view


def test_a_rectangle_over_the_plot_picks_pairs(visit: Make) -> None:
    page = visit().go(PAGE)
    n_pairs = int(page.locator(".bar-above .count b").inner_text())
    plot = page.locator("#importance svg[data-picks]")
    plot.scroll_into_view_if_needed()
    frame = plot.bounding_box()
    assert frame
    x, y, width, height = (frame[name] for name in ("x", "y", "width", "height"))
    page.mouse.move(x + 0.5 * width, y + 0.4 * height)
    page.mouse.down()
    page.mouse.move(x + 0.98 * width, y + 0.02 * height, steps=4)
    expect(plot.locator(".chosen")).to_be_visible()
    page.mouse.up()
    page.wait_for_url("**energy_a__gte=**")
    assert "min=" not in page.url  # what is empty stays out of the address
    picked = int(page.locator(".bar-above .count b").inner_text())
    assert 0 < picked < n_pairs
    expect(page.locator("#importance .chosen")).to_be_visible()
    expect(page.locator("[name=energy_b__gte]")).not_to_have_value("")
    page.get_by_role("link", name="Clear all").click()
    expect(page.locator("#importance .chosen")).to_have_count(0)


def test_a_key_swaps_the_sides(visit: Make) -> None:
    page = visit().go(f"{PAGE}?energy_a__gte=0.03")
    page.keyboard.press("w")
    page.wait_for_url(f"**{'/'.join(PAGE.split('/')[:1:-1])}?energy_b__gte=0.03")


@pytest.mark.parametrize("with_script", [True, False])
def test_fields_pick_pairs_by_keyboard(visit: Make, with_script: bool) -> None:
    page = visit(java_script_enabled=with_script).go(PAGE)
    n_pairs = int(page.locator(".bar-above .count b").inner_text())
    page.locator("[name=energy_a__gte]").fill("0.03")
    page.keyboard.press("Enter")
    page.wait_for_url("**energy_a__gte=0.03**")
    assert 0 < int(page.locator(".bar-above .count b").inner_text()) < n_pairs
    expect(page.locator("#importance .chosen")).to_be_visible()


@pytest.mark.parametrize("with_script", [True, False])
def test_pairs_are_filtered_swapped_and_followed(visit: Make, with_script: bool) -> None:
    one = visit(java_script_enabled=with_script)
    page = one.go(PAGE)
    n_pairs = int(page.locator(".bar-above .count b").inner_text())
    page.locator("[name=min]").fill("0.8")
    page.get_by_role("button", name="Go", exact=True).click()
    page.wait_for_url("**min=0.8**")
    assert 0 < int(page.locator(".bar-above .count b").inner_text()) < n_pairs
    first = page.locator(".pair .chip b").all_inner_texts()
    page.get_by_role("link", name="Swap sides").click()
    page.wait_for_url(f"**{'/'.join(PAGE.split('/')[:1:-1])}**")
    turned = page.locator(".pair .chip b").all_inner_texts()
    assert [*zip(first[::2], first[1::2], strict=True)] == [*zip(turned[1::2], turned[::2], strict=True)]
    page.locator(".tabs a").last.click()
    expect(page.locator(".cards li").first).to_be_visible()
    page.locator(".cards a").first.click()
    expect(page.locator("#elsewhere")).to_be_visible()
