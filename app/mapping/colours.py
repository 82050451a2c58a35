"""The map's colours, as ``static/css/map.css`` has them (a test holds the two together), and who gets which."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Float64, Int64

HUES: Final = {
    "light": (
        "#3f76ad", "#c9722e", "#4c8f52", "#b04f6f", "#7a63b0", "#93821d", "#2b8c90", "#9a6a4b", "#6a7f2a", "#5d6f93",
    ),
    "dark": (
        "#79aee8", "#f0a163", "#84c98b", "#ea8fab", "#b6a2ea", "#d6c25c", "#6ccacd", "#d0a482", "#b0c767", "#a4b5d6",
    ),
}  # fmt: skip
PAPER: Final = {"light": "#fbfbf9", "dark": "#171b19"}
"""What the points lie on: ``--sheet``."""
N_HUES: Final = len(HUES["light"])
MOST_CLUSTERS: Final = 1000
"""So many, the largest, get a hue with regard to their neighbours."""
_N_NEAR: Final = 6


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of a hexadecimal colour."""
    value = int(colour.removeprefix("#"), 16)
    return value >> 16, value >> 8 & 255, value & 255


def cluster_hues(centres: Float64[np.ndarray, "C 2"], sizes: Int64[np.ndarray, " C"]) -> tuple[int, ...]:
    """A hue for each cluster, larger ones first: the one least used among its six nearest that have one, in turn."""
    hues = np.full(len(centres), -1)
    used = np.zeros(N_HUES)
    for cluster in np.argsort(-sizes, kind="stable")[:MOST_CLUSTERS]:
        done = np.flatnonzero(hues >= 0)
        near = _nearest(centres[done], centres[cluster])
        weight = np.bincount(hues[done[near]], weights=1.0 / (1 + np.arange(len(near))), minlength=N_HUES)
        hues[cluster] = int(np.lexsort([np.arange(N_HUES), used, weight])[0])
        used[hues[cluster]] += 1
    rest = hues < 0
    hues[rest] = np.flatnonzero(rest) % N_HUES
    return tuple(int(hue) for hue in hues)


def _nearest(centres: Float64[np.ndarray, "n 2"], at: Sequence[float] | Any) -> Int64[np.ndarray, " m"]:
    return np.argsort(((centres - at) ** 2).sum(axis=1), kind="stable")[:_N_NEAR]
