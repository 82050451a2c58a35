"""Where templates, static files and migrations lie: those inside the wheel, or the checkout's folders."""

from pathlib import Path
from typing import Literal

_HERE = Path(__file__).resolve().parent


def resource(name: Literal["templates", "static", "migrations"]) -> Path:
    """Folder of that name packed inside ``store`` (an installed wheel), or next to the packages (a checkout).

    A checkout never has the packed one. The order matters in a wheel: there, next to the packages, is where another
    distribution may have left a folder called ``templates``.
    """
    for folder in (_HERE / "_resources" / name, _HERE.parent / name):
        if folder.is_dir():
            return folder
    raise AssertionError(f"the installation lacks its folder '{name}'")
