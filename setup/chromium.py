"""A Chromium for the browser tests: the system's, or Playwright's own. Its path is kept in ``.setup/chromium``."""

import os
import shutil
import subprocess
from pathlib import Path

from setup.environment import VENV, apt_install
from setup.step import STAMPS, SetupFailed, run_command

NAMES = ("chromium", "chromium-browser", "google-chrome")
RECORD = STAMPS / "chromium"
ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


def provide_chromium() -> None:
    """Find or install one and record it. Without one the set-up goes on: everything but the browser tests works."""
    found = find_chromium() or _install()
    RECORD.write_text(found, encoding="utf-8")


def find_chromium() -> str:
    """The path of an installed Chromium: the recorded one while it exists, else the system's, else empty."""
    recorded = RECORD.read_text(encoding="utf-8") if RECORD.is_file() else ""
    if recorded and Path(recorded).exists():
        return recorded
    return next((path for path in map(shutil.which, NAMES) if path), "")


def _install() -> str:
    faults = []
    for install in (_install_system, _install_playwright):
        try:
            return install()
        except SetupFailed as fault:
            faults.append(str(fault))
    print("setup: no Chromium, so the browser tests will fail; all else works. " + " ".join(faults))
    return ""


def _install_system() -> str:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SetupFailed("The system's package needs root and apt-get.")
    apt_install("chromium", remedy="Install Chromium by hand.")
    return find_chromium()


def _install_playwright() -> str:
    python = VENV / "bin" / "python"
    run_command(python, "-m", "playwright", "install", "chromium", remedy="Install Chromium by hand.")
    asked = subprocess.run([python, "-c", ASK_PLAYWRIGHT], capture_output=True, text=True, check=True)
    return asked.stdout.strip()
