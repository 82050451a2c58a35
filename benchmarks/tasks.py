"""Four questions of a researcher, answered in a real browser over the demo store: steps, seconds, right or wrong.

A step is a click, a key or chord, or a field that is typed into. Every answer is read off the page and compared with
the data. What rivals need for the same stands in ``docs/tasks.md``; the numbers here are ours alone.
"""

import argparse
import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, Locator, Page

from benchmarks.browsing import browsing, opened, serving
from benchmarks.machine import WORK, emit

EFFICIENT, STAGE, MOBILE = "efficientnet-lite0-final", "efficientnet-lite0-topk", "mobilenet-v2-topk"
BARS: Final = {"patch": 5, "position": 4, "match": 4, "confused": 4}
"""The most steps that each task may take, from the home page."""


@dataclass
class Hand:
    """Somebody at the page, who counts."""

    page: Page
    base: str
    n: int = 0

    def click(self, target: Locator) -> None:
        """A click that changes the address, and whatever comes of it; first what hides its target is unfolded."""
        folds = target.first.locator("xpath=ancestor::details[not(@open)]/summary").all()
        for fold in folds if not target.first.is_visible() else ():
            self.n += 1
            fold.click()
        with self._leading():
            target.first.click()

    def press(self, *keys: str) -> None:
        """A key or a chord that changes the address."""
        with self._leading():
            for key in keys:
                self.page.keyboard.press(key)

    def focus(self, key: str) -> None:
        """A key that leads to a field."""
        self.n += 1
        self.page.keyboard.press(key)

    @contextlib.contextmanager
    def _leading(self) -> Iterator[None]:
        self.n += 1
        before = self.page.url
        yield
        self.page.wait_for_url(lambda url: url != before)
        self.page.wait_for_load_state("networkidle")

    def write(self, text: str) -> None:
        """Type where the focus is."""
        self.n += 1
        self.page.keyboard.type(text)

    def link(self, path: str) -> Locator:
        """Links that lead exactly there, whatever else they carry in their query."""
        return self.page.locator(f"a[href='{path}'], a[href^='{path}?'], a[href^='{path}#']")

    def concepts(self, within: Locator, slug: str) -> list[int]:
        """Concepts of a dictionary that a part of the page links to, in their order, each once."""
        found = re.compile(rf"/d/{slug}/c/(\d+)")
        links = within.locator(f"a[href*='/d/{slug}/c/']").evaluate_all("(all) => all.map((one) => one.href)")
        return list(dict.fromkeys(int(hit[1]) for link in links if (hit := found.search(link))))


@dataclass(frozen=True)
class Data:
    """The truth to compare with, from the API."""

    base: str

    def get(self, path: str) -> Any:
        """What stands at an address of the API."""
        answer = httpx.get(f"{self.base}/api/v1/{path}")
        answer.raise_for_status()
        return answer.json()["data"]


def find_the_concept_behind_a_patch(hand: Hand, data: Data) -> tuple[Any, Any]:
    """Which concept fires most where? The photo is one of the collection, the patch lies in its middle."""
    photo = data.get(f"dictionaries/{EFFICIENT}/images?limit=1")[0]["id"]
    all_places = data.get(f"images/{photo}?dictionary={EFFICIENT}")["patches"]
    row, col, n = all_places["rows"] // 2, all_places["cols"] // 2, all_places["n_top"]
    start = (row * all_places["cols"] + col) * n
    here = zip(all_places["values"][start : start + n], all_places["index"][start : start + n], strict=True)
    truth = all_places["concepts"][max(here)[1]]
    hand.click(hand.link(f"/d/{EFFICIENT}"))
    hand.press("g", "i")
    hand.click(hand.link(f"/i/{photo}"))
    hand.click(hand.page.locator(f"main svg a[data-row='{row}'][data-col='{col}']"))
    strongest = hand.concepts(hand.page.locator("#ranked"), EFFICIENT)[0]
    hand.click(hand.page.locator("#ranked").locator(f"a[href*='/d/{EFFICIENT}/c/{strongest}']"))
    return _shown(hand.page), truth


def find_all_position_only_concepts(hand: Hand, data: Data) -> tuple[Any, Any]:
    """Which concepts tell where on the photo they are, not what is there?"""
    truth = sorted(row["id"] for row in _all_concepts(data, MOBILE) if "position-only" in row["badges"])
    hand.click(hand.link(f"/d/{MOBILE}"))
    hand.press("g", "c")
    hand.click(hand.page.locator("#facets label:has(input[value='position-only'])"))
    return sorted(hand.concepts(hand.page.locator("#results"), MOBILE)), truth


def find_the_match_in_another_model(hand: Hand, data: Data) -> tuple[Any, Any]:
    """Which concept of MobileNetV2 answers to this one of EfficientNet-Lite0?"""
    pair = data.get(f"alignments/{STAGE}/{MOBILE}?limit=1")["pairs"][0]
    given, truth = pair["a"]["id"], pair["b"]["id"]
    hand.focus("/")
    hand.write(f"#{given}")
    hand.press("Enter")
    hand.click(hand.link(f"/d/{STAGE}/c/{given}"))
    return hand.concepts(hand.page.locator("main"), MOBILE)[:1], [truth]


def find_why_a_class_is_confused(hand: Hand, data: Data) -> tuple[Any, Any]:
    """Which concepts set a class apart from the one that is nearest to it?"""
    output = data.get(f"dictionaries/{EFFICIENT}/classes?limit=1")[0]["output"]
    hand.click(hand.link(f"/d/{EFFICIENT}"))
    hand.press("g", "k")
    hand.click(hand.link(f"/d/{EFFICIENT}/classes/{output}"))
    hand.click(hand.page.locator("main a[href*='against=']"))
    other = int(httpx.URL(hand.page.url).params["against"])
    differences = data.get(f"dictionaries/{EFFICIENT}/classes/{output}?against={other}")["against"]["differences"]
    strongest = max(differences, key=lambda one: abs(one["difference"]))["concept"]["id"]
    shown = hand.concepts(hand.page.locator("#against"), EFFICIENT)
    return strongest in shown and {one["concept"]["id"] for one in differences} <= set(shown), True


def _all_concepts(data: Data, slug: str) -> list[Any]:
    """Every concept of a dictionary, filtered by nothing."""
    found: list[Any] = []
    url = f"{data.base}/api/v1/dictionaries/{slug}/concepts?limit=200"
    while url:
        answer = httpx.get(url).json()
        found += answer["data"]
        url = data.base + answer["links"]["next"] if answer["links"]["next"] else ""
    return found


def _shown(page: Page) -> int:
    """The concept whose page this is."""
    found = re.search(r"/c/(\d+)", page.url)
    assert found is not None, page.url
    return int(found[1])


TASKS: Final[Mapping[str, Callable[[Hand, Data], tuple[Any, Any]]]] = {
    "patch": find_the_concept_behind_a_patch,
    "position": find_all_position_only_concepts,
    "match": find_the_match_in_another_model,
    "confused": find_why_a_class_is_confused,
}


def perform(browser: Browser, base: str, name: str) -> dict[str, Any]:
    """One task from the home page."""
    data = Data(base)
    with opened(browser, f"{base}/") as page:
        page.set_default_timeout(10_000)
        hand, begun = Hand(page, base), time.monotonic()
        answer, truth = TASKS[name](hand, data)
        seconds = time.monotonic() - begun
    return {
        "question": (TASKS[name].__doc__ or "").split("\n")[0],
        "steps": hand.n,
        "steps_bar": BARS[name],
        "seconds": round(seconds, 1),
        "right": answer == truth,
        "answer": answer,
    }


def main() -> None:
    """All four."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=WORK / "demo-store")
    store = parser.parse_args().store
    with serving(store) as base, browsing() as browser:
        found = {name: perform(browser, base, name) for name in TASKS}
    emit(found)
    if wrong := [name for name, one in found.items() if not one["right"] or one["steps"] > one["steps_bar"]]:
        sys.exit(f"wrong answer or too many steps: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
