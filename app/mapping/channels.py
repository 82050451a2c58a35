"""What is known of every concept as small whole numbers: the channels that a browser draws the map from.

A file of channels is little-endian: the four bytes ``CMAP``; uint32 version, K, number of channels; one byte per
channel with its width in bytes (1 or 2), filled up with zeros to a multiple of 4; then each channel, K numbers in the
order of concepts, filled up likewise. A number column is told as::

    code = round(254 (f(v) - f(low)) / (f(high) - f(low))),  clipped to 0 .. 254,   255 = absent

with f the logarithm for columns that spread over decades (then 0 and less are absent) and low, high the 0.5 % and
99.5 % quantiles. Words are places in the list of values, the most frequent first; 254 = any other, 255 = none. Places
on the map, x and y, are map units up to 65534; 65535 = a concept without a place in this layout.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from store.atlas.query import LINEAR, ConceptTable
from store.errors import NotFound
from store.vocabulary import Badge, Layout

VERSION: Final = 1
ABSENT: Final = 255
OTHER: Final = 254
MOST: Final = 254
NOWHERE: Final = 65535
PLACES: Final = ("x", "y")
WORDS: Final = ("class", "badge", "main_stream")
_ENDS: Final = (0.005, 0.995)
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Channel:
    """One column as whole numbers ``codes [K]`` (uint8 or uint16), and what they mean."""

    name: str
    codes: Array
    log: bool = False
    low: float | None = None
    """Value of code 0 of a number; values below it have code 0, too."""
    high: float | None = None
    """Value of code 254, and of all above it."""
    values: tuple[str, ...] = ()
    """What codes of words stand for."""


def channel_names(*, numbers: Sequence[str]) -> tuple[str, ...]:
    """All channels, given the number columns that mean something in this dictionary."""
    return (*PLACES, "cluster", "crops", *WORDS, *numbers)


def make_channel(table: ConceptTable, name: str, *, known: Sequence[str], layout: Layout = Layout.ATOMS) -> Channel:
    """A channel by name, places of a layout; raises ``NotFound`` for one that is not among those known."""
    if name not in known:
        raise NotFound("channel of the map", name, known=known)
    if name in PLACES:
        values = table.places(layout)[PLACES.index(name)]
        return Channel(name, np.where(np.isnan(values), NOWHERE, np.minimum(values, NOWHERE - 1)).astype("<u2"))
    if name == "cluster":
        return _clusters(table.numbers["cluster"])
    if name == "crops":
        return Channel(name, np.minimum(np.nan_to_num(table.numbers["n_images"], nan=0), 9).astype(np.uint8))
    return _words(table, name) if name in WORDS else _numbers(name, table.numbers[name])


def pack(channels: Sequence[Channel]) -> bytes:
    """Channels as one file."""
    n = len(channels[0].codes)
    widths = bytes(channel.codes.dtype.itemsize for channel in channels)
    parts = [b"CMAP", struct.pack("<III", VERSION, n, len(channels)), _filled(widths)]
    parts += [_filled(channel.codes.tobytes()) for channel in channels]
    return b"".join(parts)


def _filled(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


def _clusters(values: Array) -> Channel:
    """Numbers of clusters as they are: one byte while all are below 255, else two; the largest code is none."""
    present = values[~np.isnan(values)]
    is_small = not len(present) or present.max() < ABSENT
    none = ABSENT if is_small else 65535
    codes = np.where(np.isnan(values), none, np.minimum(np.nan_to_num(values), none - 1))
    return Channel("cluster", codes.astype(np.uint8 if is_small else "<u2"))


def _words(table: ConceptTable, name: str) -> Channel:
    factor = table.words(name)
    vocabulary, places = factor.vocabulary, factor.codes
    if name == "badge":
        values = tuple(badge.value for badge in Badge)
        first = [next((values.index(one) for one in names if one in values), ABSENT) for names in vocabulary[:-1]]
        return Channel(name, np.array([*first, ABSENT], dtype=np.uint8)[places], values=values)
    counts = np.bincount(places, minlength=len(vocabulary))[:-1]
    order = np.argsort(-counts, kind="stable")[:MOST]
    codes = np.full(len(vocabulary), OTHER, dtype=np.uint8)
    codes[order], codes[-1] = np.arange(len(order)), ABSENT
    return Channel(name, codes[places], values=tuple(str(vocabulary[at]) for at in order))


def _numbers(name: str, values: Array) -> Channel:
    log = name not in LINEAR
    there = ~np.isnan(values) & ((values > 0) if log else True)
    codes = np.full(len(values), ABSENT, dtype=np.uint8)
    if not there.any():
        return Channel(name, codes, log=log)
    scaled = np.log(values[there]) if log else values[there]
    low, high = (float(end) for end in np.quantile(scaled, _ENDS, method="nearest"))
    codes[there] = np.rint(MOST * np.clip((scaled - low) / ((high - low) or 1), 0, 1))
    ends = np.exp([low, high]) if log else (low, high)
    return Channel(name, codes, log=log, low=float(ends[0]), high=float(ends[1]))
