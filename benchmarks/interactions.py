"""How long a visitor waits, from an input to what is painted, in a headless Chromium without a GPU, beside its bar.

Two stores: the demo (real photos) and a dictionary of 32,768 concepts. Times are in ms on the page's own clock.
"""

import argparse
import itertools
import math
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, Page

from benchmarks.alone import alone
from benchmarks.api import SLUG, make_large
from benchmarks.browsing import beside_bar, browsing, opened, serving
from benchmarks.machine import WORK, emit
from tests.browser.budgets import BUDGETS, FALLBACK
from tests.browser.conftest import DESKTOP
from tests.browser.weighing import weigh

_TIMES: Final = 24
_FRAMES: Final = 60
_LCP_MS: Final = {"concept": 1000}
_LCP_OTHERS_MS: Final = 2500
_PATIENCE_MS: Final = 10_000
_LOOK_S: Final = 2
_QUIET_MS: Final = 500  # what a change still draws or fetches afterwards is no part of the next one
SLIDE: Final = """
(times) => window.drag(times, (turn) => {
  const field = document.querySelector("#heat-form input[name=opacity]");
  field.value = 20 + (turn % 60);
  field.dispatchEvent(new Event("input", { bubbles: true }));
})
"""
PRESS_J: Final = """
setTimeout(() => {
  sessionStorage.setItem("begun", performance.timeOrigin + performance.now());
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
}, 200)
"""
ARRIVED: Final = """
performance.timeOrigin + performance.getEntriesByName("first-contentful-paint")[0].startTime
  - sessionStorage.getItem("begun")
"""
CURSOR: Final = """
(times) => {
  const cells = [...document.querySelectorAll("main svg a[data-row]")];
  const over = new PointerEvent("pointerover", { bubbles: true });
  return window.drag(times, (turn) => cells[turn % cells.length].dispatchEvent(over));
}
"""
FRAMES: Final = """
() => {
  window.draws = [];
  window.frames = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.name === "map" && !entry.detail) draws.push(entry.duration);
  }).observe({ type: "measure" });
  let before = 0;
  requestAnimationFrame(function frame(at) {
    if (before) frames.push(at - before);
    before = at;
    requestAnimationFrame(frame);
  });
}
"""


def main() -> None:
    """Measure both stores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=WORK / "demo-store")
    parser.add_argument("--large", type=Path, default=WORK / "api-store")
    given = parser.parse_args()
    make_large(given.large)
    with browsing() as browser:
        found: dict[str, Any] = {}
        for name, store in (("demo", given.store), ("large", given.large)):
            with serving(store) as base:
                found[name] = {key: value for key, value in _measure(browser, base) if value is not None}
    emit(found)


def _measure(browser: Browser, base: str) -> Iterator[tuple[str, Any]]:
    """Each interaction of the store's first dictionary; what a store has no photos for is left out."""
    rows = httpx.get(f"{base}/api/v1/dictionaries").json()["data"]
    slug = next((row["slug"] for row in rows if row["slug"].endswith("-final")), rows[0]["slug"])
    site = f"{base}/d/{slug}"
    yield "dictionary", slug
    for name, measure in (("filter_to_painted", _filter), ("next_page", _next_page)):
        print(f"  {name}", file=sys.stderr)
        with opened(browser, f"{site}/c") as page:
            yield f"{name}_ms", measure(page)
    with opened(browser, f"{site}/map") as page:
        print("  map", file=sys.stderr)
        yield "map", _map(page)
    if slug != SLUG:
        yield from _of_photos(browser, base, slug)


def _of_photos(browser: Browser, base: str, slug: str) -> Iterator[tuple[str, Any]]:
    pages = _pages(base, slug)
    concept = f"{base}{pages['concept']}?sort=-importance"
    yield "next_concept_ms", _next_concept(concept)
    with opened(browser, concept) as page:
        yield "heat_control", _dragged(page.evaluate(SLIDE, _FRAMES))
    with opened(browser, f"{base}{pages['concepts']}") as page:
        yield "heat_control_24_cards", _dragged(page.evaluate(SLIDE, _FRAMES))
    with opened(browser, base + pages["image"]) as page:
        yield "patch_cursor", _dragged(page.evaluate(CURSOR, _FRAMES))
    yield "pages_10_mbit_40_ms", {name: _load(browser, base + path, name) for name, path in pages.items()}
    yield "pages", {name: _weight(browser, base + path, name) for name, path in pages.items()}


def _pages(base: str, slug: str) -> dict[str, str]:
    """One address of each kind of page that the design sets a size for."""
    image = httpx.get(f"{base}/api/v1/dictionaries/{slug}/images?limit=1").json()["data"][0]["id"]
    pairs = [row["links"]["html"] for row in httpx.get(f"{base}/api/v1/alignments").json()["data"]]
    best = httpx.get(f"{base}/api/v1/dictionaries/{slug}/concepts?sort=-importance&limit=1").json()["data"][0]["id"]
    found = {
        "home": "/",
        "dictionary": f"/d/{slug}",
        "concepts": f"/d/{slug}/c",
        "concept": f"/d/{slug}/c/{best}",
        "map": f"/d/{slug}/map",
        "image": f"/i/{image}?d={slug}",
        "images": f"/d/{slug}/i",
        "classes": f"/d/{slug}/classes",
        "class": f"/d/{slug}/classes/1",
        "queue": f"/d/{slug}/queue",
        "analyze": "/analyze",
        "compare": "/compare",
        "alignment": pairs[0] if pairs else "",
        "jobs": "/jobs",
    }
    return {name: path for name, path in found.items() if path}


def _filter(page: Page) -> dict[str, Any]:
    """From Enter in a filter's field until the last change of the results is painted."""
    field = page.get_by_role("textbox", name=re.compile("^density from", re.I))
    _unfold(page)
    times = []
    for turn in range(_TIMES):
        field.fill(f"{1e-6 * (turn + 1):.6f}")
        page.evaluate("() => { window.told = watch('#results', 'keydown'); }")
        field.press("Enter")
        times.append(page.evaluate("() => window.told"))
        page.wait_for_timeout(_QUIET_MS)
    return beside_bar(times, 150)


def _unfold(page: Page) -> None:
    page.evaluate("() => document.querySelectorAll('main details').forEach((one) => { one.open = true; })")


def _next_page(page: Page) -> dict[str, Any] | None:
    """From the button until the next page is painted; the pointer rests on the link for 300 ms before, as people do."""
    times = []
    for _ in range(_TIMES):
        link = page.locator("main a[rel=next], main a", has_text="Next").last
        if not link.count():
            break
        link.scroll_into_view_if_needed()
        link.hover()
        page.wait_for_timeout(300)
        before = page.url
        page.evaluate("() => { window.stays = true; window.told = watch('#results', 'pointerdown'); }")
        link.click()
        page.wait_for_url(lambda url, before=before: url != before)
        same = page.evaluate("() => Boolean(window.stays)")
        times.append(page.evaluate("() => window.told" if same else "() => arrived()"))
        page.wait_for_timeout(_QUIET_MS)
    return beside_bar(times, 100) if times else None


def _next_concept(url: str) -> dict[str, Any]:
    """From the key until the next concept is painted, with two seconds to look at each."""
    times = []
    with alone(url) as browser:
        time.sleep(_LOOK_S)
        for _ in range(_TIMES):
            browser.evaluate(PRESS_J)
            time.sleep(_LOOK_S)
            times.append(browser.evaluate(ARRIVED))
    return beside_bar(times, 150)


def _dragged(found: dict[str, list[float]]) -> dict[str, Any]:
    """Work of one change until painted on the main thread, and the distance of frames while it goes on."""
    return {"work_ms": beside_bar(found["work"], 16), "frame_ms": beside_bar(found["frames"], 17)}


def _map(page: Page) -> dict[str, Any]:
    """Frames while the map is dragged; from the end of a lasso until its count is painted."""
    page.wait_for_function("() => document.querySelector('main canvas')")
    page.evaluate(FRAMES)
    box = page.locator("main canvas").first.locator("xpath=..").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"], DESKTOP["height"] - box["y"]) / 2
    page.mouse.move(x, y)
    page.evaluate("() => { draws.length = frames.length = 0; }")
    page.mouse.down()
    for turn in range(_FRAMES):
        page.mouse.move(x + 3 * turn, y + 40 * math.sin(turn / 6))
    page.mouse.up()
    seen = page.evaluate("() => ({ draws, frames })")
    return {
        "draw_ms": beside_bar(seen["draws"], 16),
        "frame_ms": beside_bar(seen["frames"], 17),
        "lasso_to_count_ms": beside_bar([_lasso(page, x, y, side) for side in range(60, 60 + 8 * 20, 20)], 100),
    }


def _lasso(page: Page, x: float, y: float, side: float) -> float:
    page.get_by_role("button", name="Lasso").click()
    page.mouse.move(x - side, y - side)
    page.mouse.down()
    for dx, dy in itertools.product((0.8, -0.8), (1, -1)):
        page.mouse.move(x + side * dx * dy, y + side * dy, steps=3)
    page.evaluate("() => { window.told = watch('main [aria-label=Selection]', 'pointerup'); }")
    page.mouse.up()
    told = float(page.evaluate("() => window.told"))
    page.wait_for_timeout(200)
    return told


def _load(browser: Browser, url: str, name: str) -> dict[str, Any]:
    """Largest contentful paint and layout shift of a browser that has nothing yet."""
    with opened(browser, url, slow=True) as page:
        vitals = page.evaluate("() => vitals")
    bar = _LCP_MS.get(name, _LCP_OTHERS_MS)
    return {"lcp_ms": round(vitals["lcp"]), "lcp_bar": bar, "shift": round(vitals["shift"], 4), "shift_bar": 0.02}


def _weight(browser: Browser, url: str, name: str) -> dict[str, Any]:
    """Bytes and requests of the first view, and what of it is over the budget."""
    context = browser.new_context(viewport=DESKTOP)
    weight = weigh(context.new_page(), url)
    context.close()
    budget = BUDGETS.get(name, FALLBACK)
    kinds = {kind.lower(): n for kind, n in sorted(weight.n_bytes.items())}
    return {"transfer": weight.transferred, "bar": budget.transfer, "requests": len(weight.urls), **kinds}


if __name__ == "__main__":
    main()
