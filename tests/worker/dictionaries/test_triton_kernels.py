"""The Triton kernels without a GPU: their values under Triton's interpreter, and that they compile."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("triton_checks.py")
ROOT = Path(__file__).parents[3]
TRITON = "triton==3.9.0"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("triton")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", str(folder), TRITON], check=True)
    return folder


@pytest.mark.packages
@pytest.mark.parametrize("check", ["values", "compiled"])
def test_triton_kernels(check: str, packages: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{packages}{os.pathsep}{ROOT}", "TRITON_DEFAULT_FP_FUSION": "1"}
    if check == "values":
        environment["TRITON_INTERPRET"] = "1"
    subprocess.run([sys.executable, str(SCRIPT), check], check=True, env=environment)
