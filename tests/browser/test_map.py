"""The map: picture first, canvas then; moving, selecting, filtering, and the same again from its address."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Visit

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
MAP = "/d/tiny-topk/map"
DRAWS = """
() => {
  window.draws = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (one.name === "map") window.draws.push(one.duration);
  }).observe({ entryTypes: ["measure"] });
}
"""


def opened(one: Visit, path: str = MAP) -> Page:
    page = one.go(path)
    expect(page.locator("#map")).to_have_class(re.compile("drawn"))
    return page


def asked(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def middle(page: Page) -> tuple[float, float]:
    box = page.locator("#map").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, *places: tuple[float, float]) -> None:
    x, y = middle(page)
    page.mouse.move(x + places[0][0], y + places[0][1])
    page.mouse.down()
    for dx, dy in places[1:]:
        page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()


def canvas(page: Page) -> Any:
    """The dots as they are drawn, as text."""
    return page.evaluate("[...document.querySelectorAll('#map canvas')].find((one) => !one.hidden).toDataURL()")


def test_it_moves_zooms_and_comes_back_from_its_address(visit: Make) -> None:
    one = visit()
    page = opened(one)
    page.evaluate(DRAWS)
    whole = canvas(page)
    drag(page, (0, 0), (120, 60))
    expect(page).to_have_url(re.compile(r"x=\d+&y=\d+&zoom=1\b"))
    assert page.evaluate("window.draws.length") > 2
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, -600)
    expect(page).to_have_url(re.compile(r"zoom=2\.9"))
    page.locator("#colour").select_option("density")
    expect(page.locator("#legend h2")).to_have_text("Density")
    expect(page).to_have_url(re.compile("colour=density"))
    near, address = canvas(page), page.url
    assert near != whole
    again = opened(visit(), address.removeprefix(one.base))
    assert canvas(again) == near
    page.locator("#map").focus()
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("zoom="))
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"zoom=1\.6\b"))
    assert float(asked(page)["x"]) < 32767


def test_a_lasso_selects_and_leads_to_grid_and_list(visit: Make) -> None:
    one = visit()
    page = opened(one)
    page.keyboard.press("s")
    expect(page.locator("#lasso")).to_have_attribute("aria-pressed", "true")
    drag(page, (-420, -280), (420, -280), (420, 280), (-420, 280))
    told = page.locator("#chosen .told").first
    expect(told).to_have_text(re.compile(r"^\d+ concepts selected$"))
    expect(page).to_have_url(re.compile("select="))
    ids = asked(page)["select"].split(",")
    expect(told).to_have_text(f"{len(ids)} concepts selected")
    again = opened(visit(), page.url.removeprefix(one.base))
    expect(again.locator("#chosen .told").first).to_have_text(f"{len(ids)} concepts selected")
    page.locator("#chosen summary").click()
    page.get_by_label("Title of the list").fill("Drawn around")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/lists/*")
    expect(page.locator("h1")).to_contain_text("Drawn around")
    page = opened(one)
    page.locator("#visible").click()
    page.get_by_role("link", name="Open in grid").click()
    page.wait_for_url("**/c?id__in=*")
    expect(page.locator(".count b")).to_have_text("48")


def test_a_lasso_may_begin_on_a_clusters_name(visit: Make) -> None:
    page = opened(visit())
    name = page.locator("#names a").first
    name.evaluate("(one) => { one.classList.remove('off'); one.setAttribute('transform', 'translate(400 200)'); }")
    box = name.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.locator("#lasso").click()
    page.mouse.move(x, y)
    page.mouse.down()
    for dx, dy in ((300, 0), (300, 300), (-300, 300), (-300, -10), (0, -10), (2, 0)):
        page.mouse.move(x + dx, y + dy, steps=3)
    page.mouse.up()
    expect(page.locator("#chosen .told").first).to_have_text(re.compile(r"^\d+ concepts selected$"))
    expect(page).not_to_have_url(re.compile("zoom="))


def test_filters_dim_and_search_lists_hits(visit: Make) -> None:
    page = opened(visit())
    before = canvas(page)
    page.locator("#colour").select_option("class")
    expect(page.locator("#legend h2")).to_have_text("Top class")
    page.locator(".hues a").first.click()
    expect(page.locator("#matching")).to_have_text(re.compile(r"of 48 concepts match"))
    expect(page).to_have_url(re.compile("class__in="))
    assert canvas(page) != before
    page.locator(".applied a").first.click()
    expect(page.locator("#matching")).to_have_text("48 concepts")
    page.locator("#map-q").fill("disc")
    expect(page.locator("#in-view-title")).to_have_text("Found")
    expect(page.locator("#in-view .told").first).to_contain_text("found")
    page.locator("#in-view a[data-concept]").first.click()
    expect(page.locator("#chosen h2")).to_be_visible()
    expect(page).to_have_url(re.compile("select="))
    page.get_by_role("link", name="Open concept").click()
    page.wait_for_url("**/c/*")


def test_the_keyboard_leads_from_the_map_to_the_list(visit: Make) -> None:
    page = visit().go("/d/tiny-topk")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url(f"**{MAP}")
    expect(page.locator("#map")).to_have_class(re.compile("drawn"))
    page.locator("#map").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#in-view a')"):
            break
    assert page.evaluate("document.activeElement.matches('#in-view a')")
    page.keyboard.press("Enter")
    expect(page.locator("#chosen")).to_be_visible()


def test_without_script_picture_names_and_list_are_there(visit: Make) -> None:
    page = visit(java_script_enabled=False).go(f"{MAP}?select=3,6")
    assert page.locator("#still").evaluate("(one) => one.complete && one.naturalWidth") == 1000
    expect(page.locator("#chosen .thumbs a")).to_have_count(2)
    page.locator("#colour").select_option("purity")
    page.locator("#map-q").fill("disc")
    page.get_by_role("button", name="Go").click()
    expect(page.locator("#legend h2")).to_have_text("Purity")
    expect(page.locator("#in-view .told").first).to_contain_text("found")
    expect(page.locator("#chosen .thumbs a")).to_have_count(2)


def test_a_theme_redraws_and_a_phone_has_all_of_it(visit: Make) -> None:
    page = opened(visit(color_scheme="light"))
    before = canvas(page)
    page.locator("#theme").click()
    page.locator("#theme").click()
    page.wait_for_timeout(100)
    assert canvas(page) != before
    phone = opened(visit(viewport=PHONE, has_touch=True))
    phone.locator("#visible").tap()
    expect(phone.locator("#chosen .told").first).to_contain_text("selected")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


PLACED = """
async ({ from, zoom }) => {
  const { makeLevels } = await import(`${from}/data.js`);
  const { placeCrops } = await import(`${from}/photos.js`);
  const n = 600;
  const order = [...Array(n).keys()];
  const x = order.map((k) => (k * 40503) % 65535);
  const y = order.map((k) => (k * 24571) % 65535);
  const sheets = makeLevels({ x, y, crops: order.map(() => 9), order });
  const view = { zoom, width: 1000, height: 700, scale: [zoom / 60, zoom / 90], bounds: [0, 0, 65535, 65535] };
  const placed = placeCrops({ view, x, y, order, kept: null, sheets, nInView: n });
  const level = (k) => sheets[k].level;
  return { shown: Math.max(...placed.map(level)), all: Math.max(...order.map(level)), n: placed.length };
}
"""


@pytest.mark.parametrize(("zoom", "level"), [(1, 0), (1.4, 0), (1.5, 1), (2.8, 1), (2.9, 2), (8, 2)])
def test_each_doubling_of_the_zoom_brings_one_more_level_of_crops(visit: Make, zoom: float, level: int) -> None:
    one = visit()
    page = opened(one)
    [code] = [url for url in one.requests if url.endswith("/js/map/photos.js")]
    found = page.evaluate(PLACED, {"from": code.rsplit("/", 1)[0], "zoom": zoom})
    assert (found["shown"], found["all"]) == (level, 2)
    assert 20 < found["n"] <= 320
