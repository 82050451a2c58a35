"""Coded forms of static files: of each text, of its content as it is, served without coding anything again."""

import gzip
import hashlib
from pathlib import Path

import brotli
import pytest

from app.precoded import FOLDER, make_forms
from app.static_tree import StaticTree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "a.css").write_text("a { color: red }\n" * 40)
    (tmp_path / "LICENSE").write_text("free\n" * 40)
    (tmp_path / "mark.png").write_bytes(b"\x89PNG" * 40)
    return tmp_path


def test_forms_follow_their_files(root: Path) -> None:
    assert make_forms(root) == 2
    assert make_forms(root) == 0
    before = {path.name for path in (root / FOLDER).iterdir()}
    sha256 = hashlib.sha256((root / "css" / "a.css").read_bytes()).hexdigest()
    assert f"{sha256}.br" in before
    (root / "css" / "a.css").write_text("a { color: blue }\n" * 40)
    assert make_forms(root) == 1
    after = {path.name for path in (root / FOLDER).iterdir()}
    assert before - after == {f"{sha256}.br"}
    assert len(after) == 2


def test_a_form_is_served_without_coding(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = StaticTree(root)
    made, _, _ = bare.read(bare.digest, "css/a.css", coding="br")
    zipped, _, _ = bare.read(bare.digest, "css/a.css", coding="gzip")
    make_forms(root)
    tree = StaticTree(root)
    assert (tree.digest, tree.names) == (bare.digest, bare.names)  # forms are no files of their own
    assert not [name for name in tree.names if name.startswith(FOLDER)]
    monkeypatch.setattr("app.static_tree.compressed", None)
    found, media_type, told = tree.read(tree.digest, "css/a.css", coding="br")
    assert (found, media_type, told) == (made, "text/css; charset=utf-8", "br")
    assert brotli.decompress(found) == gzip.decompress(zipped) == (root / "css" / "a.css").read_bytes()
    assert tree.read(tree.digest, "mark.png", coding="br") == (b"\x89PNG" * 40, "image/png", "")


def test_a_file_that_changed_since_has_no_stale_form(root: Path) -> None:
    make_forms(root)
    (root / "css" / "a.css").write_text("b { color: blue }\n" * 40)
    tree = StaticTree(root)
    found, _, _ = tree.read(tree.digest, "css/a.css", coding="br")
    assert brotli.decompress(found) == (root / "css" / "a.css").read_bytes()
