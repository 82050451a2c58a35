"""Drawn photos, and files as bad as they come in real folders."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def draw(seed: int, *, width: int = 48, height: int = 32) -> Image.Image:
    """Smooth coloured blobs, different for each seed, so that no two are near duplicates."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, format_name: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, format_name, **options)
    return target.getvalue()


def save_photos(folder: Path, n: int, *, first: int = 0) -> list[Path]:
    """PNG photos photo-00.png, photo-01.png, ... of differing proportions."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"photo-{i:02d}.png" for i in range(first, first + n)]
    for i, path in enumerate(paths, start=first):
        draw(i, width=40 + 3 * (i % 5), height=32 + 5 * (i % 3)).save(path)
    return paths


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds nearly nothing: a decompression bomb's first bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def exif(orientation: int) -> bytes:
    entries = Image.Exif()
    entries[0x0112] = orientation
    entries[0x010E] = "a secret description"
    return entries.tobytes()
