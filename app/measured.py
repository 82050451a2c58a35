"""What atlases say about their dictionaries in numbers; an atlas never changes, so each is read once."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from cachetools import LRUCache, cachedmethod

from app.numbers import known_numbers
from app.roster import Entry
from app.words import window_words
from store.atlas.reader import Atlas
from store.atlas.shelf import AtlasShelf

N_KEPT = 1024  # about 5 KB each


@dataclass(frozen=True)
class Measured:
    """The numbers of one atlas."""

    dictionary: str
    """Digest of the dictionary that the atlas shows."""
    metrics: Mapping[str, float]
    n_active: int | None
    tokens: str
    window: str
    basis: str
    """Equal where two dictionaries learned from the same activations: only then are their numbers fully comparable."""


class Ledger:
    """Measured numbers by atlas; safe to share between threads."""

    def __init__(self, shelf: AtlasShelf) -> None:
        self._shelf = shelf
        self._lock = threading.Lock()
        self._known: LRUCache[str, Measured] = LRUCache(N_KEPT)

    @cachedmethod(attrgetter("_known"), key=lambda _, entry: entry.atlas, lock=attrgetter("_lock"))
    def of(self, entry: Entry) -> Measured:
        """The numbers of the dictionary's atlas; raises a domain error when it cannot be opened."""
        with self._shelf.reading(entry.atlas) as shelved:
            return _read(shelved.atlas)


def _read(atlas: Atlas) -> Measured:
    meta, stream = atlas.meta, atlas.streams[0]
    spec, inputs = _table(meta, "spec"), atlas.artifact.manifest.inputs
    n_active = spec.get("n_active")
    tokens = str(spec.get("tokens", "patches"))
    read = [digest for name, digest in sorted(inputs.items()) if name.startswith("activations")]
    return Measured(
        dictionary=inputs.get("dictionary", ""),
        metrics=known_numbers(_table(meta, "metrics")),
        n_active=n_active if isinstance(n_active, int) else None,
        tokens=tokens,
        window=window_words(stream),
        basis=f"{' '.join(read) or inputs.get('collection', '')} {tokens}",
    )


def _table(meta: dict[str, Any], name: str) -> dict[str, Any]:
    found = meta.get(name)
    return found if isinstance(found, dict) else {}
