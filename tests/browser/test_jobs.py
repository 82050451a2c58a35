"""Jobs in a real browser with a real worker: started by a form, followed without a reload, stopped, tried again."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from store.settings import Settings
from tests.browser.conftest import PHONE, Visit
from tests.browser.test_quality import CONTRAST
from tests.serving import serve
from tests.working import Inputs, working

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
LONG_MS = 60_000


def go(one: Visit, path: str) -> Page:
    """Open an address; pages with a stream of events are never quiet."""
    one.page.goto(one.base + path)
    return one.page


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return Inputs.draw(Path(tmp_path_factory.mktemp("inputs")))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server and a worker over one empty store."""
    store = Path(tmp_path_factory.mktemp("store"))
    with serve(store) as base, working(Settings(store=store)):
        yield base


def fill(one: Visit, **values: str) -> None:
    page = one.page
    for name, value in values.items():
        page.locator(f"[name={name}]").fill(value)


def test_photos_are_ingested_by_a_form_and_followed_to_the_end(visit: Make, inputs: Inputs) -> None:
    one = visit()
    page = go(one, "/jobs/new")
    assert page.url.endswith("/jobs/new/ingest")
    fill(one, folder=str(inputs.photos), slug="drawn")
    expect(page.locator("#plan h2")).to_have_text("Ingest drawn")
    expect(page.locator("#plan")).to_contain_text("conceptoscope ingest")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("h1")).to_have_text("Ingest drawn")
    expect(page.locator(".standing .state")).to_have_text("succeeded", timeout=LONG_MS)
    expect(page.locator("#log")).to_contain_text("ingest drawn: done")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_a_training_is_watched_stopped_and_goes_on(visit: Make, inputs: Inputs) -> None:
    one = visit()
    page = go(one, "/jobs/new/spec")
    job = inputs.train(epochs=4000)
    fill(one, spec=json.dumps(job.as_json()))
    expect(page.locator("#plan h2")).to_have_text("Train small")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".how.large progress")).to_be_visible(timeout=LONG_MS)
    expect(page.locator(".how .note")).to_contain_text("epoch", timeout=LONG_MS)
    page.evaluate("window.stays = true")
    beside = one.page.context.new_page()
    beside.goto(f"{one.base}/jobs")
    row = beside.locator("tr", has_text="Train small")
    expect(row.locator(".state")).to_have_text("running")
    first = row.locator(".note").inner_text()
    expect(row.locator(".note")).not_to_have_text(first, timeout=LONG_MS)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".standing .state")).to_have_text("cancelled", timeout=LONG_MS)
    expect(row.locator(".state")).to_have_text("cancelled", timeout=LONG_MS)
    expect(beside.locator("#toast")).to_contain_text("Train small: cancelled")
    page.get_by_role("button", name="Go on from where it was").click()
    expect(page.locator(".standing .state")).to_have_text("running", timeout=LONG_MS)
    expect(page.locator(".standing")).to_contain_text("attempt 2")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".standing .state")).to_have_text("cancelled", timeout=LONG_MS)


def test_a_failure_says_what_to_do_with_its_traceback_one_click_away(visit: Make) -> None:
    one = visit()
    page = go(one, "/jobs/new/ingest")
    fill(one, folder="/no/such/folder", slug="none")
    expect(page.locator("#plan h2")).to_have_text("Ingest none")  # or else its request would be cut off by the next
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".problem")).to_contain_text("The folder '/no/such/folder' does not exist.", timeout=LONG_MS)
    expect(page.get_by_text("Traceback (most recent call last)")).not_to_be_visible()
    page.locator("#traceback summary").click()
    expect(page.get_by_text("Traceback (most recent call last)")).to_be_visible()
    page.get_by_role("link", name="Start another like it").click()
    expect(page.locator("[name=folder]")).to_have_value("/no/such/folder")


def test_what_is_wrong_is_told_while_typing(visit: Make) -> None:
    one = visit()
    page = go(one, "/jobs/new/ingest?folder=/photos")
    page.locator("[name=held_out]").fill("2")
    expect(page.locator("#plan .fault")).to_contain_text("less than or equal to 0.9")
    page.locator("[name=held_out]").fill("0.2")
    expect(page.locator("#plan")).to_contain_text("--held-out 0.2")


def test_lists_and_forms_work_without_script(visit: Make) -> None:
    one = visit(java_script_enabled=False)
    page = go(one, "/jobs?members=yes")
    expect(page.locator("tr[data-job]").first).to_be_visible()
    page.get_by_role("link", name="failed").click()
    assert "state=failed" in page.url
    page.get_by_role("link", name="Refresh").click()
    page = go(one, "/jobs/new/ingest")
    page.locator("[name=folder]").fill("/also/missing")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#plan h2")).to_have_text("Ingest missing")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("h1")).to_have_text("Ingest missing")
    expect(page.get_by_role("link", name="Refresh")).to_be_visible()


def test_without_events_the_page_asks_every_few_seconds(visit: Make) -> None:
    one = visit()
    one.provoked = ("503",)
    one.page.context.route("**/api/v1/jobs/events", lambda route: route.fulfill(status=503))
    page = go(one, "/jobs")
    before = page.locator("tr[data-job]").count()
    command = {"kind": "index", "dictionary": "polled"}
    assert one.page.context.request.post(f"{one.base}/api/v1/jobs", data=command).status == 201
    expect(page.locator("tr[data-job]")).to_have_count(before + 1, timeout=15_000)


def test_a_filter_that_is_open_stays_open_while_rows_change(visit: Make) -> None:
    one = visit()
    page = go(one, "/jobs")
    page.locator("#kinds summary").click()
    one.page.context.request.post(f"{one.base}/api/v1/jobs", data={"kind": "index", "dictionary": "another"})
    expect(page.locator("tr", has_text="Index another").first).to_be_visible(timeout=15_000)
    expect(page.locator("#kinds")).to_have_attribute("open", "")


@pytest.mark.parametrize(
    "path", ["/jobs", "/jobs?members=yes&state=failed", "/jobs/1", "/jobs/new/train", "/jobs/new/spec"]
)
def test_a_phone_never_scrolls_sideways(visit: Make, path: str) -> None:
    one = visit(viewport=PHONE)
    one.page.goto(one.base + path)
    expect(one.page.locator("h1")).to_be_visible()
    assert one.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/jobs?members=yes", "/jobs/1", "/jobs/new/train", "/jobs/new/spec"])
def test_nothing_shifts_and_text_has_contrast(visit: Make, path: str, scheme: str) -> None:
    page = go(visit(color_scheme=scheme), path)
    page.wait_for_timeout(800)
    assert page.evaluate("window.shift") < 0.02
    assert page.evaluate(CONTRAST) == []
    assert page.locator("h1").count() == 1
