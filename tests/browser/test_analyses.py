"""A visitor's photo in a real browser: give it, look, choose patches, edit, pass the address on, delete; no encoder."""

import io
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.browser.test_quality import CONTRAST
from tests.worker.images.photos import draw

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PASTE = """
(bytes) => {
  const given = new DataTransfer();
  given.items.add(new File([new Uint8Array(bytes)], "pasted.png", { type: "image/png" }));
  dispatchEvent(new ClipboardEvent("paste", { clipboardData: given }));
}
"""


def photo() -> bytes:
    buffer = io.BytesIO()
    draw(5, width=480, height=320).save(buffer, "PNG")
    return buffer.getvalue()


def opened(visit: Make, address: str, **options: object) -> tuple[Visit, Page]:
    one = visit(**options)
    one.base = address
    return one, one.go("/analyze")


def explained(visit: Make, address: str, **options: object) -> tuple[Visit, Page]:
    """A page of a photo that has just been given."""
    one, page = opened(visit, address, **options)
    page.locator("#file").set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": photo()})
    page.get_by_role("button", name="Explain").click()
    expect(page).to_have_url(re.compile(r"/a/[0-9a-f]{40}$"))
    page.wait_for_load_state("networkidle")
    return one, page


def test_give_look_choose_a_patch_and_pass_it_on(visit: Make, address: str) -> None:
    one, page = explained(visit, address)
    assert page.locator("#ranked li").count() > 0
    assert page.locator("#segments rect").count() > 0
    n = len(one.requests)
    cells = page.locator("#cells a")
    for place in (0, 1, 2):
        cells.nth(place).hover()
    assert len(one.requests) == n  # nothing is asked while the cursor moves
    cells.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile(r"patch=0,1"))
    expect(page.locator("#panel-title")).to_have_text("Row 1, column 2")
    again = one.go(page.url.removeprefix(address))
    expect(again.locator("#panel-title")).to_have_text("Row 1, column 2")
    expect(again.locator("#cells a[aria-current]")).to_have_count(1)
    page.keyboard.press("Escape")
    again.locator("#cells a[aria-current]").click()
    expect(again.locator("#panel-title")).to_contain_text("active concept")


def test_orders_are_links_that_keep_the_concept(visit: Make, address: str) -> None:
    _, page = explained(visit, address)
    page.locator("[data-show]").nth(1).click()
    expect(page.locator("#stage-heat image")).to_have_attribute("visibility", "visible")
    concept = re.search(r"concept=(\d+)", page.url)
    assert concept
    page.get_by_role("link", name="Surprise").click()
    expect(page).to_have_url(re.compile(rf"sort=surprise&concept={concept[1]}"))
    expect(page.locator("#stage-heat image")).to_have_attribute("visibility", "visible")


def test_edit_by_slider_undo_and_the_address_says_it_all(visit: Make, address: str) -> None:
    one, page = explained(visit, address)
    page.locator("[data-edit]").first.click()
    expect(page.locator(".verdict")).to_be_visible()
    expect(page).to_have_url(re.compile(r"edits=\d+_ablate"))
    before = page.locator(".verdict").inner_text()
    page.locator(".knob .by-factor input[type=range]").fill("2")
    expect(page).to_have_url(re.compile(r"edits=\d+_scale_2"))
    expect(page.locator(".verdict")).not_to_have_text(before)
    said = page.locator(".verdict").inner_text()
    page.locator("[data-edit]").nth(1).click()
    expect(page.locator(".knob")).to_have_count(2)
    page.locator("[data-undo]").last.click()
    expect(page.locator(".knob")).to_have_count(1)
    other, fresh = opened(visit, address)
    fresh = other.go(page.url.removeprefix(one.base))
    assert fresh.locator(".knob .by-factor input[type=number]").input_value() in ("2", "0")
    page.locator("[data-undo]").click()
    expect(page.locator("#edit")).to_have_count(0)
    assert said


def same_again(visit: Make, address: str, page: Page) -> Page:
    """The address in a fresh browser."""
    other, _ = opened(visit, address)
    return other.go(page.url.removeprefix(address))


def pixels(page: Page) -> str | None:
    return page.locator("#stage-signed image").get_attribute("href")


def test_what_is_lost_is_asked_by_one_click_and_stands_in_the_address(visit: Make, address: str) -> None:
    one, page = explained(visit, address)
    page.locator("#ranked [data-show]").first.click()
    expect(page.locator(".chosen")).to_be_visible()
    assert not [asked for asked in one.requests if "occlusion" in asked]
    page.locator("[data-map=occlusion]").click()
    expect(page.locator("#losses b")).to_be_visible()
    expect(page).to_have_url(re.compile(r"concept=\d+&map=occlusion$"))
    expect(page.locator("#stage-signed image")).to_have_attribute("visibility", "visible")
    expect(page.locator("#stage-heat image")).to_have_attribute("visibility", "hidden")
    said, drawn = page.locator("#losses").inner_text(), pixels(page)
    n = len(one.requests)
    page.locator("#cells a").nth(3).hover()
    expect(page.locator("#stage-says")).to_contain_text("logits")
    page.locator("#ranked li").nth(2).hover()
    page.mouse.move(2, 2)
    assert len(one.requests) == n
    assert pixels(page) == drawn
    fresh = same_again(visit, address, page)
    assert fresh.locator("#losses").inner_text() == said
    expect(fresh.locator("[data-map=occlusion]")).to_have_attribute("aria-current", "true")
    expect(fresh.locator("input[name=look][value=concept]")).to_be_checked()
    assert pixels(fresh) == drawn
    page.locator("#ranked [data-show]").nth(1).click()  # of another concept it is asked only when somebody wants it
    expect(page.locator("#losses")).to_have_count(0)
    page.locator("[data-close]").click()
    expect(page.locator(".chosen")).to_have_count(0)
    assert "concept" not in page.url
    assert "map" not in page.url


def test_contributions_of_one_concept_and_of_all(visit: Make, address: str) -> None:
    one, page = explained(visit, address)
    page.locator(".modes").get_by_text("Contributions").click()
    expect(page).to_have_url(re.compile(r"map=total$"))
    expect(page.locator("#signs")).to_be_visible()
    whole = pixels(page)
    page.locator("#cells a").nth(5).hover()
    expect(page.locator("#panel-says")).to_contain_text("add to the score")
    assert pixels(same_again(visit, address, page)) == whole
    page.locator("#ranked [data-show]").first.click()
    page.locator("[data-map=contribution]").click()
    expect(page).to_have_url(re.compile(r"map=contribution$"))
    expect(page.locator("#stage-says")).to_contain_text("logits in all")
    mine = pixels(page)
    assert mine != whole
    fresh = same_again(visit, address, page)
    expect(fresh.locator("#stage-says")).to_have_text(page.locator("#stage-says").inner_text())
    assert pixels(fresh) == mine
    fresh.get_by_role("link", name="Surprise").click()
    expect(fresh).to_have_url(re.compile(r"sort=surprise&.*map=contribution"))
    page.locator(".modes").get_by_text("Top concepts").click()
    expect(page).to_have_url(re.compile(r"concept=\d+&map=segments$"))
    expect(page.locator("#signs")).to_be_hidden()
    assert page.locator("#segments rect").count() > 0
    assert one.requests


def test_a_concept_is_held_at_a_code_and_the_call_can_be_copied(visit: Make, address: str) -> None:
    _, page = explained(visit, address, permissions=["clipboard-read", "clipboard-write"])
    page.locator("#ranked [data-show]").first.click()
    page.get_by_role("link", name="Hold at a code").click()
    expect(page).to_have_url(re.compile(r"edits=\d+_clamp_"))
    expect(page.locator(".verdict")).to_be_visible()
    page.locator(".knob .by-code input[type=range]").fill("0.1")
    expect(page).to_have_url(re.compile(r"edits=\d+_clamp_0\.1$"))
    expect(page.locator("#edit-call")).to_contain_text("clamp_0.1")
    page.locator(".knob").get_by_text("Times", exact=True).click()
    expect(page).to_have_url(re.compile(r"edits=\d+_scale_1$"))
    page.locator(".knob .by-factor input[type=range]").fill("-2")
    expect(page).to_have_url(re.compile(r"edits=\d+_scale_-2$"))
    expect(page.locator("#edit-call")).to_contain_text("scale_-2")
    page.locator("#edit-result summary").click()
    page.get_by_role("button", name="Copy API call").click()
    expect(page.locator("#toast")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#edit-call").inner_text().strip()
    fresh = same_again(visit, address, page)
    expect(fresh.locator(".knob .by-factor input[type=range]")).to_have_value("-2")
    assert fresh.locator(".verdict").inner_text() == page.locator(".verdict").inner_text()


def test_the_list_stays_beside_what_is_done_with_it(visit: Make, address: str) -> None:
    _, page = explained(visit, address)
    page.locator("#ranked [data-edit]").first.click()
    expect(page.locator(".verdict")).to_be_visible()
    page.locator(".verdict").scroll_into_view_if_needed()
    assert page.locator("#ranked li").first.evaluate("(row) => row.getBoundingClientRect().top") < DESKTOP["height"]
    panel = page.locator(".panel").evaluate("(one) => one.getBoundingClientRect().bottom")
    assert panel <= DESKTOP["height"]
    tops = [_top(page)]
    for place in (0, 1):  # what the photo shows changes, and nothing moves
        page.locator("#ranked li").nth(place).hover()
        tops.append(_top(page))
    page.locator(".modes").get_by_text("Contributions").click()
    tops.append(_top(page))
    assert max(tops) - min(tops) < 1


def _top(page: Page) -> float:
    """Where the edits begin, from the top of the page."""
    found: float = page.locator("#edit").evaluate("(one) => one.getBoundingClientRect().top + scrollY")
    return found


def test_paint_by_dragging_and_by_keyboard_and_edit_there_only(visit: Make, address: str) -> None:
    one, page = explained(visit, address)
    page.keyboard.press("p")
    expect(page.locator("#paint")).to_be_checked()
    boxes = [page.locator("#cells a").nth(place).bounding_box() for place in (0, 1)]
    first, second = ((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes if box)
    page.mouse.move(*first)
    page.mouse.down()
    page.mouse.move(*second, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"painted=0-1"))
    expect(page.locator("#panel-title")).to_have_text("2 patches")
    page.locator("#cells a").nth(1).focus()
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile(r"painted=0(&|$)"))
    sums = page.locator("#ranked li").evaluate_all("(rows) => rows.map((row) => row.dataset.concept)")
    page.locator("[data-edit]").first.click()
    expect(page.locator(".verdict")).to_be_visible()
    expect(page).to_have_url(re.compile(r"edits=\d+_ablate_0$"))
    again = one.go(page.url.removeprefix(address))
    expect(again.locator("#panel-title")).to_have_text("1 patch")
    expect(again.locator("#cells a.painted")).to_have_count(1)
    assert again.locator("#ranked li").evaluate_all("(rows) => rows.map((row) => row.dataset.concept)") == sums
    again.locator("#paint").uncheck()
    expect(again.locator("#panel-title")).to_contain_text("active concept")
    assert "painted" not in again.url


def test_paste_and_examples(visit: Make, address: str) -> None:
    _, page = opened(visit, address)
    page.evaluate(PASTE, list(photo()))
    expect(page).to_have_url(re.compile(r"/a/[0-9a-f]{40}$"))
    page.go_back()
    page.locator(".samples button").first.click()
    expect(page.locator("h1")).to_have_text("A photo explained")


def test_side_by_side_with_one_cursor(visit: Make, address: str) -> None:
    one, page = opened(visit, address)
    for box in page.locator("input[name=dictionary]").all():
        box.check()
    page.locator(".samples button").first.click()
    page.get_by_role("link", name="Side by side").click()
    tiles = page.locator(".besides svg")
    expect(page.locator(".besides section")).to_have_count(2)
    tiles.first.hover()
    expect(page.locator("svg.pointed")).to_have_count(tiles.count())
    assert one.requests


def test_without_script_it_works_by_forms_and_links(visit: Make, address: str) -> None:
    _, page = explained(visit, address, java_script_enabled=False)
    page.locator("#cells a").first.click()
    expect(page.locator("#panel-title")).to_have_text("Row 1, column 1")
    page.get_by_role("link", name="Start over").click()
    page.locator("#ranked a", has_text="Remove").first.click()
    expect(page.locator(".verdict")).to_be_visible()
    page.locator(".knob .by-factor input[type=number]").fill("-2")
    page.get_by_role("button", name="Try").click()
    expect(page).to_have_url(re.compile(r"scale_-2"))
    page.locator(".knob").get_by_text("Hold at").click()
    page.locator(".knob .by-code input[type=number]").fill("0.5")
    page.get_by_role("button", name="Try").click()
    expect(page).to_have_url(re.compile(r"clamp_0\.5"))
    expect(page.locator(".knob")).to_contain_text("Peaks in the collection")
    page.locator("#ranked [data-show]").first.click()
    page.locator(".chosen").get_by_role("link", name="What is lost without it").click()
    expect(page).to_have_url(re.compile(r"map=occlusion"))
    expect(page.locator("#losses b")).to_be_visible()
    assert (page.locator("#stage-signed image").get_attribute("href") or "").startswith("data:image/png")
    page.get_by_role("link", name="Contributions", exact=True).click()
    expect(page.locator("#signs")).to_be_visible()
    page.get_by_role("button", name="Delete now").click()
    expect(page.get_by_text("are deleted")).to_be_visible()


def test_a_bad_file_is_refused_in_words(visit: Make, address: str) -> None:
    one, page = opened(visit, address)
    one.provoked = ("415",)
    page.locator("#file").set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": b"nothing" * 99})
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("alert")).to_contain_text("not a picture")


def test_deleted_is_gone(visit: Make, address: str) -> None:
    one, page = explained(visit, address)
    one.provoked = ("404",)
    place = page.url
    page.get_by_role("button", name="Delete now").click()
    expect(page.get_by_text("are deleted")).to_be_visible()
    page.goto(place)
    expect(page.locator("h1")).to_contain_text("Not Found")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_shifts_and_text_has_contrast(visit: Make, address: str, scheme: str) -> None:
    one, page = explained(visit, address, color_scheme=scheme)
    page = one.go(page.url.removeprefix(address))
    page.wait_for_timeout(200)
    assert page.evaluate("window.shift") < 0.02
    page.locator("[data-edit]").first.click()
    expect(page.locator(".verdict")).to_be_visible()
    assert page.evaluate(CONTRAST) == []
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_nothing_overflows_and_targets_are_large(visit: Make, address: str, viewport: dict[str, int]) -> None:
    _, page = explained(visit, address, viewport=viewport)
    page.locator("[data-edit]").first.click()
    expect(page.locator(".verdict")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_no_encoder_is_told_where_it_matters(visit: Make, site: str) -> None:
    page = visit().go("/analyze")
    expect(page.get_by_role("alert")).to_contain_text("There is no encoder")
    expect(page.locator("input[name=dictionary]").first).to_be_visible()
    assert site
