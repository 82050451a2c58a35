"""A web program over a store, a Chromium without a GPU, and clocks in the page that tell when something was painted."""

import contextlib
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.demo import _free_port
from tests.browser.conftest import DESKTOP, FLAGS

CLOCKS: Final = """
const now = () => performance.timeOrigin + performance.now();
const painted = () => new Promise((done) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => done(now());
  port2.postMessage(0);
}));
window.vitals = { lcp: 0, shift: 0 };
new PerformanceObserver((list) => { vitals.lcp = list.getEntries().at(-1).startTime; })
  .observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) vitals.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
/** From the event until the last change of `where` has been painted; a page that comes instead tells by itself. */
window.watch = (where, event) => new Promise((done) => {
  let begun = 0;
  let last = 0;
  const begin = ({ timeStamp }) => { begun ||= performance.timeOrigin + timeStamp; };
  addEventListener(event, begin, { capture: true, once: true });
  const look = new MutationObserver(async () => {
    if (!begun) return;
    const mine = ++last;
    const at = await painted();
    if (mine !== last) return;
    look.disconnect();
    done(at - begun);
  });
  look.observe(document.querySelector(where), { childList: true, subtree: true, characterData: true });
});
/** The same for an event that leads to another page. */
for (const type of ["keydown", "pointerdown"]) addEventListener(type, ({ timeStamp }) => {
  try { sessionStorage.setItem("begun", performance.timeOrigin + timeStamp); } catch { /* an empty page */ }
}, { capture: true });
window.arrived = async () => {
  const name = "first-contentful-paint";
  await new Promise((done) => new PerformanceObserver((list) => list.getEntriesByName(name).length && done())
    .observe({ type: "paint", buffered: true }));
  const [first] = performance.getEntriesByName(name);
  return performance.timeOrigin + first.startTime - Number(sessionStorage.getItem("begun"));
};
/** Change something once per frame: time of the work until painted, and from frame to frame. */
window.drag = async (times, change) => {
  const [work, frames] = [[], []];
  for (let turn = 0, before = 0; turn < times; turn += 1) {
    await new Promise((done) => requestAnimationFrame((at) => {
      if (before) frames.push(at - before);
      before = at;
      const begun = performance.now();
      change(turn);
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => { work.push(performance.now() - begun); done(); };
      port2.postMessage(0);
    }));
  }
  return { work, frames };
};
"""


@contextlib.contextmanager
def serving(store: Path) -> Iterator[str]:
    """The web program over a store; yields its address."""
    port = _free_port()
    command = [sys.executable, "-m", "app", "--store", str(store), "--port", str(port), "--host", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        base = f"http://127.0.0.1:{port}"
        _wait(base)
        yield base
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(base: str) -> None:
    for _ in range(600):
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{base}/healthz").status_code == 200:
                return
        time.sleep(0.05)
    sys.exit("the web program did not start")


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """Headless Chromium that draws on the processor."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser: Browser, url: str, *, slow: bool = False) -> Iterator[Page]:
    """A page in a browser that has nothing yet; ``slow`` is 10 Mbit/s and 40 ms."""
    context = browser.new_context(viewport=DESKTOP)
    context.add_init_script(CLOCKS)
    page = context.new_page()
    if slow:
        _slow_down(context, page)
    answer = page.goto(url, wait_until="networkidle")
    assert answer is not None, url
    assert answer.ok, (url, answer.status)
    try:
        yield page
    finally:
        context.close()


def _slow_down(context: BrowserContext, page: Page) -> None:
    rate = 10_000_000 / 8
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    conditions = {"offline": False, "latency": 40, "downloadThroughput": rate, "uploadThroughput": rate}
    session.send("Network.emulateNetworkConditions", conditions)


def spread(times: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile in ms, and how many."""
    ordered = sorted(times)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    return {"p50": round(statistics.median(ordered), 1), "p95": round(p95, 1), "n": len(ordered)}


def beside_bar(times: Sequence[float], bar: float) -> dict[str, Any]:
    """The spread beside the bar that the design sets."""
    return {**spread(times), "bar": bar}
