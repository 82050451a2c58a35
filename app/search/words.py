"""The words of each dictionary in memory, so that a search opens no atlas; a few hundred bytes per concept at most."""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.roster import Entry
from store.atlas.query import Factor, Mask, make_factor
from store.atlas.reader import Atlas
from store.atlas.shelf import AtlasShelf

ID_MIN: Final = 4
"""Letters from which a word may be the beginning of an image's id."""


class ImageNames:
    """The evidence images of an atlas by the names of their files and the beginnings of their ids."""

    def __init__(self, ids: Sequence[str], sources: Sequence[str], classes: Sequence[str | None]) -> None:
        self.ids, self.sources, self.classes = ids, sources, classes
        lines = [source.lower() for source in sources]
        self._text = "\n".join(lines)  # one text is read a hundred times faster than as many as there are images
        self._starts = np.cumsum([0, *(len(line) + 1 for line in lines)]).tolist()
        self._by_id = sorted(range(len(ids)), key=lambda place: ids[place])
        self._sorted_ids = [ids[place] for place in self._by_id]

    def find(self, words: Sequence[str]) -> list[int]:
        """Places of the images that have all words."""
        found = [self._with(word) for word in words]
        return sorted(set.intersection(*found)) if found else []

    def _with(self, word: str) -> set[int]:
        places, at = set(self._begin_with(word)), self._text.find(word)
        while at >= 0:
            place = bisect_right(self._starts, at) - 1
            places.add(place)
            at = self._text.find(word, self._starts[place + 1])
        return places

    def _begin_with(self, word: str) -> list[int]:
        if len(word) < ID_MIN:
            return []
        first = bisect_left(self._sorted_ids, word)
        return self._by_id[first : bisect_left(self._sorted_ids, f"{word}\U0010ffff")]


@dataclass(frozen=True)
class DictionaryWords:
    """What can be found in one atlas."""

    seeds: Factor
    classes: Factor
    importance: np.ndarray[Any, np.dtype[np.float32]]
    """``[K]``, of unknown importance the least."""
    class_sizes: tuple[tuple[str, int], ...]
    images: ImageNames

    @property
    def n(self) -> int:
        """Number of concepts."""
        return len(self.importance)

    def index(self, word: str) -> Mask:
        """The concept whose index a word is, with or without #: ``[K]``."""
        number = word.removeprefix("#")
        found = np.zeros(self.n, dtype=np.bool_)
        if number.isascii() and number.isdecimal() and len(number) < 10 and int(number) < self.n:
            found[int(number)] = True
        return found


class Words:
    """The words of all dictionaries, read once per atlas."""

    def __init__(self, shelf: AtlasShelf) -> None:
        self._shelf, self._lock = shelf, threading.Lock()
        self._known: dict[str, DictionaryWords] = {}

    def of(self, entry: Entry) -> DictionaryWords:
        """The words of a dictionary; raises what opening its atlas raises."""
        with self._lock:
            known = self._known.get(entry.atlas)
        if known is None:
            with self._shelf.reading(entry.atlas) as shelved:
                known = read_words(shelved.atlas)
            with self._lock:
                self._known[entry.atlas] = known
        return known

    def keep(self, atlases: set[str]) -> None:
        """Forget the words of all other atlases."""
        with self._lock:
            for digest in self._known.keys() - atlases:
                del self._known[digest]


def read_words(atlas: Atlas) -> DictionaryWords:
    """The words of an atlas."""
    importance, images = atlas.columns["importance"].astype(np.float32), atlas.images(limit=1_000_000)
    return DictionaryWords(
        seeds=make_factor(atlas.columns["label_seed"]),
        classes=make_factor(atlas.columns["top_class"]),
        importance=np.nan_to_num(importance, nan=-np.inf, neginf=-np.inf),
        class_sizes=tuple((row["class"], row["n_images"]) for row in atlas.classes),
        images=ImageNames(
            [row["id"] for row in images], [row["source"] for row in images], [row["class"] for row in images]
        ),
    )
