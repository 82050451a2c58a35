"""A visitor's photo in a real browser: give it, look, choose patches, edit, pass the address on, delete; no encoder."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, ROOT, Visit
from tests.browser.test_quality import CONTRAST
from tests.encoding import SECRET, Running, Studio, encoding, make_studio
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


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return make_studio(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def running(studio: Studio) -> Iterator[Running]:
    with encoding(studio.settings.store, weights=[studio.inputs.weights]) as one:
        yield one


@pytest.fixture(scope="module")
def address(running: Running) -> Iterator[str]:
    """A web program beside the encoder."""
    given = {"CONCEPTOSCOPE_ENCODER_PORT": str(running.settings.encoder_port), "CONCEPTOSCOPE_ENCODER_SECRET": SECRET}
    command = [sys.executable, "-m", "app", "--store", str(running.settings.store), "--port", "0"]
    environment = {**os.environ, **given, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line = next((line for line in process.stdout if "http://" in line), "")
        yield "http://" + line.split("http://", 1)[1].strip().rstrip("/")
        process.terminate()
        process.communicate(timeout=15)


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
    page.locator(".knob input[type=range]").fill("2")
    expect(page).to_have_url(re.compile(r"edits=\d+_scale_2"))
    expect(page.locator(".verdict")).not_to_have_text(before)
    said = page.locator(".verdict").inner_text()
    page.locator("[data-edit]").nth(1).click()
    expect(page.locator(".knob")).to_have_count(2)
    page.locator("[data-undo]").last.click()
    expect(page.locator(".knob")).to_have_count(1)
    other, fresh = opened(visit, address)
    fresh = other.go(page.url.removeprefix(one.base))
    assert fresh.locator(".knob input[type=number]").input_value() in ("2", "0")
    page.locator("[data-undo]").click()
    expect(page.locator("#edit")).to_have_count(0)
    assert said


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
    page.locator(".knob input[type=number]").fill("3")
    page.get_by_role("button", name="Try").click()
    expect(page).to_have_url(re.compile(r"scale_3"))
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
