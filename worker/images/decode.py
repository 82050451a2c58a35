"""From untrusted bytes to an RGB picture: limits first, then decoding, then one plain form for everything."""

import io
import os
import re
import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.Image import Transpose

from store.errors import Damaged, InvalidInput

MAX_PIXELS = 64_000_000
MAX_BYTES = 64 * 2**20
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_ORIENTATION = 0x0112
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM.{4}\0{4}|II\x2a\0|MM\0\x2a|II\x2b\0|MM\0\x2b|RIFF.{4}WEBP", re.DOTALL
)


class TooLarge(InvalidInput):
    """A file with more bytes than are read."""


class TooManyPixels(InvalidInput):
    """A picture with more pixels than are decoded."""


class NoPicture(InvalidInput):
    """A file that is no picture, or of a format that is not read."""


# The header is checked here against limits that a person can choose; Pillow's own limit is one for the whole process.
Image.MAX_IMAGE_PIXELS = None
# Remarks on odd metadata say nothing about the pixels, and would break through a progress bar.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def looks_like_picture(head: bytes) -> bool:
    """Whether a file's first 16 bytes are those of a format in ``FORMATS``."""
    return _MAGIC.match(head) is not None


def read(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """A file's bytes, its size checked before reading; raises ``InvalidInput`` or ``Damaged``."""
    try:
        # O_NONBLOCK: a named pipe must not hold us up
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise InvalidInput(f"{path.name} is not a plain file.")
            _check_size(info.st_size, max_bytes, name=path.name)
            content = file.read(max_bytes + 1)
    except OSError as fault:
        raise Damaged(f"{path.name} cannot be read: {fault.strerror}.") from fault
    _check_size(len(content), max_bytes, name=path.name)
    return content


def decode(
    source: Path | bytes, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES, name: str = ""
) -> Image.Image:
    """The picture as 8-bit RGB, turned upright, without metadata.

    Animations give their first frame; transparency is laid on white; 16-bit, integer and float greys become 8 bit.
    The format is told by content. At most ``max_bytes`` are read and ``max_pixels`` decoded, both checked beforehand.
    Raises ``InvalidInput`` (too large, not a picture, a format that is not read) or ``Damaged`` (empty, truncated,
    broken). ``name`` is how the texts call the picture; a file's own name unless given.
    """
    if isinstance(source, Path):
        name, source = name or source.name, read(source, max_bytes=max_bytes)
    name = name or "The picture"
    _check_size(len(source), max_bytes, name=name)
    if not source:
        raise Damaged(f"{name} is empty (0 bytes).")
    try:
        with _open(source, name=name) as image:
            _check_pixels(image, max_pixels, name=name)
            image.load()
            return _upright(_rgb(image), _orientation(image))
    except (InvalidInput, Damaged):
        raise
    except Exception as fault:  # decoders raise almost anything on broken bytes: SyntaxError, struct.error, EOFError...
        raise Damaged(f"{name} is truncated or broken ({_in_words(fault)}).") from fault


def _open(content: bytes, *, name: str) -> ImageFile.ImageFile:
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as fault:
        known = "JPEG, PNG, WebP, GIF, BMP and TIFF are"
        if looks_like_picture(content[:16]):
            raise Damaged(f"{name} is truncated or broken (its header cannot be read).") from fault
        raise NoPicture(f"{name} is not a picture that can be read, by its content ({known}).") from fault


def _check_size(n_bytes: int, max_bytes: int, *, name: str) -> None:
    if n_bytes > max_bytes:
        raise TooLarge(f"{name} is too large: {n_bytes:,} bytes, at most {max_bytes:,} are read.")


def _check_pixels(image: Image.Image, max_pixels: int, *, name: str) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise TooManyPixels(
            f"{name} has too many pixels: {width} x {height} = {width * height:,}, at most {max_pixels:,} are decoded."
        )
    if width * height == 0:
        raise Damaged(f"{name} has no pixels ({width} x {height}).")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a photo with broken metadata is still a photo
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    """A new RGB image with nothing but pixels."""
    if image.mode.startswith(("I", "F")):
        image = _eight_bit(image)
    if image.has_transparency_data:
        return _on_white(image)
    plain = image.convert("RGB")
    plain.info = {}
    return plain


def _on_white(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, layer).convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey values as 8 bit: 16-bit modes have the range 0..65535; I and F take the narrowest range that holds them.

    The ranges tried are 0..1 (F only), 0..255 and 0..65535; values outside all of them are stretched, least to most.
    """
    values = np.asarray(image, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are no numbers")
    low, high = float(values.min()), float(values.max())
    tops = (65535.0,) if image.mode.startswith("I;16") else (1.0, 255.0, 65535.0)[image.mode != "F" :]
    top = next((top for top in tops if low >= 0 and high <= top), None)
    if top is None:
        values, top = values - low, max(high - low, 1e-12)
    return Image.fromarray(np.rint(values * (255.0 / top)).astype(np.uint8))


def _in_words(fault: Exception) -> str:
    text = re.sub(r"\s*<[^>]*>", "", str(fault)).strip().splitlines()
    return text[0] if text else type(fault).__name__
