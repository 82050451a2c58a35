"""A page that comes in pieces does not move what is there already, and loses no key."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.budgets import FALLBACK
from tests.browser.conftest import DESKTOP, PHONE, Visit, first_pages

pytestmark = pytest.mark.browser
Make = Callable[..., Visit]
PAGES = first_pages()
N_PIECES = 12
BETWEEN_S = 0.12


@pytest.fixture(scope="module")
def halting(site: str) -> Iterator[str]:
    """Address of a server that hands on what another answers, pages a twelfth at a time."""
    with httpx.Client(base_url=site) as client:

        class Halting(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = client.get(self.path)
                self.send_response(answer.status_code)
                for name in ("content-type", "content-security-policy"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.end_headers()
                is_page = answer.headers.get("content-type", "").startswith("text/html")
                step = len(answer.content) // N_PIECES + 1 if is_page else max(len(answer.content), 1)
                for start in range(0, len(answer.content), step):
                    time.sleep(BETWEEN_S if start else 0)
                    self.wfile.write(answer.content[start : start + step])

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Halting) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", ["home", "dictionary", "concepts", "concept", "images", "classes", "beside"])
def test_nothing_moves_while_a_page_comes(visit: Make, halting: str, name: str, size: dict[str, int]) -> None:
    page = visit(viewport=size).page
    begun = time.monotonic()
    page.goto(f"{halting}{PAGES[name]}", wait_until="networkidle")
    assert time.monotonic() - begun > (N_PIECES - 1) * BETWEEN_S
    assert page.evaluate("window.shift") <= FALLBACK.shift


def test_a_key_pressed_while_the_page_comes_is_kept(visit: Make, halting: str) -> None:
    """What follows it was meant for the field that it opens: nothing else happens on the page."""
    page = visit().page
    page.goto(f"{halting}{PAGES['concept']}", wait_until="commit")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("document.readyState") == "loading"
    for key in ("l", "j", "?"):
        page.keyboard.press(key)
    expect(page.locator("[data-key=l]")).to_be_focused()
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page).to_have_url(re.compile(rf"{re.escape(PAGES['concept'])}$"))
