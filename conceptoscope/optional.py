"""Packages that only some methods need: imported when they are asked for, named when they are missing."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Final

from conceptoscope.errors import MissingPackage

_INSTALL: Final = {"PIL": "pillow"}


def need(module: str, *, purpose: str) -> ModuleType:
    """The module; raises ``MissingPackage`` with the command that installs it."""
    package = _INSTALL.get(module.partition(".")[0], module.partition(".")[0])
    try:
        return import_module(module)
    except ModuleNotFoundError as fault:
        raise MissingPackage(f"{purpose} need {package}, which is not installed: pip install {package}") from fault


def has(module: str) -> bool:
    """Whether it is installed."""
    return find_spec(module) is not None
