"""Arrays out of answers: NumPy files, weights files, maps written as rows of numbers."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from conceptoscope.errors import Unexpected

Floats = NDArray[np.float32]
Tensors = Mapping[str, NDArray[Any]]
_DTYPES: Final = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "|u1", "BOOL": "|b1"}
_ATOMS: Final = ("decoder", "fused", "sides", "centroids")
"""What methods call their atoms; a weights file has one of them."""


def read_npy(content: bytes) -> NDArray[Any]:
    """A NumPy file; raises ``Unexpected``. Nothing in it is ever executed."""
    try:
        return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))
    except (ValueError, EOFError, OSError) as fault:
        raise Unexpected(f"This is no NumPy file: {fault}") from fault


def read_tensors(content: bytes) -> Tensors:
    """A safetensors file: ``n``, then ``n`` bytes of JSON, then the numbers, which are not copied.

    bfloat16 becomes float32, which holds it exactly. Raises ``Unexpected``.
    """
    try:
        n = int.from_bytes(content[:8], "little")
        if 8 + n > len(content):
            raise ValueError("its head is longer than all of it")
        head = json.loads(content[8 : 8 + n])
        body = memoryview(content)[8 + n :]
        return {name: _tensor(told, body) for name, told in head.items() if name != "__metadata__"}
    except (ValueError, LookupError, TypeError, AttributeError) as fault:
        raise Unexpected(f"This is no safetensors file: {fault}") from fault


def _tensor(told: Mapping[str, Any], body: memoryview) -> NDArray[Any]:
    start, end = told["data_offsets"]
    part, shape = body[start:end], tuple(told["shape"])
    if told["dtype"] == "BF16":
        return (np.frombuffer(part, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    return np.frombuffer(part, _DTYPES[told["dtype"]]).reshape(shape)


def atoms_of(tensors: Tensors) -> Floats:
    """Atoms of a weights file, float32 ``[K d]``, each of norm 1, in the directions of raw activations.

    ``normalise(D)``, ``normalise(D C)`` where colouring ``C [d d]`` undoes whitening, and for a universal one
    ``normalise([D_1 .. D_M] * scale)``, its streams side by side. Raises ``Unexpected``.
    """
    if "decoders.0" in tensors:
        names = sorted((n for n in tensors if n.startswith("decoders.")), key=lambda name: int(name.split(".")[1]))
        return _normal(np.concatenate([tensors[name] for name in names], axis=1) * tensors["scale"])
    name = next((name for name in _ATOMS if name in tensors), None)
    if name is None:
        raise Unexpected(f"The weights file holds no atoms; it holds {', '.join(tensors) or 'nothing'}.")
    atoms = tensors[name]
    return _normal(atoms @ tensors["colouring"] if "colouring" in tensors else atoms)


def _normal(atoms: NDArray[Any]) -> Floats:
    norms = np.linalg.norm(atoms.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(atoms / np.where(norms > 0, norms, 1), dtype=np.float32)


def heat_of(rows: Sequence[Sequence[int]], scale: float) -> Floats:
    """Codes of a map of bytes: ``byte / 255 * scale``, float32 ``[h w]``."""
    return np.asarray(rows, dtype=np.float32) / np.float32(255) * np.float32(scale)


def stacked(maps: Iterable[Floats], *, rows: int, cols: int) -> Floats:
    """Maps as one array ``[n h w]``, also of none."""
    found = list(maps)
    return np.stack(found) if found else np.zeros((0, rows, cols), np.float32)
