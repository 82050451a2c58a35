"""Activation maps as small grey pictures."""

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
from jaxtyping import UInt8

Map = UInt8[np.ndarray, "rows cols"]


def grey_png(values: Map) -> bytes:
    """A grey PNG with one pixel per patch.

    Written here because a concept page has fifty of them: Pillow's machinery takes eight times as long for such small
    ones. Eight-bit grey, no filter, one zlib stream (PNG specification, chapters 5 and 11).
    """
    rows, cols = values.shape
    lines = np.zeros((rows, cols + 1), dtype=np.uint8)  # each line begins with the number of its filter
    lines[:, 1:] = values
    header = struct.pack(">IIBBBBB", cols, rows, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def data_uri(values: Map) -> str:
    """The same as a data: URI, about 150 bytes."""
    return f"data:image/png;base64,{base64.b64encode(grey_png(values)).decode()}"


def npy_bytes(values: np.ndarray[Any, Any]) -> bytes:
    """An array as a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def as_rows(values: Map) -> tuple[tuple[int, ...], ...]:
    """A map as nested tuples, row by row."""
    return tuple(tuple(int(value) for value in row) for row in values)
