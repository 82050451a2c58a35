"""Numbers and comparisons as people meet them: by keyboard, without script, on a phone."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Visit, first_pages

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGES = first_pages()
SHIFT = "() => window.shift"


@pytest.mark.parametrize("script", [True, False])
def test_a_number_unfolds_its_meaning_by_keyboard(visit: Make, script: bool) -> None:
    page = visit(java_script_enabled=script).go(PAGES["dictionary"])
    row = page.locator("#metric-r2")
    expect(row.locator(".meaning")).not_to_be_visible()
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(row.locator(".meaning")).to_be_visible()
    expect(row.locator(".meaning")).to_contain_text("Share of the variance")
    expect(row.locator(".meaning")).to_contain_text("0.340 R² of token atoms")


def test_a_row_is_read_in_one_go(visit: Make) -> None:
    page = visit().go(PAGES["dictionary"])
    said = page.locator("#metric-r2 summary").aria_snapshot().replace(" ,", ",").replace(" :", ":")
    assert "R² held out, higher is better: 0.710, null 0.340, rank 1 of 2, shared" in said


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE}])
def test_numbers_stand_under_each_other(visit: Make, options: dict[str, Any]) -> None:
    page = visit(**options).go(PAGES["dictionary"])
    column = page.locator(".score-groups > div").last
    for name in (".n:not(.null, .rank)", ".null", ".rank"):
        cells = column.locator(f".score summary {name}:not(svg *)")
        edges = cells.evaluate_all("(all) => all.map((one) => Math.round(one.getBoundingClientRect().right))")
        assert len(edges) > 1
        assert len(set(edges)) == 1


def test_a_large_number_leads_to_its_row(visit: Make) -> None:
    page = visit().go(PAGES["dictionary"])
    page.locator(".figures.brief a").first.click()
    expect(page).to_have_url(re.compile(r"#metric-r2$"))
    expect(page.locator("#metric-r2")).to_be_in_viewport()


@pytest.mark.parametrize("script", [True, False])
def test_a_heading_sorts_the_table(visit: Make, script: bool) -> None:
    page = visit(java_script_enabled=script).go(PAGES["compare"])
    rows = page.locator(".compare tbody th")
    assert rows.count() == 2
    page.locator(".compare thead").get_by_role("link", name="Concepts", exact=True).click()
    expect(page.locator("thead [aria-sort]")).to_have_attribute("aria-sort", "ascending")
    expect(rows.first).to_contain_text("30 concepts")
    page.locator(".compare thead").get_by_role("link", name="Concepts", exact=True).click()
    expect(page.locator("thead [aria-sort]")).to_have_attribute("aria-sort", "descending")
    expect(rows.first).to_contain_text("48 concepts")


@pytest.mark.parametrize("script", [True, False])
def test_the_form_shows_another_model(visit: Make, script: bool) -> None:
    page = visit(java_script_enabled=script).go(PAGES["compare"])
    page.locator("#of").select_option(label="Widenet, stage4, Drawn shapes (1)")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"/compare\?model=widenet&layer=stage4&collection=shapes$"))
    expect(page.locator(".compare tbody tr")).to_have_count(1)


def test_a_mark_of_the_plot_leads_to_its_dictionary(visit: Make) -> None:
    page = visit().go(PAGES["compare"])
    mark = page.locator(".scatter a").first
    mark.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/d/tiny-"))


def test_the_keyboard_goes_to_the_comparison(visit: Make) -> None:
    page = visit().go(PAGES["dictionary"])
    page.keyboard.press("g")
    page.keyboard.press("x")
    expect(page).to_have_url(re.compile(r"/compare\?model=tinynet"))


def test_all_columns_fit_a_phone_by_scrolling_the_table_alone(visit: Make) -> None:
    page = visit(viewport=PHONE).go(f"{PAGES['compare']}?show=all")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    table = page.locator(".wide-table")
    assert table.evaluate("(one) => one.scrollWidth > one.clientWidth")
    table.evaluate("(one) => { one.scrollLeft = 400; }")
    name = page.locator(".compare tbody th").first.bounding_box()
    assert name
    assert 0 <= name["x"] < 40  # the name stays
    assert page.evaluate(SHIFT) < 0.02
