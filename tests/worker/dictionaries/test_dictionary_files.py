"""Damaged, missing and newer dictionary files are named, never half read."""

import json
from pathlib import Path

import pytest

from store.errors import Damaged, NewerFormat, NotFound
from tests.worker.dictionaries.planted import SPECS, WIDTH
from worker.dictionaries.files import DESCRIPTION, WEIGHTS, load_dictionary, save_dictionary
from worker.dictionaries.registry import make_dictionary


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_dictionary(make_dictionary(SPECS["topk"], WIDTH), tmp_path)
    return tmp_path


def test_two_files_and_no_pickle(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == {DESCRIPTION, WEIGHTS}
    assert json.loads((saved / DESCRIPTION).read_text())["spec"]["method"] == "topk"


def test_equal_dictionaries_give_equal_bytes(saved: Path, tmp_path: Path) -> None:
    save_dictionary(load_dictionary(saved), tmp_path / "again")
    for name in (DESCRIPTION, WEIGHTS):
        assert (saved / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS])
def test_missing(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(NotFound, match=name):
        load_dictionary(saved)


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS])
@pytest.mark.parametrize("content", [b"", b"{}", b"\x00garbage", b"[]"])
def test_damaged(saved: Path, name: str, content: bytes) -> None:
    (saved / name).write_bytes(content)
    with pytest.raises(Damaged, match="train"):
        load_dictionary(saved)


def test_weights_of_another_shape(saved: Path) -> None:
    save_dictionary(make_dictionary(SPECS["topk"], WIDTH + 1), saved / "other")
    (saved / "other" / WEIGHTS).replace(saved / WEIGHTS)
    with pytest.raises(Damaged, match="size mismatch"):
        load_dictionary(saved)


def test_unknown_method(saved: Path) -> None:
    described = json.loads((saved / DESCRIPTION).read_text())
    described["spec"]["method"] = "magic"
    (saved / DESCRIPTION).write_text(json.dumps(described))
    with pytest.raises(Damaged, match="magic"):
        load_dictionary(saved)


def test_newer(saved: Path) -> None:
    described = json.loads((saved / DESCRIPTION).read_text())
    (saved / DESCRIPTION).write_text(json.dumps({**described, "format": 99}))
    with pytest.raises(NewerFormat, match="99"):
        load_dictionary(saved)
