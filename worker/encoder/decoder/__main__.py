"""A decoder process: photos come in by standard input, views go out by standard output, one after the other."""

import io
import sys
from typing import Final

import numpy as np
from PIL import Image

from store.encoding.contract import COPY, PHOTO
from store.encoding.parcel import unpack
from store.encoding.refusals import Reason
from store.errors import ConceptoscopeError, Damaged
from store.vocabulary import Fit
from worker.encoder.decoder.confine import allow_processor_time, confine
from worker.encoder.decoder.exchange import LENGTH_BYTES, Done, Order, Picture, View, copy_size, framed
from worker.images.decode import FORMATS, NoPicture, TooLarge, TooManyPixels, decode
from worker.images.fit import fit

PROCESSOR_S: Final = 10
_NAME: Final = "The photo"
_SMALL: Final = View(height_px=4, width_px=4, fit=Fit.CROP, crop_ratio=1.0, interpolation="bicubic")
_REASONS: Final[dict[type[ConceptoscopeError], Reason]] = {
    TooLarge: Reason.TOO_LARGE,
    TooManyPixels: Reason.TOO_MANY_PIXELS,
    NoPicture: Reason.NOT_AN_IMAGE,
    Damaged: Reason.DAMAGED,
}


def main() -> None:
    """Serve until standard input ends."""
    max_pixels = int(sys.argv[1])
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    warm_up()
    confine(max_pixels=max_pixels)
    answers.write(framed(Done(), {}))  # ready
    answers.flush()
    while length := orders.read(LENGTH_BYTES):
        allow_processor_time(PROCESSOR_S)
        done, pictures = carry_out(orders.read(int.from_bytes(length, "little")))
        answers.write(framed(done, pictures))
        answers.flush()


def carry_out(content: bytes) -> tuple[Done, dict[str, Picture]]:
    """One order: decode, fit to every view. What a photo is to blame for becomes a reason."""
    parcel = unpack(content)
    order = Order.model_validate(parcel.message)
    try:
        return _views(parcel.arrays[PHOTO].tobytes(), order)
    except MemoryError:
        return _hungry()
    except ConceptoscopeError as fault:
        if isinstance(fault.__cause__, MemoryError):
            return _hungry()
        return Done(reason=_REASONS.get(type(fault), Reason.DAMAGED), detail=str(fault)), {}


def _views(photo: bytes, order: Order) -> tuple[Done, dict[str, Picture]]:
    image = decode(photo, max_pixels=order.n_pixels_max, max_bytes=order.n_bytes_max, name=_NAME)
    pictures = {str(place): fit(image, view.window, view.interpolation) for place, view in enumerate(order.views)}
    if order.copy_px is not None:
        size = copy_size(image.width, image.height, copy_px=order.copy_px)
        pictures[COPY] = np.asarray(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
    return Done(width=image.width, height=image.height), pictures


def _hungry() -> tuple[Done, dict[str, Picture]]:
    return Done(reason=Reason.DECODER_DIED, detail=f"{_NAME} takes more memory to decode than a photo may."), {}


def warm_up() -> None:
    """Decode a picture of every format and kind: what is imported late could not be opened any more."""
    Image.init()
    for format_ in FORMATS:
        for mode in ("RGB", "RGBA", "L", "P", "CMYK", "I;16", "F"):
            buffer = io.BytesIO()
            try:
                Image.new(mode, (4, 4)).save(buffer, format_, exif=_exif())
            except (OSError, KeyError, ValueError):  # no such pictures in this format
                continue
            picture = decode(buffer.getvalue())
            fit(picture, _SMALL.window, _SMALL.interpolation)
            picture.resize((2, 2), Image.Resampling.LANCZOS, reducing_gap=3.0)
    _fail_once()


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _fail_once() -> None:
    """Take the ways of failing once, too."""
    for content in (b"", b"\xff\xd8\xff", b"nothing", b"\x89PNG\r\n\x1a\n" + bytes(32)):
        try:
            decode(content)
        except ConceptoscopeError:
            continue


if __name__ == "__main__":
    main()
