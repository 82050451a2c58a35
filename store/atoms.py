"""Atoms of a dictionary from its weights file, without torch: one row at a time."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float32
from safetensors import safe_open

from store.errors import Damaged, NotFound

WEIGHTS: Final = "weights.safetensors"
_STANDARD: Final = ("decoder", "fused", "sides", "centroids")
"""What methods call their atoms in standardised space; a file has one of them."""


def read_atom(weights: Path, concept: int) -> Float32[np.ndarray, " d"]:
    """One atom with norm 1, in the direction of raw activations.

    ``normalise(D_k)``, ``normalise(D_k C)`` of a dictionary that whitens with colouring C ``[d d]``, and for a
    universal one ``normalise([D_1k .. D_Mk] * scale)``, its streams side by side. Raises ``NotFound``, ``Damaged``.
    """
    with safe_open(weights, framework="np") as file:
        names = set(file.keys())
        if "decoders.0" in names:
            parts = sorted((n for n in names if n.startswith("decoders.")), key=lambda n: int(n.split(".")[1]))
            row = np.concatenate([_row(file, name, concept) for name in parts]) * file.get_tensor("scale")
        else:
            name = next((name for name in _STANDARD if name in names), None)
            if name is None:
                raise Damaged(f"{weights} holds no atoms; train the dictionary again.")
            row = _row(file, name, concept)
            row = row @ file.get_tensor("colouring") if "colouring" in names else row
    norm = float(np.linalg.norm(row.astype(np.float64)))
    return np.asarray(row / norm if norm else row, dtype=np.float32)


def _row(file: Any, name: str, concept: int) -> Any:
    whole = file.get_slice(name)
    n_concepts = whole.get_shape()[0]
    if not 0 <= concept < n_concepts:
        raise NotFound("atom", str(concept), remedy=f"This dictionary has the atoms 0 to {n_concepts - 1}.")
    return whole[concept : concept + 1][0]
