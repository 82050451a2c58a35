"""What is in the repository: no place of one machine, no registry's address, no large or foreign file."""

import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, tracked_files

LIMIT_BYTES = 500_000

# Written in parts, so that this file does not hold what it looks for.
PLACES = ("work", "root", "tmp", "mnt", "opt/wheels", "opt/pypi")
HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com", "download.pytorch" + ".org")
FOREIGN = {".jpg", ".jpeg", ".safetensors", ".pt", ".pth", ".onnx", ".h5", ".whl", ".tgz", ".zip", ".duckdb", ".sqlite"}

MACHINE_PATH = re.compile(
    rf"(?<![\w./}}>-])/(?:{'|'.join(PLACES)})(?=[/\s\"'`:),]|$)|/(?:home|Users)/\w+", re.MULTILINE
)
HOST = re.compile("|".join(map(re.escape, HOSTS)))


def readable(path: Path) -> str:
    """Text of a tracked file; empty for a binary one."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_machine_paths() -> None:
    found = {str(path): match.group() for path in tracked_files() if (match := MACHINE_PATH.search(readable(path)))}
    assert found == {}


def test_no_registry_hosts() -> None:
    found = {str(path): match.group() for path in tracked_files() if (match := HOST.search(readable(path)))}
    assert found == {}


def test_files_are_small() -> None:
    assert {str(path) for path in tracked_files() if (ROOT / path).stat().st_size > LIMIT_BYTES} == set()


def test_no_foreign_material() -> None:
    assert {str(path) for path in tracked_files() if path.suffix.lower() in FOREIGN} == set()


@pytest.mark.parametrize("text", ["cd /{}/main", '"/{}"', "see `/{}/x`", "/{}"])
@pytest.mark.parametrize("place", PLACES)
def test_machine_paths_are_found(text: str, place: str) -> None:
    assert MACHINE_PATH.search(text.format(place))


@pytest.mark.parametrize("text", ["app/work/x", "https://example.org/root", "/worker/x", "tmp/x", "</root>"])
def test_other_paths_are_not(text: str) -> None:
    assert not MACHINE_PATH.search(text)
