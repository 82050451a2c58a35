"""Three dictionaries side by side: one cursor over all tiles of a photo, filters, differences."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, Visit, first_pages

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGE = first_pages()["together"]


def places(tiles: Locator) -> list[str]:
    """Where the cursors that can be seen stand."""
    found: list[str] = tiles.locator(".cursor").evaluate_all(
        """(all) => all.filter((one) => one.checkVisibility())
            .map((one) => `${one.getAttribute("cx")},${one.getAttribute("cy")}`)"""
    )
    return found


def test_one_cursor_stands_over_a_photo_in_all_dictionaries(visit: Make) -> None:
    page = visit().go(PAGE)
    row = page.locator(".linked").first
    assert places(row) == []
    first = row.locator(".one:not(.sprite)").first.locator("svg[data-same]").nth(1)
    first.scroll_into_view_if_needed()
    first.hover(position={"x": 40, "y": 30})
    expect(page.locator("#readout")).to_contain_text("·")
    told = page.locator("#readout").inner_text().split("·")
    assert len(told) == 3
    here = places(row)
    assert len(here) == 3  # the same photo in three dictionaries, and no other photo
    assert here[0] == here[1] == here[2]
    same = first.get_attribute("data-same")
    pointed = row.locator("svg.pointed").evaluate_all("(all) => all.map((one) => one.dataset.same)")
    assert pointed == [same] * 3
    row.locator(".one:not(.sprite)").last.locator("svg[data-same]").first.hover(position={"x": 50, "y": 40})
    assert places(row) != here
    page.locator("h1").hover()
    expect(row.locator("svg.pointed")).to_have_count(0)
    expect(page.locator("#readout")).to_be_hidden()


def test_differences_are_drawn_without_a_request_and_stay_in_the_address(visit: Make) -> None:
    one = visit()
    page = one.go(PAGE)
    asked = len(one.requests)
    shown = page.locator(".sights .difference").first
    expect(shown).not_to_be_visible()
    page.get_by_text("Difference", exact=True).click()
    expect(shown).to_be_visible()
    page.wait_for_url("**?draw=difference")
    assert [url for url in one.requests[asked:] if "/sprite" not in url and "/img/" not in url] == []


@pytest.mark.parametrize("with_script", [True, False])
def test_concepts_are_filtered_and_another_leads(visit: Make, with_script: bool) -> None:
    page = visit(java_script_enabled=with_script).go(PAGE)
    n_all = int(page.locator(".bar-above .count b").inner_text())
    page.locator("[name=min]").fill("0.3")
    page.locator("[name=match]").check()
    page.locator("[name=min]").press("Enter")
    page.wait_for_url("**match=one**")
    assert 0 < int(page.locator(".bar-above .count b").inner_text()) < n_all
    page.locator(".leads a").nth(2).click()
    names = PAGE.split("/")[2:]
    page.wait_for_url(f"**/align/{names[2]}/{names[0]}/{names[1]}**match=one**")
    expect(page.locator("[name=min]")).to_have_value("0.3")
    page.locator(".meetings a").first.click()
    expect(page.locator(".pairs")).to_be_visible()
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".meetings")).to_be_visible()


def test_tiles_of_a_row_stand_beside_each_other_on_a_phone(visit: Make) -> None:
    page = visit(viewport=PHONE).go(PAGE)
    tops = (
        page.locator(".sights")
        .first.locator("svg")
        .evaluate_all("(all) => all.map((one) => Math.round(one.getBoundingClientRect().top))")
    )
    assert len(tops) == 4
    assert len(set(tops)) == 1
