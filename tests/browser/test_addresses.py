"""An address says all that a page shows: change every control, open the address elsewhere, see the same pixels."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import Visit, first_pages
from tests.browser.controls import change_all, difference, picture

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGES = first_pages()


@pytest.mark.parametrize(
    ("name", "controls"),
    [
        ("concepts", {"heat", "opacity", "sort", "density__gte", "link"}),
        ("concept", {"heat", "opacity", "colour", "link"}),
        ("images", {"link"}),
        ("image", {"heat", "opacity", "link"}),
        ("classes", {"link"}),
        ("class", {"link"}),
        ("compare", {"link"}),
        ("alignment", {"heat", "draw", "sort", "min", "link"}),
        ("together", {"heat", "draw", "sort", "min", "link"}),
        ("streams", set()),
        ("concept in streams", {"heat", "draw", "link"}),
        ("search", {"link"}),
    ],
)
def test_the_address_in_a_fresh_browser_shows_the_same_pixels(
    visit: Make, tmp_path: Path, name: str, controls: set[str]
) -> None:
    one = visit()
    page = one.go(PAGES["images"] if name == "image" else PAGES[name])
    if name == "image":
        page.goto(one.base + str(page.locator("main a[href*='/i/']").first.get_attribute("href")))
    changed = change_all(page)
    assert controls <= {field for fields in changed.values() for field in fields}, changed
    mine = picture(page)
    other = visit()
    fresh = picture(other.go(page.url.removeprefix(one.base)))
    if found := difference(mine, fresh):
        (tmp_path / "mine.png").write_bytes(mine)
        (tmp_path / "fresh.png").write_bytes(fresh)
        pytest.fail(f"{found} at {page.url} after {changed}; see {tmp_path}")
