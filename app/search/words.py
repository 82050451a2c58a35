"""The words of each dictionary in memory, so that a search opens no atlas; a few hundred bytes per concept at most."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.roster import Entry
from store.atlas.query import Factor, Mask, make_factor
from store.atlas.reader import Atlas
from store.atlas.shelf import AtlasShelf


@dataclass(frozen=True)
class ImageName:
    """An evidence image: its id, where it is from, and that in lower case."""

    id: str
    source: str
    class_name: str | None
    lower: str


@dataclass(frozen=True)
class DictionaryWords:
    """What can be found in one atlas."""

    seeds: Factor
    classes: Factor
    importance: np.ndarray[Any, np.dtype[np.float32]]
    """``[K]``, of unknown importance the least."""
    class_sizes: tuple[tuple[str, int], ...]
    images: tuple[ImageName, ...]

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
    importance = atlas.columns["importance"].astype(np.float32)
    return DictionaryWords(
        seeds=make_factor(atlas.columns["label_seed"]),
        classes=make_factor(atlas.columns["top_class"]),
        importance=np.nan_to_num(importance, nan=-np.inf, neginf=-np.inf),
        class_sizes=tuple((row["class"], row["n_images"]) for row in atlas.classes),
        images=tuple(
            ImageName(row["id"], row["source"], row["class"], row["source"].lower())
            for row in atlas.images(limit=1_000_000)
        ),
    )
