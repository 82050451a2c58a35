"""A real server process on a small store, and a real Chromium without a GPU."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.alignments import make_alignments
from tests.encoding import SECRET, Running, Studio, encoding, make_studio
from tests.factories import SHOWN, UNIVERSAL, make_store

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
WATCH = """
window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@dataclass
class Visit:
    """A page with all that it asked for and complained of."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    provoked: tuple[str, ...] = ()
    """Status codes that the test asks for: the browser's message about such an answer may come at any time."""

    def hear(self, text: str) -> None:
        """Keep what the console says, unless the test provoked it."""
        if not any(re.search(rf"(status of|Status Error Code) {code}\b", text) for code in self.provoked):
            self.complaints.append(text)

    def go(self, path: str) -> Page:
        """Open an address and wait until it is quiet."""
        self.page.goto(self.base + path, wait_until="networkidle")
        return self.page


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running server."""
    root = tmp_path_factory.mktemp("store")
    make_alignments(make_store(root, shown=(*SHOWN, UNIVERSAL)))
    command = [sys.executable, "-m", "app", "--store", str(root), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line = next((line for line in process.stdout if "http://" in line), "")
        yield "http://" + line.split("http://", 1)[1].strip().rstrip("/")
        process.terminate()
        process.communicate(timeout=15)


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A store whose dictionaries can encode photos; tests may write to it."""
    return make_studio(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="session")
def running(studio: Studio) -> Iterator[Running]:
    """An encoder over it."""
    with encoding(studio.settings.store, weights=[studio.inputs.weights]) as one:
        yield one


@pytest.fixture(scope="session")
def address(running: Running) -> Iterator[str]:
    """Address of a web program beside the encoder."""
    given = {"CONCEPTOSCOPE_ENCODER_PORT": str(running.settings.encoder_port), "CONCEPTOSCOPE_ENCODER_SECRET": SECRET}
    command = [sys.executable, "-m", "app", "--store", str(running.settings.store), "--port", "0"]
    environment = {**os.environ, **given, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line = next((line for line in process.stdout if "http://" in line), "")
        yield "http://" + line.split("http://", 1)[1].strip().rstrip("/")
        process.terminate()
        process.communicate(timeout=15)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, or Playwright's own where the system has none."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit(site: str, chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Makes visits (options of a browser context); in the end none of them may have complained."""
    visits: list[tuple[Visit, BrowserContext]] = []

    def make(**options: Any) -> Visit:
        context = chromium.new_context(**{"viewport": DESKTOP, **options})
        context.add_init_script(WATCH)
        page = context.new_page()
        one = Visit(page, site)
        page.on("request", lambda request: one.requests.append(request.url))
        page.on("pageerror", lambda error: one.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: one.hear(message.text) if message.type in ("error", "warning") else None,
        )
        visits.append((one, context))
        return one

    yield make
    for one, context in visits:
        context.close()
        assert one.complaints == []


def first_pages() -> dict[str, str]:
    """One address of each kind of page; images are found by following links."""
    slug = SHOWN[0].slug
    return {
        "home": "/",
        "dictionary": f"/d/{slug}",
        "concepts": f"/d/{slug}/c",
        "concept": f"/d/{slug}/c/5",
        "beside": f"/d/{slug}/compare?c=5,6,8",
        "map": f"/d/{slug}/map",
        "map of numbers": f"/d/{slug}/map?colour=density&select=3,6",
        "images": f"/d/{slug}/i",
        "classes": f"/d/{slug}/classes",
        "groups": f"/d/{slug}/classes?of=collection",
        "class": f"/d/{slug}/classes/1?against=3",
        "analyze": "/analyze",
        "compare": "/compare",
        "alignments": "/align",
        "alignment": f"/align/{slug}/{SHOWN[1].slug}",
        "together": f"/align/{'/'.join(shown.slug for shown in SHOWN)}",
        "streams": f"/d/{UNIVERSAL.slug}/streams",
        "concept in streams": f"/d/{UNIVERSAL.slug}/c/6",
        "glossary": "/glossary",
        "design": "/design",
        "lists": "/lists",
        "search": "/search?q=disc",
        "queue": f"/d/{slug}/queue",
        "label tests": f"/d/{slug}/queue/tests",
        "settings": "/settings",
        "tour": "/?tour=1",
        "login": "/login",
    }
