"""The table of photos by concepts under pointer and keys; readable colours; legend and photos point to each other."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
CLASS = "/d/tiny-topk/classes/1"
CONTRAST = """
() => {
  const draw = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    draw.fillStyle = colour;
    draw.fillRect(0, 0, 1, 1);
    const c = [...draw.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
  };
  const cell = document.querySelector(".matrix tbody td");
  const found = {};
  for (const name of ["", ...[1, 2, 3, 4, 5, 6].flatMap((n) => [`p${n}`, `n${n}`])]) {
    cell.className = name;
    const { color, backgroundColor } = getComputedStyle(cell);
    const [a, b] = [light(color), light(backgroundColor)].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found[name] = (a + 0.05) / (b + 0.05);
  }
  return found;
}
"""


def test_arrow_keys_go_from_cell_to_cell(visit: Make) -> None:
    page = visit().go(CLASS)
    cell = page.locator(".matrix tbody tr").nth(0).locator("td").nth(0)
    cell.focus()
    expect(page.locator("#matrix-says")).to_contain_text("logits")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    row = page.locator(".matrix tbody tr").nth(1)
    expect(row.locator("td").nth(1)).to_be_focused()
    expect(page.locator("#matrix-says")).to_contain_text(row.locator("th").inner_text().split()[0])
    concept = row.get_attribute("data-concept")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/i/*concept={concept}*")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_are_readable_without_script(visit: Make, scheme: str) -> None:
    page = visit(java_script_enabled=False, color_scheme=scheme).go(CLASS)
    page.get_by_label("Numbers").check()
    expect(page.locator(".matrix tbody td").first).not_to_have_css("font-size", "0px")
    with_script = visit(color_scheme=scheme).go(CLASS)
    with_script.get_by_label("Numbers").check()
    assert with_script.evaluate(CONTRAST) == {}


def test_the_legend_points_at_photos_without_script(visit: Make) -> None:
    page = visit(java_script_enabled=False).go(CLASS)
    other = page.locator(".part:not(.part-1)").first
    expect(other).to_have_css("opacity", "1")
    page.locator(".key.part-1 a").hover()
    expect(other).to_have_css("opacity", "0.12")
    page.get_by_label("In colour").uncheck()
    expect(other).to_be_hidden()
