"""What the explorer promises as a whole: keyboard alone, no script, a map without a GPU, honest counts, whole pages."""

import random
import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.api import SLUG, make_large
from tests.browser.conftest import Visit, first_pages
from tests.browser.controls import settle
from tests.factories import SHOWN
from tests.serving import serve

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGES = first_pages()
D = f"/d/{SHOWN[0].slug}"
POINTER = """
window.pointed = 0;
for (const type of ["pointermove", "pointerdown", "mousedown", "wheel", "touchstart"])
  addEventListener(type, (event) => { if (event.isTrusted) window.pointed += 1; }, { capture: true });
"""
CONTEXTS = """
window.contexts = [];
for (const kind of [HTMLCanvasElement, OffscreenCanvas]) {
  const { getContext } = kind.prototype;
  kind.prototype.getContext = function (name, ...rest) {
    contexts.push(name);
    return getContext.call(this, name, ...rest);
  };
}
"""
MOST_TABS = 250


def reach(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    wanted = target.first.element_handle()
    for _ in range(MOST_TABS):
        if wanted.evaluate("(one) => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{MOST_TABS} times Tab do not lead to {target}")


def follow(page: Page, target: Locator, *, key: str = "Enter") -> None:
    """Go to a link or button by Tab and press it."""
    reach(page, target)
    page.keyboard.press(key)


def test_keyboard_alone_from_home_to_a_label_an_edit_and_an_export(visit: Make, address: str) -> None:
    one = visit()
    one.base = address
    one.page.context.add_init_script(POINTER)
    page = one.go("/")
    follow(page, page.locator("main a[href*='/c/']"))
    expect(page).to_have_url(re.compile(r"/d/[\w-]+/c/\d+"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _label(page, "an edge by keyboard")
    _begin_a_list(page, "Edges by keyboard")
    page.keyboard.press("g")
    page.keyboard.press("l")
    follow(page, page.get_by_role("link", name="Edges by keyboard"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Edges by keyboard")
    with page.expect_download() as download:
        follow(page, page.get_by_role("link", name="CSV", exact=True))
    assert "an edge by keyboard" in download.value.path().read_text()
    _edit_a_photo(page)
    assert page.evaluate("window.pointed") == 0


def _label(page: Page, text: str) -> None:
    page.keyboard.press("l")
    expect(page.locator(":focus")).to_be_editable()
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(text)


def _begin_a_list(page: Page, title: str) -> None:
    reach(page, page.locator("main form input[name=title]"))
    page.keyboard.type(title)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=title).first).to_be_attached()


def _edit_a_photo(page: Page) -> None:
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile(r"/analyze"))
    follow(page, page.locator("main button:has(img)"))
    expect(page).to_have_url(re.compile(r"/a/[0-9a-f]{40}"))
    page.wait_for_load_state("networkidle")
    follow(page, page.locator("main a[href*='edits=']"))
    expect(page).to_have_url(re.compile(r"edits=\d+_ablate"))
    expect(page.get_by_role("slider").first).to_be_attached()


@pytest.mark.parametrize(
    "name", ["concepts", "concept", "classes", "class", "compare", "alignment", "together", "streams", "search", "map"]
)
def test_every_choice_works_without_script(visit: Make, name: str) -> None:
    """Every form has a button that sends it; every group of links leads to a whole page of the same kind."""
    one = visit(java_script_enabled=False)
    path = PAGES.get(name, f"{D}/{name}")
    page = one.go(path)
    groups = page.locator("main :is(ul, nav, [role=group]):has(> a[aria-current], > li > a[aria-current])")
    links = [
        group.locator("a:not([aria-current])").last.get_attribute("href")
        for group in groups.all()
        if group.locator("a:not([aria-current])").count()
    ]
    forms = page.locator("main form[method=get]:not(.needs-js)")
    for place in range(forms.count()):
        button = forms.nth(place).locator("button:not([type=button], [type=reset])").first
        identity = forms.nth(place).get_attribute("id")
        if not button.count() and identity:
            button = page.locator(f"button[form={identity}]")
        if not button.is_visible():
            button.locator("xpath=ancestor::details[not(@open)]/summary").click()
        button.click()
        expect(page.locator("h1")).to_have_count(1)
        expect(page.get_by_role("alert")).to_have_count(0)
        page = one.go(path)
    for link in links:
        assert link
        page.goto(str(httpx.URL(page.url).join(link)))
        expect(page.locator("h1")).to_have_count(1)
        expect(page.locator("a[aria-current]").first).to_be_attached()


def test_jobs_are_told_without_script(visit: Make) -> None:
    one = visit(java_script_enabled=False)
    page = one.go("/jobs")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page = one.go("/jobs/new/train")
    expect(page.locator("main form[method=post] button[type=submit]").first).to_be_visible()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over a dictionary of 32,768 concepts without photos."""
    store = tmp_path_factory.mktemp("large")
    make_large(store)
    with serve(store) as base:
        yield base


def test_a_map_of_32768_concepts_moves_without_a_gpu(visit: Make, large: str) -> None:
    one = visit()
    one.base, one.provoked = large, ("404",)  # there are no photos
    one.page.context.add_init_script(CONTEXTS)
    page = one.go(f"/d/{SLUG}/map")
    expect(page.locator("main canvas").first).to_be_attached()
    box = page.locator("main canvas").first.locator("xpath=..").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 250
    before = page.url
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(12):
        page.mouse.move(x + 8 * step, y + 4 * step)
    page.mouse.up()
    page.wait_for_url(lambda url: url != before)
    assert page.evaluate("performance.getEntriesByName('map').length") > 0
    assert page.get_by_role("list").filter(has=page.locator("a[href*='/c/']")).count() > 0
    page.get_by_role("button", name="Select visible").click()
    expect(page.get_by_role("link", name=re.compile("grid", re.I)).first).to_be_visible()
    expect(page.get_by_text(re.compile(r"[\d,]+ concepts selected"))).to_be_visible()
    assert set(page.evaluate("window.contexts")) <= {"2d", "bitmaprenderer"}


def test_counts_are_those_of_brute_force(visit: Make) -> None:
    one = visit()
    rows = httpx.get(f"{one.base}/api/v1/dictionaries/{SHOWN[0].slug}/concepts?limit=200").json()["data"]
    rng = random.Random(11)
    for column in rng.sample(["density", "max", "purity"], 3):
        low, high = sorted(rng.sample(sorted(row[column] for row in rows if row[column] is not None), 2))
        page = one.go(f"{D}/c?{column}__gte={low!r}&{column}__lte={high!r}")
        kept = [row for row in rows if row[column] is not None and low <= row[column] <= high]
        expect(page.get_by_text(re.compile(rf"^{len(kept)} concepts?\b")).first).to_be_visible()
        shown = page.get_by_role("group", name="Top class").locator("label").all_inner_texts()
        told = {label.split()[0]: int(label.split()[-1]) for label in shown if label.split()[-1].isdecimal()}
        names = [row["top_class"] for row in kept]
        assert told == {name: names.count(name) for name in told}, (column, low, high)
        assert {name for name in names if name} <= told.keys()


def test_back_and_forward_after_ten_swaps_show_whole_pages(visit: Make) -> None:
    page = visit().go(PAGES["concepts"])
    seen, n_before = [page.url], page.evaluate("history.length")
    for number in range(10):
        if number % 2:
            page.locator("main :has(> a[aria-current]) > a[href]:not([aria-current])").first.click()
        else:
            page.get_by_role("textbox", name=re.compile("^density from", re.I)).fill(f"0.0{number + 1}")
            page.keyboard.press("Enter")
        settle(page)
        seen.append(page.url)
    n_steps = page.evaluate("history.length") - n_before
    assert n_steps >= 8
    for back in (True, False):
        for _ in range(n_steps):
            _ = page.go_back() if back else page.go_forward()
            expect(page.get_by_role("banner")).to_be_visible()
            expect(page.get_by_role("contentinfo")).to_be_attached()
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert page.url in seen


@pytest.mark.parametrize("name", [name for name in PAGES if name not in ("login", "analyze")])
def test_a_page_that_did_not_change_is_not_sent_again(site: str, name: str) -> None:
    first = httpx.get(site + PAGES[name])
    again = httpx.get(site + PAGES[name], headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "data;" not in again.headers.get("server-timing", "")
