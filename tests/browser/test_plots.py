"""Plots are enlarged and kept: by keyboard, as drawings that stand alone, as the tables that they are."""

import csv
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from app.render import integer, n3, percent
from tests.browser.conftest import PHONE, Visit, first_pages
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGES = first_pages()
SVG = "{http://www.w3.org/2000/svg}"
WITH_PLOTS = ("dictionary", "concept", "class", "compare", "alignment", "streams")
"""Between them they draw every kind of plot."""
MARKS = {"bar", "cell", "curve c0", "median", "point best", "dot"}
"""A mark of each kind."""


def kept(page: Page, plot: Locator, kind: str, *, within: str = ".plot-foot") -> bytes:
    """What a plot's button saves."""
    with page.expect_download() as saved:
        plot.locator(f"{within} [data-plot={kind}]").click()
    name = saved.value.suggested_filename
    assert name.endswith(f"-{plot.get_attribute('id')}.{kind}")
    assert re.fullmatch(r"[\w.-]+", name)
    return Path(saved.value.path()).read_bytes()


def test_a_plot_is_enlarged_and_closed_by_keyboard(visit: Make) -> None:
    page = visit().go(PAGES["dictionary"])
    plot = page.locator("#density")
    row = plot.locator(".plot-acts")
    expect(row).to_have_css("opacity", "0")
    plot.locator("svg a").last.focus()
    page.keyboard.press("Tab")
    button = plot.get_by_role("button", name="Enlarge: Concepts by density")
    expect(button).to_be_focused()
    expect(row).to_have_css("opacity", "1")
    before = plot.bounding_box()
    page.keyboard.press("Enter")
    window = page.get_by_role("dialog", name="Concepts by density")
    expect(window.locator(".bar")).to_have_count(plot.locator("tbody tr").count())
    large, small = window.locator("svg").bounding_box(), plot.locator("> svg").bounding_box()
    assert large
    assert small
    assert large["width"] > 2 * small["width"]
    assert plot.bounding_box() == before
    expect(window.get_by_role("button", name="Close")).to_be_focused()
    expect(window.locator(".plot-acts")).to_have_css("opacity", "1")
    large_text = kept(page, plot, "svg", within="dialog")
    page.keyboard.press("Escape")
    expect(window).to_have_count(0)
    expect(button).to_be_focused()
    expect(plot.locator("> svg .bar")).to_have_count(plot.locator("tbody tr").count())
    assert page.evaluate("window.shift") < 0.02
    saved = re.compile(rb'"saved":"[^"]*"')
    assert saved.sub(b"", kept(page, plot, "svg")) == saved.sub(b"", large_text)


def test_links_and_rectangles_work_in_the_window(visit: Make) -> None:
    page = visit().go(PAGES["alignment"])
    plot = page.locator(".plot:has([data-picks])")
    plot.locator("[data-plot=enlarge]").click()
    box = plot.locator("dialog .view svg").bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.7 * box["height"], steps=3)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"energy_a__gte=.*energy_b__lte="))
    page.locator("#scores [data-plot=enlarge]").click()
    page.locator("#scores dialog a").first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"min=.*max="))


def stands_alone(page: Page, plot: Locator, text: str) -> set[str]:
    """Checks a saved drawing; the kinds of marks in it."""
    root = ET.fromstring(text)
    assert not re.search(r"var\(|href|light-dark|data-|transparent", text)
    title, desc, metadata = (root.findtext(f"{SVG}{part}") or "" for part in ("title", "desc", "metadata"))
    assert title.split()[0] in "".join(write.text or "" for write in root.iter(f"{SVG}text"))
    assert desc == plot.locator("desc").text_content()
    told = json.loads(metadata)
    assert told["source"] == page.url
    assert ("dictionary" in told) == ("/d/" in page.url)
    assert len(list(root.iter(f"{SVG}svg"))) - 1 == plot.locator("> .series li").count()
    marks = [one.get("class") or "" for one in root.iter() if one.get("class") in MARKS]
    assert marks.count("bar") + marks.count("cell") in (0, plot.locator("tbody tr").count())
    return set(marks)


def is_the_table(plot: Locator, text: str) -> int:
    """Checks a saved table; how many of its numbers have more digits than the page shows."""
    rows = list(csv.reader(StringIO(text, newline="")))
    shown = plot.locator("table tr").evaluate_all(
        "(all) => all.map((row) => [...row.cells].map((cell) => cell.textContent.trim()))"
    )
    assert len(rows) > 1
    assert [len(row) for row in rows] == [len(row) for row in shown]
    longer = 0
    for value, cell in zip((one for row in rows for one in row), (one for row in shown for one in row), strict=True):
        if value != cell and (value, cell) != ("", "–"):
            assert cell in {write(float(value)) for write in (n3, percent, integer)}
            longer += len(value) > len(cell)
    return longer


def test_every_plot_leaves_as_drawing_and_as_table(visit: Make) -> None:
    one, kinds, longer = visit(color_scheme="dark"), set[str](), 0
    for name in WITH_PLOTS:
        page = one.go(PAGES[name])
        for number, plot in enumerate(page.locator("main .plot:has(> figcaption)").all()):
            if number % 4 == 3:  # a browser without a window saves ten files of a page at most
                one.go(PAGES[name])
            kinds |= stands_alone(page, plot, kept(page, plot, "svg").decode())
            longer += is_the_table(plot, kept(page, plot, "csv").decode())
        expect(page.locator("#toast")).to_contain_text("Saved")
    assert kinds == MARKS
    assert longer > 50


def test_a_picture_has_twice_the_size_and_the_ground_of_the_theme(visit: Make) -> None:
    for scheme, ground in (("light", (242, 243, 240)), ("dark", (15, 18, 17))):
        page = visit(color_scheme=scheme).go(PAGES["alignment"])
        plot = page.locator("#scores")
        root = ET.fromstring(kept(page, plot, "svg").decode())
        picture = Image.open(BytesIO(kept(page, plot, "png")))
        assert picture.format == "PNG"
        assert picture.size == tuple(2 * int(root.get(side) or 0) for side in ("width", "height"))
        assert picture.convert("RGB").getpixel((1, 1)) == ground
        assert len(picture.convert("RGB").getcolors(2**20) or ()) > 20  # lines and letters are there


def test_nothing_is_offered_that_does_not_work(visit: Make) -> None:
    still = visit(java_script_enabled=False).go(PAGES["dictionary"])
    expect(still.locator(".plot-acts").first).to_be_hidden()
    expect(still.locator("#density summary")).to_be_visible()
    page = visit().go(PAGES["dictionary"])
    page.emulate_media(media="print")
    expect(page.locator(".plot-acts button").first).to_be_hidden()


def test_a_phone_shows_the_buttons_and_axe_finds_nothing_in_the_window(visit: Make) -> None:
    page = visit(viewport=PHONE, is_mobile=True, has_touch=True, bypass_csp=True).go(PAGES["dictionary"])
    row = page.locator("#density .plot-acts")
    expect(row).to_have_css("opacity", "1")
    sizes = row.locator("button").evaluate_all("(all) => all.map((one) => [one.offsetWidth, one.offsetHeight]).flat()")
    assert min(sizes) >= 24
    row.locator("[data-plot=enlarge]").tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
