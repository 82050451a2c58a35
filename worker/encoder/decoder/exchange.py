"""What goes through the pipes of a decoder process: a length, then a parcel, in both directions."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import UInt8
from pydantic import BaseModel, ConfigDict, Field

from store.encoding.contract import COPY, PHOTO
from store.encoding.parcel import Parcel, blob, unpack
from store.encoding.refusals import Reason
from store.errors import Damaged
from store.grid import Window
from store.vocabulary import Fit

LENGTH_BYTES: Final = 8
HEADER_ROOM: Final = 64 * 1024
Picture = UInt8[np.ndarray, "_ _ 3"]


class View(BaseModel):
    """What is wanted of a photo: what a model's window sees of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height_px: int = Field(ge=1, le=8192)
    width_px: int = Field(ge=1, le=8192)
    fit: Fit
    crop_ratio: float = Field(gt=0, le=1)
    interpolation: str

    @classmethod
    def of(cls, window: Window, interpolation: str) -> "View":
        """The view of a window."""
        return cls(
            height_px=window.height_px,
            width_px=window.width_px,
            fit=window.fit,
            crop_ratio=window.crop_ratio,
            interpolation=interpolation,
        )

    @property
    def window(self) -> Window:
        """The window again."""
        return Window(self.height_px, self.width_px, fit=self.fit, crop_ratio=self.crop_ratio)

    @property
    def n_bytes(self) -> int:
        """Bytes of the picture."""
        return self.height_px * self.width_px * 3


class Order(BaseModel):
    """A photo, whose bytes stand beside, and the views that are wanted of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    views: tuple[View, ...]
    n_bytes_max: int
    n_pixels_max: int
    copy_px: int | None = None  # long side of a copy of the whole photo, never larger than that


class Done(BaseModel):
    """The size of the upright photo; the views stand beside, and its copy. Or why there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(0, ge=0, le=2**31)
    height: int = Field(0, ge=0, le=2**31)
    reason: Reason | None = None
    detail: str = Field("", max_length=2000)


def framed(message: BaseModel, arrays: dict[str, np.ndarray]) -> bytes:
    """A parcel with its length before it."""
    content = Parcel(message.model_dump(mode="json"), arrays).pack()
    return len(content).to_bytes(LENGTH_BYTES, "little") + content


def make_order(order: Order, photo: bytes) -> bytes:
    """An order as it goes through the pipe."""
    return framed(order, {PHOTO: blob(photo)})


def longest_answer(views: Sequence[View], *, copy_px: int | None = None) -> int:
    """Bytes of an answer with all views; a longer one is not read."""
    return HEADER_ROOM + sum(view.n_bytes for view in views) + 3 * (copy_px or 0) ** 2


def copy_size(width: int, height: int, *, copy_px: int) -> tuple[int, int]:
    """Width and height of a photo's copy: its own, or with that long side."""
    scale = min(1.0, copy_px / max(width, height))
    return max(1, round(scale * width)), max(1, round(scale * height))


def read_answer(content: bytes, views: Sequence[View], *, copy_px: int | None = None) -> tuple[Done, list[Picture]]:
    """What a decoder says, believed only as far as it fits what was asked; the copy comes last. Raises ``Damaged``."""
    parcel = unpack(content)
    try:
        done = Done.model_validate(parcel.message)
        if done.reason is not None:
            return done, []
        pictures = [parcel.arrays[str(place)] for place in range(len(views))]
        pictures += [] if copy_px is None else [parcel.arrays[COPY]]
    except (ValueError, KeyError) as fault:
        raise Damaged("The decoder's answer cannot be read.") from fault
    wanted = [(view.height_px, view.width_px, 3) for view in views]
    if not (done.width and done.height):
        raise Damaged("The decoder's answer has no size.")
    if copy_px is not None:
        wanted.append((*copy_size(done.width, done.height, copy_px=copy_px)[::-1], 3))
    if [one.shape for one in pictures] != wanted or any(one.dtype != np.uint8 for one in pictures):
        raise Damaged("The decoder's answer is not what was asked for.")
    return done, pictures
