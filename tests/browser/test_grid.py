"""The grid by hand: brush, values, selection, peek, labels in place, table; with and without script."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PHONE, Visit
from tests.factories import make_store
from tests.serving import serve

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
GRID = "/d/tiny-topk/c"
BRUSH = "brush-plot[data-label='Density']"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over a store of its own, which may be written to."""
    store = Path(tmp_path_factory.mktemp("store"))
    make_store(store)
    with serve(store) as base:
        yield base


def fragments(one: Visit) -> list[str]:
    return [url for url in one.requests if f"/_f{GRID}" in url]


def kept(page: Page, label: str = "Density") -> int:
    found: int = page.evaluate(f"document.querySelector(`brush-plot[data-label='{label}']`).kept()")
    return found


def total(page: Page) -> int:
    return int(page.locator(".count b").inner_text())


def test_a_range_is_dragged_moved_by_keys_taken_back_and_cleared(visit: Make) -> None:
    one = visit()
    page = one.go(GRID)
    plot, everything = page.locator(BRUSH), total(page)
    box = plot.bounding_box() or {}
    at = [(box["x"] + box["width"] * share, box["y"] + box["height"] / 2) for share in (0.4, 0.95)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=6)
    promised = kept(page)
    page.mouse.up()
    expect(page.locator(".count b")).to_have_text(str(promised))
    assert promised < everything
    assert len(fragments(one)) == 1
    page.wait_for_function(  # filters follow the results
        "most => document.querySelector(`brush-plot[data-label='Importance']`).kept() <= most", arg=promised
    )
    page.locator("#brush-density__gte").press("ArrowRight")
    page.locator("#brush-density__gte").press("ArrowRight")
    promised = kept(page)
    expect(page.locator(".count b")).to_have_text(str(promised))
    expect(page.locator("#brush-density__gte")).to_be_focused()
    expect(page.locator("#brush-density__gte")).to_have_attribute(
        "aria-valuetext", re.compile(rf": {promised} concepts")
    )
    assert len(fragments(one)) == 2
    page.locator("#brush-density__gte").press("ArrowLeft")
    page.locator("#brush-density__gte").press("Escape")
    page.locator(BRUSH).dblclick(position={"x": box["width"] * 0.9, "y": 10})
    expect(page.locator(".count b")).to_have_text(str(everything))
    assert len(fragments(one)) == 3
    assert page.evaluate("window.shift") < 0.1


def test_a_field_left_by_enter_asks_once_and_the_filters_follow_where_they_stand(visit: Make) -> None:
    one = visit()
    page = one.go(GRID)
    everything = total(page)
    field = page.locator("#density__gte")
    page.evaluate("window.before = document.querySelector('#density__gte')")
    field.fill("0.01")
    field.press("Enter")
    expect(page.locator("#facets > summary")).to_have_text("Filters (1)")
    page.wait_for_timeout(300)
    assert len(fragments(one)) == 1
    assert total(page) < everything
    expect(field).to_be_focused()
    assert page.evaluate("before === document.querySelector('#density__gte')")
    page.wait_for_function(
        "n => document.querySelector(`brush-plot[data-label='Density']`).kept() === n", arg=total(page)
    )


def test_what_is_typed_while_results_come_stays_and_is_asked_next(visit: Make) -> None:
    one = visit()
    page = one.go(GRID)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"/_f/d/tiny-topk/c\?.*q=di&"), hold)
    field = page.locator("#q")
    field.press_sequentially("di")
    with page.expect_request(re.compile("q=di&")):
        pass
    field.press_sequentially("sc ")
    page.wait_for_timeout(100)
    held[0].continue_()
    expect(page).to_have_url(re.compile(r"q=disc"))
    page.wait_for_timeout(300)
    assert field.input_value() == "disc "
    expect(field).to_be_focused()
    assert [re.findall("q=([a-z]*)", url)[0] for url in fragments(one)] == ["di", "disc"]


def test_values_are_counted_under_all_other_filters(visit: Make) -> None:
    page = visit().go(f"{GRID}?badge__not=dead")
    box = page.locator("#values-class label").first
    n = int(box.locator("span").last.inner_text())
    page.locator("#facet-label_source summary").click()
    box.locator("input").check()
    expect(page.locator(".count b")).to_have_text(str(n))
    expect(page.locator("#facet-label_source")).to_have_attribute("open", "")
    second = page.locator("#values-class label").nth(1)
    more = int(second.locator("span").last.inner_text())
    second.locator("input").check()
    expect(page.locator(".count b")).to_have_text(str(n + more))
    expect(page.locator("#announced")).to_have_text(re.compile(rf"^{n + more} concepts, sorted by"))
    assert re.search(r"class__in=\w+,\w+", page.url)
    page.locator(".applied a", has_text="Top class").first.click()
    expect(page.locator(".count b")).to_have_text(str(more))


def test_the_selection_survives_pages_and_a_fresh_visit(visit: Make) -> None:
    one = visit()
    page = one.go(f"{GRID}?limit=24")
    first = page.locator(".card a").first
    first.focus()
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#selected-n")).to_have_text("2")
    page.locator(".pager [rel=next]").hover()
    page.wait_for_timeout(150)
    ahead = len(fragments(one))
    assert ahead == 1
    page.locator(".pager [rel=next]").click()
    expect(page.locator(".pager [rel=prev]")).to_be_visible()
    page.locator(".card .tick input").first.check(force=True)
    expect(page.locator("#selected-n")).to_have_text("3")
    address = page.url
    again = visit().go(address.removeprefix(one.base))
    assert again.url == address
    expect(again.locator("#selected-n")).to_have_text("3")
    expect(again.locator(".tick :checked")).to_have_count(1)
    again.locator("#put summary").click()
    again.locator("#put-title").fill("Three of them")
    again.locator("#put button").click()
    expect(again.locator("h1")).to_have_text("Three of them")
    expect(again.locator(".card")).to_have_count(3)
    page.locator("#selected").get_by_role("link", name="Compare").click()
    expect(page.locator("table.beside thead th")).to_have_count(3)
    page.go_back()
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.locator("#selected")).not_to_be_visible()
    assert "select" not in page.url


def test_the_address_says_all_that_was_chosen(visit: Make) -> None:
    page = visit().go(GRID)
    page.locator(".segments a", has_text="Random").click()
    expect(page.locator(".segments a[aria-current]", has_text="Random")).to_be_visible()
    page.locator("#sort").select_option("-purity")
    page.wait_for_url("**sort=-purity*")
    page.locator("#columns summary").click()
    page.locator("#show-2").select_option("energy")
    page.wait_for_url("**show=density,energy*")
    page.locator("a[data-size=s]").click()
    page.wait_for_url("**size=s*")
    page.locator("#values-badge input").nth(1).check()
    page.wait_for_url("**badge__in=*")
    fresh = visit().go(page.url.split("//", 1)[1].partition("/")[2].join(("/", "")))
    assert fresh.locator("#results").inner_text() == page.locator("#results").inner_text()
    widths = [one.locator(".card").first.evaluate("card => card.clientWidth") for one in (page, fresh)]
    assert widths[0] == widths[1] < 150
    expect(fresh.locator("#values-badge :checked")).to_have_count(1)


def test_a_concept_is_looked_into_and_named_in_place(visit: Make) -> None:
    one = visit()
    one.provoked = ("412",)
    page = one.go(GRID)
    link = page.locator(".card a").nth(1)
    link.focus()
    page.keyboard.press(" ")
    expect(page.locator("#peek .tile").first).to_be_visible()
    name = page.locator("#peek h2").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#peek h2")).not_to_have_text(name)
    page.keyboard.press("Escape")
    expect(page.locator("#peek")).not_to_be_visible()
    expect(page.locator(".card a").nth(2)).to_be_focused()
    page.keyboard.press("l")
    page.locator(".naming input").fill("named here")
    page.keyboard.press("Enter")
    title = page.locator(".card .title").nth(2)
    expect(title).to_contain_text("named here")
    page.keyboard.press("l")
    expect(page.locator(".naming input")).to_have_value("named here")
    concept = page.locator(".card").nth(2).get_attribute("data-concept")
    rename(page, str(concept), "meanwhile")
    page.locator(".naming input").fill("mine")
    page.keyboard.press("Enter")
    expect(page.locator(".naming small")).to_contain_text("meanwhile")
    page.keyboard.press("Enter")
    expect(title).to_contain_text("mine")


def rename(page: Page, concept: str, text: str) -> None:
    """Somebody else writes the label anew."""
    api = f"{page.url.split('/d/')[0]}/api/v1"
    label: dict[str, Any] = page.request.get(f"{api}/dictionaries/tiny-topk/concepts/{concept}/labels").json()["data"][
        0
    ]
    headers = {"If-Match": f'"{label["revision"]}"', "X-Author": "Bea"}
    assert page.request.patch(f"{api}/labels/{label['id']}", data={"text": text}, headers=headers).ok


def test_the_table_scrolls_in_its_own_region_on_a_phone(visit: Make) -> None:
    page = visit(viewport=PHONE).go(f"{GRID}?view=table&show=max,purity,mean,class&select=3")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    region = page.get_by_role("region", name="Concepts as a table")
    assert region.evaluate("e => e.scrollWidth > e.clientWidth")
    region.evaluate("e => (e.scrollLeft = 200)")
    assert (page.locator("tbody th a").first.bounding_box() or {})["x"] < 90
    page.locator("thead a", has_text="Max").click()
    expect(page.locator("thead [aria-sort]")).to_have_text(re.compile("Max"))
    expect(page.locator("#selected-n")).to_have_text("1")


def test_all_of_it_without_script(visit: Make) -> None:
    one = visit(java_script_enabled=False)
    page = one.go(f"{GRID}?badge__not=dead")
    page.locator(".card .tick input").nth(0).check()
    page.locator(".card .tick input").nth(2).check()
    page.get_by_role("button", name="Select what is ticked").click()
    assert re.search(r"select=\d+&select=\d+", page.url)
    expect(page.locator("#selected-n")).to_have_text("2")
    page.locator("#selected").get_by_role("link", name="Compare").click()
    expect(page.locator("table.beside thead th")).to_have_count(2)
    page = one.go(GRID)
    page.get_by_role("link", name="Table").click()
    page.locator("thead a", has_text="Purity").click()
    expect(page.locator("thead [aria-sort]")).to_have_text(re.compile("Purity"))
    page.locator("#columns summary").click()
    page.locator("#show-energy").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("thead th", has_text="Energy")).to_be_visible()
    page.locator("#values-class input").nth(0).check()
    page.locator("#values-class input").nth(1).check()
    page.get_by_role("button", name="Go").click()
    expect(page.locator(".applied li")).to_have_count(3)
