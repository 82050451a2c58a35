"""Pictures of every page of a demo store, at two widths and in both themes, for ``docs/img``.

``make screenshots`` (or ``python -m benchmarks.screenshots --store DIRECTORY --to DIRECTORY``). The store is the demo's
(``make demo``). Nothing stays behind: the photo that is explained for a picture is deleted again.
"""

import argparse
import contextlib
import io
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from setup.chromium import find_chromium
from store.presets import DEMO_JOINT_SLUG

WIDTHS = {1440: 900, 390: 844}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
QUALITY = 60
LARGEST = 1080
"""Width in pixels that a picture is kept at: what a page of the documents shows."""
FLAGS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars")
HEAD, LEFT, RIGHT = "efficientnet-lite0-final", "efficientnet-lite0-archetypal", "mobilenet-v2-topk"
"""The dictionary that knows the model's classes, and two to compare."""


@dataclass(frozen=True)
class Shown:
    """What the pictures are of: things of the store, by their addresses."""

    image: str
    concept: str
    output: str
    analysis: str
    job: str


def main() -> None:
    """Serve, visit, write."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--store", type=Path, default=Path("conceptoscope-store"))
    asked.add_argument("--to", type=Path, default=Path("docs/img"))
    asked.add_argument("--only", nargs="*", default=[], help="names of pages; all of them where none is given")
    choice = asked.parse_args()
    if not (choice.store / "catalog.sqlite").is_file():
        sys.exit(f"There is no demo store at {choice.store}: make one by `make demo`, or name one by --store.")
    choice.to.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with serving(choice.store) as base, httpx.Client(base_url=base, timeout=60) as client:
        things = find_things(client)
        try:
            pages = make_pages(things)
            chosen = {name: path for name, path in pages.items() if name in (choice.only or pages)}
            n_bytes = take_all(base, chosen, choice.to)
        finally:
            client.delete(f"/api/v1/analyses/{things.analysis.rpartition('/')[2]}")
    n = len(list(choice.to.glob("*.webp")))
    print(f"{n} pictures, {n_bytes / 1e6:.1f} MB, in {time.monotonic() - started:.0f} s, in {choice.to}")


@contextlib.contextmanager
def serving(store: Path) -> Iterator[str]:
    """Explorer and encoder over a store; yields the address when both answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "worker.cli", "up", "--store", str(store), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1).status_code == 200:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def find_things(client: httpx.Client) -> Shown:
    """A telling concept, a photo of it explained, a class, the job that made all."""

    def first(path: str) -> dict[str, Any]:
        data: list[dict[str, Any]] = client.get(f"/api/v1{path}").raise_for_status().json()["data"]
        return data[0]

    concept = first(f"/dictionaries/{LEFT}/concepts?q=fish&sort=-importance&limit=1")
    image = first(f"/dictionaries/{HEAD}/images?class=sea%20fish&limit=1")
    output = first(f"/dictionaries/{HEAD}/classes?limit=1")
    job = first("/jobs?limit=1")
    return Shown(
        image=image["links"]["html"],
        concept=concept["links"]["html"],
        output=output["links"]["html"],
        analysis=explain(client, image["id"]),
        job=job["links"]["html"],
    )


def explain(client: httpx.Client, image: str) -> str:
    """The address of a photo explained; the encoder may still be starting."""
    for _ in range(120):
        answer = client.post("/api/v1/analyses", json={"image": image, "dictionaries": [HEAD]})
        if answer.status_code != 503:
            break
        time.sleep(0.5)
    address: str = answer.raise_for_status().json()["data"]["links"]["html"]
    return address


def make_pages(things: Shown) -> dict[str, str]:
    """Address of each picture, by its name."""
    d = f"/d/{HEAD}"
    return {
        "home": "/",
        "dictionary": d,
        "concepts": f"/d/{LEFT}/c",
        "concept": things.concept,
        "map": f"/d/{LEFT}/map",
        "images": f"{d}/i",
        "image": things.image,
        "classes": f"{d}/classes",
        "class": things.output,
        "analysis": things.analysis,
        "analyze": "/analyze",
        "compare": "/compare",
        "alignments": "/align",
        "alignment": f"/align/{HEAD}/{RIGHT}",
        "together": f"/align/{HEAD}/{LEFT}/{RIGHT}",
        "models": f"/d/{DEMO_JOINT_SLUG}/streams",
        "queue": f"{d}/queue",
        "lists": "/lists",
        "search": "/search?q=fish",
        "jobs": "/jobs?members=yes",
        "job": things.job,
        "new-job": "/jobs/new/train",
        "glossary": "/glossary",
        "design": "/design",
        "settings": "/settings",
    }


def take_all(base: str, pages: dict[str, str], folder: Path) -> int:
    """Every page at every width in every theme; a page that is not served is told and left out. Bytes written."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium() or None, args=list(FLAGS))
        n_bytes = sum(
            take(browser, base, pages, folder, width=width, height=height) for width, height in WIDTHS.items()
        )
        browser.close()
    return n_bytes


def take(browser: Browser, base: str, pages: dict[str, str], folder: Path, *, width: int, height: int) -> int:
    """All pages at one width."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
    page, n_bytes = context.new_page(), 0
    for name, path in pages.items():
        answer = page.goto(base + path, wait_until="load")
        if answer is None or not answer.ok:
            print(f"left out: {name}, {path} answers {answer.status if answer else 'nothing'}")
            continue
        for theme in THEMES:
            n_bytes += write(page, folder / f"{name}-{width}-{theme}.webp", theme)
    context.close()
    return n_bytes


def write(page: Page, path: Path, theme: Literal["light", "dark"]) -> int:
    """What the window shows, when its pictures are there."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_load_state("networkidle")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    picture.save(path, "webp", quality=QUALITY, method=4)
    return path.stat().st_size


if __name__ == "__main__":
    main()
