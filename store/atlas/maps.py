"""Maps of some concepts on some images from the codes that an atlas keeps of every patch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32

Codes = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
"""Of one image: concept indices and codes, both ``[h w n_top]``, strongest first; 0 = empty slot."""


def make_maps(codes: Sequence[Codes], concepts: Sequence[int], *, n_concepts: int) -> Float32[np.ndarray, "c n h w"]:
    """Maps of concepts on images, 0 where they are not among the strongest; no patch has a concept twice."""
    slots = np.full(n_concepts, -1)
    slots[list(concepts)] = np.arange(len(concepts))
    kept, values = (np.stack([both[side] for both in codes]) for side in (0, 1))
    slot = np.where(values > 0, slots[kept], -1)
    place = np.nonzero(slot >= 0)
    maps = np.zeros((len(concepts), *kept.shape[:3]), dtype=np.float32)
    maps[slot[place], place[0], place[1], place[2]] = values[place]
    return maps


def least_kept(codes: Sequence[Codes]) -> Float32[np.ndarray, "n h w"]:
    """What a code that is not kept of a patch cannot exceed: its weakest kept one, 0 where a slot is empty."""
    return np.stack([values[..., -1] for _, values in codes]).astype(np.float32)
