"""Use this data: one press copies the lines, and they follow what the page shows."""

from collections.abc import Callable

import pytest

from tests.browser.conftest import Visit
from tests.factories import SHOWN

pytestmark = pytest.mark.browser


def test_lines_are_copied_and_follow_the_filters(visit: Callable[..., Visit]) -> None:
    one = visit(permissions=["clipboard-read", "clipboard-write"])
    page = one.go(f"/d/{SHOWN[0].slug}/c")
    page.get_by_text("Use this data").click()
    page.get_by_role("button", name="Copy the Python lines").click()
    page.locator("#toast", has_text="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#use-python").text_content()
    assert f'c = Client("{one.base}")' in copied
    with page.expect_response(lambda response: "/_f/d/" in response.url):
        page.locator("input[name=q]#q").fill("disc")
    page.locator("#use-python", has_text='d.concepts(q="disc")').wait_for()
    assert page.get_attribute("#page-json", "href") == f"/api/v1/dictionaries/{SHOWN[0].slug}/concepts?q=disc"
    assert "q=disc&format=csv" in str(page.locator("#page-tables a").first.get_attribute("href"))
    assert page.locator("details.disclosure", has=page.locator("#use-python")).get_attribute("open") is not None
