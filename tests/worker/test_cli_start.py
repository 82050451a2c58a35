"""The console script where only the Python client is installed."""

import subprocess
import sys

from tests.architecture.sources import ROOT

WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Block(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "{package}" or name == "{package}":
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)

sys.meta_path.insert(0, Block())
sys.argv = ["conceptoscope", "--version"]
from worker.cli_start import main
main()
"""


def start(without: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT.format(package=without)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_is_missing_is_said_in_one_line() -> None:
    done = start("typer")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "pip install 'conceptoscope[web]'" in line
    assert "'typer'" in line


def test_a_missing_part_of_our_own_is_a_fault() -> None:
    done = start("store.settings")
    assert done.returncode == 1
    assert "No module named 'store.settings'" in done.stderr


def test_with_everything_it_runs() -> None:
    done = start("no_such_package")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
