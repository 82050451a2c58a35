"""A folder that is read-only, gone or failing is told in one line that says what to do."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.artifacts import Artifacts
from store.artifacts.faults import full_disk, told_in_words
from store.errors import NotFound, Unavailable
from store.vocabulary import Kind
from tests.store.artifacts.builder import INPUTS, SPEC, build


def test_a_store_that_vanishes_is_told(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path / "store")
    built = build(artifacts, text="hello")
    with pytest.raises(Unavailable, match=r"There is no store at '.*store'.*not mounted.*--store"):
        with artifacts.draft(Kind.DICTIONARY, SPEC, inputs=INPUTS) as draft:
            shutil.rmtree(artifacts.root)
            (draft.path / "a.txt").write_text("into nothing")
    with pytest.raises(Unavailable, match="There is no store"):
        artifacts.get(Kind.ATLAS, built.digest)


@pytest.mark.parametrize(
    ("code", "said"), [(errno.EROFS, "Read-only file system"), (errno.EIO, "The disk of the store .* fails")]
)
def test_what_the_disk_refuses_is_told(tmp_path: Path, code: int, said: str) -> None:
    with pytest.raises(Unavailable, match=said), told_in_words(tmp_path):
        raise OSError(code, os.strerror(code), str(tmp_path / "atlas"))


def test_what_is_not_about_the_store_passes(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), told_in_words(tmp_path / "store"):
        (tmp_path / "store").mkdir()
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "photos" / "a.jpg"))
    with pytest.raises(NotFound), told_in_words(tmp_path):
        raise NotFound("image", "7")
    with pytest.raises(ZeroDivisionError), told_in_words(tmp_path):
        _ = 1 / 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_read_only_store_is_told_and_read(open_folder: Path) -> None:
    """Root may write anywhere, so somebody else does this."""
    build(Artifacts(open_folder / "store"), text="hello")
    code = f"""
import os, pwd
from pathlib import Path
from store.artifacts import Artifacts
from store.errors import Unavailable
from store.specs import AtlasSpec
from store.vocabulary import Kind
if os.geteuid() == 0:
    os.setuid(pwd.getpwnam("nobody").pw_uid)
artifacts = Artifacts(Path({str(open_folder / "store")!r}))
print(artifacts.list(Kind.ATLAS)[0].file("a.txt").read_text())
try:
    with artifacts.draft(Kind.DICTIONARY, AtlasSpec(), inputs={{}}):
        print("writable")
except Unavailable as fault:
    print(fault)
"""
    for folder, _, _ in os.walk(open_folder / "store"):
        Path(folder).chmod(0o555)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    for folder, _, _ in os.walk(open_folder / "store"):
        Path(folder).chmod(0o755)
    assert done.stderr == ""
    assert done.stdout.startswith(f"hello\nThe store '{open_folder / 'store'}' cannot be used: Permission denied (")
    assert "mount it writable, or choose another --store" in done.stdout


def test_a_full_disk_is_told_even_where_there_is_no_store(tmp_path: Path) -> None:
    assert "MiB free" in str(full_disk(tmp_path / "not" / "there"))
