"""People write about concepts in a real browser: label, edit, meet somebody else's edit, comment, list, search."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Visit
from tests.browser.test_quality import CONTRAST
from tests.factories import make_store
from tests.serving import serve

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
CONCEPT = "/d/tiny-topk/c/6"
API = "/api/v1/dictionaries/tiny-topk/concepts"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over a store of its own, which may be written to."""
    store = Path(tmp_path_factory.mktemp("store"))
    make_store(store)
    with serve(store) as base:
        yield base


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}, {"viewport": PHONE}])
def test_a_concept_is_named_edited_and_put_on_a_list(visit: Make, options: dict[str, object]) -> None:
    one = visit(**options)
    page = one.go(f"{CONCEPT}?sort=-density")
    word = f"label {abs(hash(str(options))) % 10_000}"
    if options == {}:
        page.keyboard.press("l")
        expect(page.locator("#new-label")).to_be_focused()
        page.keyboard.type(word)
    else:
        page.locator("#new-label").fill(word)
    page.locator("#label-name").fill("Ann Ömer")
    page.get_by_role("button", name="Add label").click()
    page.wait_for_url("**sort=-density#notes")
    expect(page.locator(".said .words").first).to_have_text(word)
    expect(page.locator("h1")).to_contain_text(word)
    expect(page.locator("#label-name")).to_have_value("Ann Ömer")
    mine = page.locator("#notes li", has_text=word).first
    mine.locator("summary").click()
    mine.locator("[name=text]").fill(f"{word}, better")
    mine.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_contain_text(f"{word}, better")
    page.locator("#new-comment").fill("first line\nsecond line")
    page.get_by_role("button", name="Comment").click()
    expect(page.locator("#notes .text", has_text="second line").first).to_be_visible()
    page.locator("#new-list").fill(f"List of {word}")
    page.get_by_role("button", name="Add to list").click()
    page.get_by_role("link", name=f"List of {word}").first.click()
    expect(page.locator(".card .title").first).to_contain_text("label")
    page.go_back()
    one.go(f"/search?q={word.replace(' ', '+')}+better")
    expect(page.locator(".hits.concept mark").first).to_have_text("label")
    page.locator(".hits.concept > li > a").first.click()
    expect(page.locator("h1")).to_contain_text("label")


def test_the_one_who_comes_second_sees_both_texts_and_loses_none(visit: Make) -> None:
    one, other = visit(), visit()
    one.provoked = ("412",)
    one.go("/d/tiny-topk/c/8").locator("#new-label").fill("an eye")
    one.page.get_by_role("button", name="Add label").click()
    one.page.wait_for_url("**#notes")
    other.go("/d/tiny-topk/c/8")
    for who, text in ((other, "an eye of a bird"), (one, "an eye, seen from the side")):
        who.page.locator("#notes .said summary").first.click()
        who.page.locator("#notes .said [name=text]").first.fill(text)
        who.page.get_by_role("button", name="Save").first.click()
    page = one.page
    expect(page.get_by_role("alert")).to_contain_text("an eye of a bird")
    expect(page.locator(".clash .text")).to_have_text("an eye of a bird")
    expect(page.locator("#mine-text")).to_have_value("an eye, seen from the side")
    page.get_by_role("button", name="Write yours in its place").click()
    expect(page.locator("h1")).to_contain_text("an eye, seen from the side")
    page.locator("#notes .said summary").first.click()
    history = page.locator("#notes .said .history li")
    assert [text.split("”")[0].strip("“") for text in history.all_inner_texts()] == [
        "an eye, seen from the side",
        "an eye of a bird",
        "an eye",
    ]


def test_slash_leads_to_the_box_on_every_page(visit: Make) -> None:
    one = visit()
    for path in ("/", "/lists", "/glossary", CONCEPT):
        page = one.go(path)
        page.keyboard.press("/")
        expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("disc")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=disc")
    expect(page.get_by_role("status").first).to_contain_text("hits")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(visit: Make, site: str, scheme: str) -> None:
    httpx.post(f"{site}{API}/10/labels", json={"text": "edge of a disc"})
    made = httpx.post(f"{site}/api/v1/lists", json={"title": "Edges"}).headers["location"]
    httpx.put(f"{site}{made}/items/tiny-topk:10", json={"note": "sharp"})
    for viewport in (None, PHONE):
        one = visit(color_scheme=scheme, **({"viewport": viewport} if viewport else {}))
        for path in ("/d/tiny-topk/c/10", "/lists", made.removeprefix("/api/v1"), "/search?q=disc"):
            page = one.go(path)
            assert page.evaluate(CONTRAST) == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
