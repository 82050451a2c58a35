"""Every page: quiet console, no shifting, no sideways scroll on a phone, both themes, and useful without script."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Visit, first_pages

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGES = first_pages()
CONTRAST = """
() => {
  const light = (colour) => {
    const c = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (colour.startsWith("rgb(")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const bad = [];
  for (const one of document.querySelectorAll("main *, header *, footer *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || one.closest("svg") || !one.checkVisibility({ visibilityProperty: true })) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(`${one.tagName}.${one.className}: ${one.textContent.trim()}`);
  }
  return bad;
}
"""


def image_page(one: Visit) -> Page:
    """The first image's page, found by its link."""
    page = one.go(PAGES["images"])
    address = page.locator(".photos a").first.get_attribute("href")
    assert address
    return one.go(address)


def opened(one: Visit, name: str) -> Page:
    return image_page(one) if name == "image" else one.go(PAGES[name])


@pytest.mark.parametrize("name", [*PAGES, "image"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_shifts_and_text_has_contrast(visit: Make, name: str, scheme: str) -> None:
    page = opened(visit(color_scheme=scheme), name)
    page.wait_for_timeout(200)
    assert page.evaluate("window.shift") < 0.02
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("name", [*PAGES, "image"])
def test_a_phone_never_scrolls_sideways(visit: Make, name: str) -> None:
    page = opened(visit(viewport=PHONE), name)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate("window.shift") < 0.02


@pytest.mark.parametrize("name", [*PAGES, "image"])
def test_one_heading_landmarks_and_big_enough_targets(visit: Make, name: str) -> None:
    page = opened(visit(), name)
    for landmark, count in (("h1", 1), ("main", 1), ("header.masthead", 1), ("footer", 1)):
        assert page.locator(landmark).count() == count
    small = page.evaluate("""
        () => [...document.querySelectorAll("button, .button, .tabs a, .segments > *, .masthead nav a, .applied a")]
          .filter((one) => one.checkVisibility()).filter((one) => {
            const { width, height } = one.getBoundingClientRect();
            return width < 24 || height < 24;
          }).map((one) => one.outerHTML.slice(0, 80))
    """)
    assert small == []


@pytest.mark.parametrize("name", [*PAGES, "image"])
def test_useful_without_script(visit: Make, name: str) -> None:
    page = opened(visit(java_script_enabled=False), name)
    expect(page.locator("h1")).to_be_visible()
    for element in page.locator(".needs-js").all():
        expect(element).not_to_be_visible()
    assert page.locator("img:not([width]), img:not([height]), img:not([alt])").count() == 0


def test_filters_patches_and_bands_work_without_script(visit: Make) -> None:
    one = visit(java_script_enabled=False)
    page = one.go(PAGES["concepts"])
    before = int(page.locator(".count b").inner_text())
    page.locator("#density__gte").fill("0.2")
    page.get_by_role("button", name="Go").click()
    assert int(page.locator(".count b").inner_text()) < before
    page = one.go(PAGES["concept"])
    page.locator(".tabs a").nth(4).click()
    expect(page.locator("[data-shown-band=q50]")).to_be_visible()
    page = image_page(one)
    page.locator("#cells a").nth(7).click()
    expect(page.locator("#panel-title")).to_have_text("Row 2, column 2")
    page.locator("#ranked .value a").first.click()
    assert (page.locator("#stage-heat image").get_attribute("href") or "").startswith("data:image/png")


def test_the_theme_switch_holds_on_the_next_page(visit: Make) -> None:
    one = visit(color_scheme="light")
    page = one.go("/")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    page.locator("#theme").click()
    page.locator("#theme").click()
    assert page.evaluate(paper) != light
    one.go(PAGES["glossary"])
    assert page.evaluate(paper) != light


def test_errors_are_kind_and_exact(visit: Make) -> None:
    one = visit()
    one.provoked = ("400", "404")
    page = one.go("/d/no-such-dictionary")
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("main")).to_contain_text("no-such-dictionary")
    page = one.go(f"{PAGES['concepts']}?densty__gte=1")
    expect(page.locator("main")).to_contain_text("densty__gte")
