"""How messages with arrays travel: one JSON object, then the bytes of the arrays, nothing that could run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from store.errors import Damaged

Array = np.ndarray[Any, Any]

MEDIA_TYPE: Final = "application/x-conceptoscope-parcel"
MAX_HEADER_BYTES: Final = 4 * 2**20
_MAGIC: Final = b"CSP1"
_DTYPES: Final = {"u1": np.uint8, "<u2": np.uint16, "<i4": np.int32, "<i8": np.int64, "<f4": np.float32}
_CODES: Final = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True)
class Parcel:
    """A message, as plain JSON values, and named arrays.

    On the wire: ``CSP1``, the header's length as 4 bytes (little endian), the header ``{"message": ..., "arrays":
    [[name, dtype, shape], ...]}`` in JSON, then the arrays in this order, row by row, without gaps.
    """

    message: Mapping[str, Any]
    arrays: Mapping[str, Array] = field(default_factory=dict)

    def pack(self) -> bytes:
        """The bytes that travel."""
        listed = [[name, _CODES[array.dtype], list(array.shape)] for name, array in self.arrays.items()]
        header = json.dumps(
            {"message": self.message, "arrays": listed}, separators=(",", ":"), allow_nan=False
        ).encode()
        bodies = [np.ascontiguousarray(array).data for array in self.arrays.values()]
        return b"".join((_MAGIC, len(header).to_bytes(_LENGTH_BYTES, "little"), header, *bodies))


def unpack(content: bytes | bytearray | memoryview) -> Parcel:
    """Read what ``pack`` wrote; arrays are views of the content, read-only. Raises ``Damaged``."""
    view = memoryview(content).toreadonly()
    try:
        if bytes(view[:4]) != _MAGIC:
            raise ValueError("it begins otherwise")
        n_header = int.from_bytes(view[4:8], "little")
        if n_header > MAX_HEADER_BYTES:
            raise ValueError(f"a header of {n_header} bytes")
        header = json.loads(bytes(view[8 : 8 + n_header]))
        return Parcel(dict(header["message"]), _arrays(view[8 + n_header :], header["arrays"]))
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise Damaged(f"A message between the programs cannot be read ({type(fault).__name__}).") from fault


def _arrays(body: memoryview, listed: list[Any]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    start = 0
    for name, code, shape in listed:
        dtype = np.dtype(_DTYPES[code])
        if any(not isinstance(side, int) or side < 0 for side in shape):
            raise ValueError("a shape")
        n_items = int(np.prod([1, *shape], dtype=object))
        stop = start + n_items * dtype.itemsize
        if stop > len(body):
            raise ValueError("it is cut off")
        arrays[str(name)] = np.frombuffer(body[start:stop], dtype=dtype).reshape(shape)
        start = stop
    if start != len(body):
        raise ValueError("bytes are left over")
    return arrays


def blob(content: bytes) -> Array:
    """Bytes as an array."""
    return np.frombuffer(content, dtype=np.uint8)
