"""Style sheets: each page links its own beside the shared four, all together small; none is left over."""

import re
from pathlib import Path

import brotli
import pytest

from store.resources import resource

TEMPLATES = resource("templates")
SHEETS = resource("static") / "css"
LINKED = re.compile(r"static\(['\"]css/([\w-]+\.css)['\"]\)")
LIMIT_BYTES = 15_000
"""Compressed, all that a page loads: the budget of the interface."""


def linked(path: Path) -> set[str]:
    """Names of the sheets that a template links."""
    return set(LINKED.findall(path.read_text(encoding="utf-8")))


SHARED = linked(TEMPLATES / "base.html")
PAGES = {path.relative_to(TEMPLATES).as_posix(): linked(path) for path in sorted(TEMPLATES.rglob("*.html"))}


def weight(names: set[str]) -> int:
    """Bytes on the way, each sheet compressed by itself."""
    return sum(len(brotli.compress((SHEETS / name).read_bytes())) for name in names)


@pytest.mark.parametrize("page", [page for page, own in PAGES.items() if own])
def test_a_page_loads_few_styles(page: str) -> None:
    assert weight(SHARED | PAGES[page]) <= LIMIT_BYTES


def test_every_sheet_is_linked() -> None:
    assert {path.name for path in SHEETS.glob("*.css")} == set().union(*PAGES.values())
