"""``app -> store <- worker``: held by import-linter for the source, by a running interpreter for what is loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, modules

HEAVY = ("torch", "torchvision", "timm", "sklearn", "scipy")


def loaded_heavy(*imports: str) -> list[str]:
    """Which heavy packages a fresh interpreter holds after these imports."""
    lines = [f"import {name}" for name in imports]
    lines += ["import sys", f"print(*[name for name in {HEAVY} if name in sys.modules])"]
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_contracts_hold() -> None:
    env = {**os.environ, "PYTHONWARNINGS": "default"}
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_web_program_loads_no_torch() -> None:
    assert loaded_heavy("app.main") == []


@pytest.mark.parametrize("package", ["app", "store"])
def test_no_module_loads_torch(package: str) -> None:
    names = [module_name(path) for path in modules(package) if path.name != "__main__.py"]
    assert len(names) > 1
    assert loaded_heavy(*names) == []


def test_command_line_starts_without_torch() -> None:
    assert loaded_heavy("worker.cli") == []


def test_the_check_sees_torch() -> None:
    assert "torch" in loaded_heavy("torch")
