"""The map's layouts: dots travel from one to the other, the selection goes along; without script by links."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_map import MAP, asked, canvas, drag, opened

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
FRAMES = """
() => {
  window.frames_ = 0;
  const count = (list) => (window.frames_ += list.getEntriesByName("map").length);
  new PerformanceObserver(count).observe({ type: "measure" });
}
"""


def test_concepts_travel_to_the_other_layout_and_back(visit: Make) -> None:
    one = visit()
    page = opened(one, f"{MAP}?select=3,6&zoom=2&x=30000&y=30000")
    page.evaluate(FRAMES)
    first = opened(visit(), f"{MAP}?select=3,6")
    before = canvas(first)
    page.get_by_role("link", name="Fires together").click()
    expect(page).to_have_url(re.compile("layout=firing"))
    expect(page.locator("#map-says")).to_contain_text("how they fire together")
    placed = page.request.get(f"{one.base}/api/v1/dictionaries/tiny-topk/map?layout=firing&points=0").json()["data"]
    expect(page.locator("#in-view .told").first).to_contain_text(f"{placed['n_placed']} concepts in view")
    assert asked(page) == {"layout": "firing", "select": "3,6"}
    assert page.evaluate("window.frames_") > 2
    assert page.evaluate("document.activeElement.dataset.layout") == "firing"
    expect(page.locator("#layouts [aria-current]")).to_have_text("Fires together")
    there = canvas(page)
    assert there != before
    again = opened(visit(), page.url.removeprefix(one.base))
    assert canvas(again) == there
    page.get_by_role("link", name="Same direction").click()
    expect(page).not_to_have_url(re.compile("layout="))
    expect(page.locator("#map-says")).to_contain_text("the direction of their atoms")
    assert canvas(page) == before


def test_a_lasso_in_the_other_layout_is_the_server_s_too(visit: Make) -> None:
    one = visit(reduced_motion="reduce")
    page = opened(one, f"{MAP}?layout=firing")
    page.keyboard.press("r")
    drag(page, (-200, -280), (420, 280))
    told = page.locator("#chosen .told").first
    expect(told).to_have_text(re.compile(r"^\d+ concepts selected$"))
    expect(page).to_have_url(re.compile("select="))
    ids = asked(page)["select"].split(",")
    places = page.request.get(f"{one.base}/api/v1/dictionaries/tiny-topk/map?layout=firing").json()["data"]["points"]
    inside = [str(k) for k, x in enumerate(places["x"]) if str(k) in ids and x is not None]
    assert sorted(inside) == sorted(ids)
    page.get_by_role("link", name="Same direction").click()
    expect(page).not_to_have_url(re.compile("layout="))
    assert asked(page)["select"].split(",") == ids


def test_without_script_a_link_leads_to_the_other_picture(visit: Make) -> None:
    page = visit(java_script_enabled=False).go(f"{MAP}?select=3,6&colour=purity")
    before = page.locator("#still").get_attribute("src")
    page.get_by_role("link", name="Fires together").click()
    expect(page.locator("#legend h2")).to_have_text("Purity")
    expect(page.locator("#chosen .thumbs a")).to_have_count(2)
    after = page.locator("#still").get_attribute("src")
    assert after != before
    assert "/firing/" in str(after)
    page.get_by_role("button", name="Go").click()
    assert page.locator("#still").get_attribute("src") == after
