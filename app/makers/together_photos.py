"""Photos on which a concept of one dictionary and its matches in others are looked at: who has recorded what there.

A map comes from where it was kept: the photos that an alignment keeps of a pair, the examples of an atlas, or, for
photos that an atlas knows but keeps no map for, the strongest concepts of each of its places.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Literal

import numpy as np

from app import urls
from app.makers.together_asking import Together
from app.site import Opened
from store.atlas.reader import Row

N_PHOTOS = 4
_CANDIDATES = 8
Source = Literal["map", "strongest", "none"]
Concepts = tuple[int | None, ...]
"""A concept of each dictionary, by place; None where nothing answers."""


@dataclass(frozen=True)
class Heat:
    """What a dictionary recorded of a concept on a photo: map uint8, and the code that 255 stands for."""

    source: Source
    values: Any = None
    scale: float = 0.0
    peak: float = 0.0
    n_top: int | None = None
    """Concepts that were kept per place, when it comes from these."""

    @property
    def is_known(self) -> bool:
        """Whether it says where the concept fires: one that is nowhere among the strongest may still fire weakly."""
        return self.source == "map" or self.peak > 0


NOTHING = Heat("none")


@dataclass
class Album:
    """Photos and what was recorded on them, by (place of the dictionary, concept, photo)."""

    photos: dict[str, Row] = field(default_factory=dict)
    heats: dict[tuple[int, int, str], Heat] = field(default_factory=dict)

    def add_photo(self, row: Row, thumbnail: str) -> None:
        """Keep a photo's size, class and address."""
        self.photos.setdefault(row["id"], {**row, "thumbnail": thumbnail})

    def heat(self, place: int, concept: int | None, photo: str) -> Heat:
        """What that dictionary recorded."""
        return NOTHING if concept is None else self.heats.get((place, concept, photo), NOTHING)


def choose_photos(all_: Together, rows: Sequence[Concepts]) -> tuple[Album, list[list[str]]]:
    """For each row its photos, those first on which most of its concepts are recorded as firing."""
    album = Album()
    lists = [_from_alignments(all_, album, rows), _from_atlas(all_.members[0], album, rows)]
    candidates = [_mixed(*(one[number] for one in lists)) for number in range(len(rows))]
    _fill_maps(all_, album, _wanted(album, rows, candidates))
    _fill_codes(all_, album, _wanted(album, rows, candidates))
    return album, [_best(album, concepts, photos) for concepts, photos in zip(rows, candidates, strict=True)]


def _from_alignments(all_: Together, album: Album, rows: Sequence[Concepts]) -> list[list[str]]:
    found: list[list[list[str]]] = [[] for _ in rows]
    for place, one in all_.leading.items():
        keys = {number: _key(one.a.side.value, row[0], row[place]) for number, row in enumerate(rows)}
        examples = one.alignment.shared_examples([key for key in keys.values() if key is not None])
        for number, key in keys.items():
            shared = examples.get(key, []) if key is not None else []
            for example in shared:
                album.add_photo(example, urls.alignment_thumb(one.alignment.digest, example["id"]))
                for where, facing in ((0, one.a), (place, one.b)):
                    concept, side = rows[number][where], facing.side
                    assert concept is not None
                    album.heats[where, concept, example["id"]] = Heat(
                        "map",
                        one.alignment.as_map(example[f"heat_{side}"], side=side),
                        float(example[f"scale_{side}"]),
                        float(example[f"value_{side}"]),
                    )
            found[number].append([example["id"] for example in shared])
    return [_mixed(*lists) for lists in found]


def _key(side: str, first: int | None, other: int | None) -> tuple[int, int] | None:
    if first is None or other is None:
        return None
    return (first, other) if side == "a" else (other, first)


def _from_atlas(lead: Opened, album: Album, rows: Sequence[Concepts]) -> list[list[str]]:
    concepts = [row[0] for row in rows if row[0] is not None]
    found: dict[int, list[str]] = {concept: [] for concept in concepts}
    for example in lead.atlas.strongest(concepts, limit=N_PHOTOS):
        album.add_photo(example, urls.thumb(lead.atlas.digest, example["id"]))
        album.heats.setdefault((0, example["concept"], example["id"]), heat_of(lead, example))
        found[example["concept"]].append(example["id"])
    return [found[row[0]] if row[0] is not None else [] for row in rows]


def heat_of(one: Opened, row: Row) -> Heat:
    """A map that an atlas kept."""
    return Heat("map", one.atlas.as_map(row["heat"]), float(row["heat_scale"]), float(row["value"]))


def _mixed(*lists: Sequence[str]) -> list[str]:
    """The first of each list, then the second of each; no photo twice."""
    return [photo for photo in dict.fromkeys(photo for turn in zip_longest(*lists) for photo in turn) if photo][
        :_CANDIDATES
    ]


Wanted = Mapping[int, Sequence[tuple[int, str]]]


def _wanted(album: Album, rows: Sequence[Concepts], photos: Sequence[Sequence[str]]) -> Wanted:
    """Concepts and photos of which nothing is recorded yet, by the place of the dictionary."""
    missing: dict[int, list[tuple[int, str]]] = {}
    for concepts, ids in zip(rows, photos, strict=True):
        for place, concept in enumerate(concepts):
            if concept is not None:
                missing.setdefault(place, []).extend(
                    (concept, photo) for photo in ids if (place, concept, photo) not in album.heats
                )
    return {place: pairs for place, pairs in missing.items() if pairs}


def _fill_maps(all_: Together, album: Album, wanted: Wanted) -> None:
    for place, pairs in wanted.items():
        member = all_.members[place]
        for (concept, photo), row in member.atlas.maps_on(pairs).items():
            album.heats[place, concept, photo] = heat_of(member, row)


def _fill_codes(all_: Together, album: Album, wanted: Wanted) -> None:
    for place, pairs in wanted.items():
        codes = all_.members[place].atlas.codes_on(list(dict.fromkeys(photo for _, photo in pairs)))
        for concept, photo in pairs:
            if photo in codes:
                album.heats[place, concept, photo] = strongest_heat(*codes[photo], concept=concept)


def strongest_heat(concepts: Any, values: Any, *, concept: int) -> Heat:
    """The map of a concept as far as it is among the strongest of a place; 0 elsewhere, where it may fire weakly."""
    codes = np.where(concepts == concept, values, 0).max(axis=-1).astype(np.float64)
    peak = float(codes.max())
    return Heat("strongest", np.rint(255 * codes / (peak or 1.0)).astype(np.uint8), peak, peak, concepts.shape[-1])


def _best(album: Album, concepts: Concepts, photos: Sequence[str]) -> list[str]:
    def fire(photo: str) -> Iterator[bool]:
        return (album.heat(place, concept, photo).peak > 0 for place, concept in enumerate(concepts))

    return sorted(photos, key=lambda photo: -sum(fire(photo)))[:N_PHOTOS]
