"""What the script of a photo's page reads of patches: as many concepts of each as go into so many bytes."""

import json
from typing import Any, Final

from app.makers.analysis_signed import SCRIPT, parts_for_script
from app.makers.scenes import Scene
from store.analyses.result import Codes

N_TOP: Final = 8
PATCHES_BYTES: Final = 20_000
_CODES: Final = ("rows", "cols", "n_top", "concepts", "max", "index", "values")


def fitting(scene: Scene, codes: Codes) -> dict[str, Any]:
    """The strongest concepts of each patch, at most eight, with what they add to the score where that is known."""
    for n_top in range(min(N_TOP, scene.codes.shape[2]), 0, -1):
        found = scene.for_script(n_top=n_top)
        found |= parts_for_script(codes, known=found["concepts"], n_top=n_top)
        if n_top == 1 or _n_bytes(numbers_of(found)) <= PATCHES_BYTES:
            return found
    return scene.for_script(n_top=0)


def numbers_of(script: dict[str, Any]) -> dict[str, Any]:
    """The same without names, addresses and pictures."""
    return {name: script[name] for name in (*_CODES, *SCRIPT) if name in script}


def _n_bytes(value: dict[str, Any]) -> int:
    return len(json.dumps(value, separators=(",", ":")))
