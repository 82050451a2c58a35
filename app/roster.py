"""Which dictionaries can be shown: the catalog's rows as frozen values, read again after a moment."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from app.numbers import known_numbers
from store.catalog.alignments import list_alignments
from store.catalog.comparisons import metrics_of_all
from store.catalog.dictionaries import list_dictionaries
from store.catalog.session import Catalog
from store.catalog.tables import Dictionary
from store.errors import NotFound
from store.specs import digest_of

FRESH_FOR_S = 1.0


@dataclass(frozen=True)
class Entry:
    """A dictionary that has an atlas."""

    slug: str
    title: str
    layer: str
    method: str
    digest: str
    n_concepts: int
    atlas: str
    model: str
    model_title: str
    model_facts: tuple[tuple[str, Any], ...]
    collection: str
    collection_title: str
    collection_digest: str
    n_images: int
    metrics: Mapping[str, float]
    """What is known of the trained dictionary, later measurements too; the atlas may still show an earlier one."""
    created_at: datetime

    @cached_property
    def stamp(self) -> str:
        """Changes with anything that an answer tells of it; equal in two stores that hold the same."""
        told = {name: value for name, value in vars(self).items() if name not in ("created_at", "stamp")}
        return digest_of({**told, "metrics": dict(self.metrics)})


@dataclass(frozen=True)
class Link:
    """An alignment of two dictionaries, by their digests; ``digest`` is its own."""

    first: str
    second: str
    digest: str
    headline: Mapping[str, Any]


class Roster:
    """All entries; a request for an unknown one reads the catalog again before it is refused."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._links: tuple[Link, ...] = ()
        self._stamp = ""
        self._read_at = -FRESH_FOR_S
        self.n_reads = 0

    def entries(self) -> tuple[Entry, ...]:
        """All dictionaries that have an atlas, by model, then title."""
        with self._lock:
            if time.monotonic() - self._read_at > FRESH_FOR_S:
                self._read()
            return tuple(self._entries.values())

    def get(self, slug: str) -> Entry:
        """The dictionary of that slug; raises ``NotFound`` with the near ones."""
        self.entries()
        with self._lock:
            if slug not in self._entries:
                self._read()
            if slug not in self._entries:
                remedy = (
                    "" if self._entries else "This store has no dictionary yet: make one with `conceptoscope demo`."
                )
                raise NotFound("dictionary", slug, known=self._entries, remedy=remedy)
            return self._entries[slug]

    def links(self) -> tuple[Link, ...]:
        """All alignments, oldest first."""
        self.entries()
        return self._links

    def find_link(self, one: Entry, other: Entry) -> Link | None:
        """The alignment of two dictionaries, whichever is named first."""
        wanted = {one.digest, other.digest}
        return next((link for link in self.links() if {link.first, link.second} == wanted), None)

    def stamp(self) -> str:
        """Changes whenever any dictionary is added, renamed, measured, aligned or shows another atlas."""
        self.entries()
        return self._stamp

    def _read(self) -> None:
        with self._catalog.session() as session:
            rows = list_dictionaries(session)
            known = zip(rows, metrics_of_all(session, rows), strict=True)
            self._entries = {row.slug: _entry(row, metrics) for row, metrics in known}
            self._links = tuple(
                Link(row.first_digest, row.second_digest, row.digest, row.headline) for row in list_alignments(session)
            )
        entries = [entry.stamp for entry in self._entries.values()]
        self._stamp = digest_of([entries, [link.digest for link in self._links]])
        self._read_at = time.monotonic()
        self.n_reads += 1


def _entry(row: Dictionary, metrics: Mapping[str, float]) -> Entry:
    assert row.atlas is not None
    return Entry(
        slug=row.slug,
        title=row.title,
        layer=row.layer,
        method=row.method,
        digest=row.digest,
        n_concepts=row.n_concepts,
        atlas=row.atlas.digest,
        model=row.model.slug,
        model_title=row.model.title,
        model_facts=tuple(row.model.facts.items()),
        collection=row.collection.slug,
        collection_title=row.collection.title,
        collection_digest=row.collection.digest,
        n_images=row.collection.n_images,
        metrics=known_numbers(metrics),
        created_at=row.atlas.updated_at,
    )
