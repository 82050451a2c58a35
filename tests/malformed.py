"""Malformed picture files, as many as wanted: drawn pictures, broken in many ways; equal seeds give equal files."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import numpy as np
from PIL import Image

from worker.images.decode import FORMATS

Random = np.random.Generator
Breaking = Callable[[bytes, Random], bytes]

MAGICS: Final = (
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"BM",
    b"II\x2a\0",
    b"MM\0\x2a",
    b"RIFF\xff\xff\xff\x7fWEBPVP8 ",
    b"RIFF\xff\xff\xff\x7fWEBPVP8L",
    b"%PDF-1.7",
    b"PK\x03\x04",
    b"<svg",
    b"\0\0\0\x20ftypavif",
    b"8BPS",
    b"%!PS-Adobe",
    b"\x7fELF",
)


def malformed(n: int, *, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """``n`` files, each with how it was broken; the ways take turns."""
    ways = list(WAYS.items())
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        name, break_ = ways[number % len(ways)]
        seeds = whole_pictures()
        yield name, break_(seeds[int(rng.integers(len(seeds)))], rng)


@cache
def whole_pictures() -> tuple[bytes, ...]:
    """Small drawn pictures in every format and kind, with metadata."""
    found: list[bytes] = []
    for place, mode in enumerate(("RGB", "L", "RGBA", "P", "CMYK", "I;16", "F")):
        picture = _drawn(place, mode)
        for format_name in FORMATS:
            buffer = io.BytesIO()
            try:
                picture.save(buffer, format_name, exif=_exif(), icc_profile=b"\0" * 128)
            except (OSError, ValueError, KeyError):  # no such pictures in this format
                continue
            found.append(buffer.getvalue())
    frames = [_drawn(place, "P") for place in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return (*found, buffer.getvalue())


def _drawn(seed: int, mode: str) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize((40, 24), Image.Resampling.BICUBIC)
    if mode == "I;16":
        return Image.fromarray(np.asarray(picture.convert("L"), dtype=np.uint16) * 256)
    return picture.convert(mode)


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "drawn"
    return exif


def truncated(content: bytes, rng: Random) -> bytes:
    """Cut off anywhere."""
    return content[: int(rng.integers(len(content)))]


def flipped(content: bytes, rng: Random) -> bytes:
    """A few bits are wrong."""
    bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8))
    bits[rng.integers(len(bits), size=int(rng.integers(1, 24)))] ^= 1
    return np.packbits(bits).tobytes()


def flipped_head(content: bytes, rng: Random) -> bytes:
    """Bytes of the first hundred are wrong."""
    broken = bytearray(content)
    for place in rng.integers(min(100, len(content)), size=int(rng.integers(1, 6))):
        broken[place] = int(rng.integers(256))
    return bytes(broken)


def other_magic(content: bytes, rng: Random) -> bytes:
    """It says that it is something else."""
    magic = MAGICS[int(rng.integers(len(MAGICS)))]
    return magic + content[len(magic) :]


def noise(_content: bytes, rng: Random) -> bytes:
    """A format's first bytes, then noise."""
    return MAGICS[int(rng.integers(len(MAGICS)))] + rng.bytes(int(rng.integers(0, 4000)))


def spliced(content: bytes, rng: Random) -> bytes:
    """The beginning of one picture and the end of another."""
    seeds = whole_pictures()
    other = seeds[int(rng.integers(len(seeds)))]
    return content[: int(rng.integers(len(content)))] + other[int(rng.integers(len(other))) :]


def repeated(content: bytes, rng: Random) -> bytes:
    """A part stands there many times."""
    start, stop = sorted(int(place) for place in rng.integers(len(content), size=2))
    return content[:stop] + content[start:stop] * int(rng.integers(1, 40)) + content[stop:]


def huge_png(_content: bytes, rng: Random) -> bytes:
    """A PNG that promises millions of pixels and holds few bytes, or enough for them all (a bomb)."""
    side = int(rng.choice([7000, 7900, 8100, 30_000, 2**16, 2**31 - 1]))
    other = int(rng.choice([1, 64, 7000, 30_000, 2**31 - 1]))
    kind, depth = int(rng.choice([0, 2, 3, 4, 6])), int(rng.choice([1, 8, 16]))
    body = zlib.compress(bytes(int(rng.choice([0, 1000, 2**20, 2**24]))), 9)
    return _png(struct.pack(">IIBBBBB", side, other, depth, kind, 0, 0, int(rng.integers(2))), body)


def text_bomb_png(content: bytes, rng: Random) -> bytes:
    """A PNG whose metadata unpacks to much more than it is: zTXt, iTXt, iCCP."""
    name = [b"zTXt", b"iTXt", b"iCCP"][int(rng.integers(3))]
    packed = zlib.compress(bytes(int(rng.choice([2**20, 2**24, 2**26]))), 9)
    body = b"key\0" + (b"\1\0\0\0" if name == b"iTXt" else b"\0") + packed
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return _png(header, zlib.compress(bytes(8 * 25)), before=_chunk(name, body) * int(rng.integers(1, 4)))


def gif_bomb(_content: bytes, rng: Random) -> bytes:
    """A GIF with a huge screen, or a huge first frame, and next to no data."""
    width, height = (int(side) for side in rng.choice([1, 500, 9000, 65535], size=2))
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes([0, 0, 0, 255, 255, 255])
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, int(rng.choice([0, 0x40]))) + b"\x02"
    codes = b"".join(bytes([255]) + rng.bytes(255) for _ in range(int(rng.integers(1, 30))))
    return b"GIF89a" + screen + frame + codes + b"\0" + frame * int(rng.integers(0, 500)) + b";"


def tiff_tags(_content: bytes, rng: Random) -> bytes:
    """A TIFF with absurd tags: offsets that lead anywhere, counts beyond the file, directories in circles."""
    order = ">" if rng.integers(2) else "<"
    tags = [256, 257, 258, 259, 262, 273, 277, 278, 279, 282, 320, 322, 324, 330, 700, 34665, 34675, 33723]
    chosen = sorted(int(tag) for tag in rng.choice(tags, size=int(rng.integers(1, 12))))
    small = {256: [8, 9000, 2**31], 257: [8, 9000, 2**31], 258: [1, 8, 32], 259: [1, 2, 5, 6, 7, 8, 34712], 262: [0, 6]}
    entries = b""
    for tag in chosen:
        value = int(rng.choice(small.get(tag, [0, 8, 2**16, 2**31])))
        count = int(rng.choice([1, 1, 3, 2**20, 2**32 - 1]))
        entries += struct.pack(f"{order}HHII", tag, int(rng.integers(0, 14)), count, value)
    head = (b"MM" if order == ">" else b"II") + struct.pack(f"{order}HI", 42, 8)
    following = int(rng.choice([0, 8, 2**31]))
    body = struct.pack(f"{order}H", len(chosen)) + entries + struct.pack(f"{order}I", following)
    return head + body + rng.bytes(int(rng.integers(0, 300)))


def jpeg_segments(_content: bytes, rng: Random) -> bytes:
    """A JPEG with garbage in its segments: EXIF, ICC, Huffman and quantisation tables, sizes that do not fit."""
    buffer = io.BytesIO()
    _drawn(1, "RGB").save(buffer, "JPEG", progressive=bool(rng.integers(2)))
    whole = buffer.getvalue()
    garbage = b""
    for _ in range(int(rng.integers(1, 6))):
        marker = int(rng.choice([0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xC4, 0xDB, 0xC0, 0xDD, 0xFE]))
        begin = [b"Exif\0\0", b"ICC_PROFILE\0\1\1", b"MPF\0", b"http://ns.adobe.com/xap/1.0/\0", b""]
        body = begin[int(rng.integers(5))] + rng.bytes(int(rng.integers(0, 400)))
        length = len(body) + 2 if rng.integers(4) else int(rng.integers(0, 2**16))
        garbage += bytes([0xFF, marker]) + struct.pack(">H", length) + body
    return whole[:2] + garbage + whole[2:]


def jpeg_size(_content: bytes, rng: Random) -> bytes:
    """A JPEG whose header promises other sides than its data has."""
    buffer = io.BytesIO()
    _drawn(2, "RGB").save(buffer, "JPEG", progressive=bool(rng.integers(2)))
    whole = bytearray(buffer.getvalue())
    place = max(whole.find(b"\xff\xc0"), whole.find(b"\xff\xc2"))
    sides = [int(side) for side in rng.choice([0, 1, 7900, 8000, 65500, 65535], size=2)]
    whole[place + 5 : place + 9] = struct.pack(">HH", *sides)
    return bytes(whole)


def bmp_header(_content: bytes, rng: Random) -> bytes:
    """A BMP with a header that lies: sides, depth, compression, colours, offsets."""
    sides = [int(side) for side in rng.choice([-(2**31), -8, 0, 8, 8000, 2**31 - 1], size=2)]
    depth, packing = int(rng.choice([0, 1, 4, 8, 16, 24, 32, 33])), int(rng.integers(0, 7))
    info = struct.pack("<IiiHHIIiiII", 40, *sides, 1, depth, packing, 0, 0, 0, int(rng.choice([0, 256, 2**31])), 0)
    return b"BM" + struct.pack("<IHHI", 2**31, 0, 0, int(rng.choice([14, 54, 2**31]))) + info + rng.bytes(200)


def webp_chunks(content: bytes, rng: Random) -> bytes:
    """A WebP with a canvas that lies and chunks of any length."""
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes([int(rng.integers(256)), 0, 0, 0]) + rng.bytes(6)
    names = [b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "]
    chunks = b"".join(
        names[int(rng.integers(8))] + struct.pack("<I", int(rng.choice([0, 10, 80, 2**31]))) + rng.bytes(80)
        for _ in range(int(rng.integers(1, 8)))
    )
    body = b"WEBP" + canvas + chunks + content[:500]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _png(header: bytes, data: bytes, *, before: bytes = b"") -> bytes:
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + before + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


WAYS: Final[dict[str, Breaking]] = {
    "truncated": truncated,
    "flipped bits": flipped,
    "flipped head": flipped_head,
    "other magic": other_magic,
    "noise": noise,
    "spliced": spliced,
    "repeated": repeated,
    "huge PNG": huge_png,
    "PNG text bomb": text_bomb_png,
    "GIF bomb": gif_bomb,
    "TIFF tags": tiff_tags,
    "JPEG segments": jpeg_segments,
    "JPEG size": jpeg_size,
    "BMP header": bmp_header,
    "WebP chunks": webp_chunks,
}
