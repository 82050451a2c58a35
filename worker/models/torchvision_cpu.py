"""The one door to timm: lets a CUDA-built torchvision load beside a torch without CUDA.

timm imports torchvision, whose wheel for CUDA registers its detection operators only together with its binary; beside a
CPU torch the import fails with "operator torchvision::nms does not exist". Declaring the two schemas that the import
looks up is enough: models and transforms work, detection operators do not, and nothing here needs those.
"""

import importlib
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from store.errors import Unavailable

OPERATORS = ("nms", "qnms")
SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_declared: list[Any] = []  # a schema lives only as long as its library object


@cache
def import_timm() -> ModuleType:
    """The module timm, imported after the mend. Nothing under ``worker/`` imports timm in another way."""
    if needs_operators(torchvision_version()):
        declare_operators()
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise Unavailable(
            f"timm cannot be imported ({error}). Install it: pip install 'conceptoscope[worker]'"
        ) from error


def torchvision_version() -> str:
    """The version that torchvision's own ``version.py`` names, build suffix included; empty if there is none.

    The file is read, not imported: importing it would import torchvision. (The version in the wheel's metadata can lack
    the suffix.)
    """
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        return ""
    source = Path(spec.origin).with_name("version.py")
    found = (
        re.search(r"__version__\s*=\s*['\"]([^'\"]+)", source.read_text(encoding="utf-8")) if source.exists() else None
    )
    return found.group(1) if found else ""


def needs_operators(torchvision: str) -> bool:
    """Whether torch is built for neither CUDA nor ROCm while torchvision is built for CUDA."""
    return torch.version.cuda is None and torch.version.hip is None and "+cu" in torchvision


def declare_operators() -> None:
    """Declare the schemas, once per process."""
    if _declared:
        return
    make_library: Any = torch.library.Library  # it has no types
    library = make_library("torchvision", "FRAGMENT")
    for name in OPERATORS:
        library.define(name + SCHEMA)
    _declared.append(library)
