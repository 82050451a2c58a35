"""The document on security names tests that exist, all scopes, and every route that is open to all."""

import re
from pathlib import Path

import pytest

from app.access.limits import N_VISITORS
from app.bodies import FORM_FIELDS, JSON_DEPTH, PHOTO_WITHIN_S, WITHIN_S
from app.patience import HEAD_S
from store.vocabulary import Access, Scope
from tests.architecture.sources import ROOT, text

DOCUMENT = text(Path("docs/security.md"))
FILES = sorted(set(re.findall(r"`([\w/]+\.py)(?:::\w+)?`", DOCUMENT)))
TESTS = sorted(set(re.findall(r"\b(test_\w+)`", DOCUMENT)))


def found(name: str) -> Path:
    """A test file that the document names, with or without its folder."""
    places = [ROOT / name, ROOT / "tests" / "app" / "access" / name, ROOT / "tests" / "app" / name]
    return next(place for place in places if place.is_file())


@pytest.mark.parametrize("name", FILES)
def test_files_exist(name: str) -> None:
    assert found(name).is_file()


def test_named_tests_exist() -> None:
    written = "".join(found(name).read_text() for name in FILES)
    assert len(TESTS) > 20
    assert [name for name in TESTS if f"def {name}(" not in written] == []


def test_scopes_modes_and_numbers_are_told() -> None:
    told = set(re.findall(r"`([^`]+)`", DOCUMENT))
    assert set(Scope) | set(Access) <= told
    for number in (
        f"{WITHIN_S:.0f} s",
        f"{PHOTO_WITHIN_S:.0f} s",
        f"{JSON_DEPTH} deep",
        f"{HEAD_S:.0f} s",
        f"{FORM_FIELDS:,} fields",
    ):
        assert number in DOCUMENT
    assert f"{N_VISITORS:,} visitors" in DOCUMENT
