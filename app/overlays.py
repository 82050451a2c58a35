"""What people wrote about the concepts of each dictionary, in memory beside its atlas and as fresh as a second."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from app.roster import FRESH_FOR_S, Entry
from store.annotations import LabelFacts, find_best
from store.artifacts import Artifacts
from store.catalog.annotation_revisions import LISTS, read_revisions
from store.catalog.comments import list_comments
from store.catalog.labels import list_dictionary_labels
from store.catalog.lists import list_lists
from store.catalog.session import Catalog
from store.specs import digest_of
from store.vocabulary import Kind


@dataclass(frozen=True)
class Remark:
    """A comment, as search sees it."""

    concept: int
    text: str
    author: str


@dataclass(frozen=True)
class Member:
    """A concept on a list with its note."""

    dictionary: str
    concept: int
    note: str


@dataclass(frozen=True)
class Listed:
    """A list with its members."""

    uid: str
    title: str
    note: str
    author: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Overlay:
    """All that was written about the concepts of one dictionary, at a revision."""

    dictionary: str
    revision: int
    labels: Mapping[int, tuple[LabelFacts, ...]]
    comments: tuple[Remark, ...]

    @cached_property
    def best(self) -> dict[int, LabelFacts]:
        """The label that each concept is shown under, where people gave it one."""
        found = {concept: find_best(labels) for concept, labels in self.labels.items()}
        return {concept: label for concept, label in found.items() if label is not None}

    @cached_property
    def texts(self) -> dict[int, str]:
        """The texts of those."""
        return {concept: label.text for concept, label in self.best.items()}

    @cached_property
    def stamp(self) -> str:
        """Changes whenever a concept is shown under another label."""
        return digest_of(sorted(self.texts.items()))[:16] if self.texts else ""


class Overlays:
    """The overlays of all dictionaries; ``forget`` after each writing, so that writers see at once what they wrote."""

    def __init__(self, catalog: Catalog, artifacts: Artifacts, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._catalog, self._artifacts, self._clock = catalog, artifacts, clock
        self._lock = threading.RLock()
        self._revisions: dict[str, int] = {}
        self._stamp = ""
        self._read_at = -float("inf")
        self._overlays: dict[str, Overlay] = {}
        self._lists: tuple[int, tuple[Listed, ...]] = (0, ())
        self._dictionaries: dict[str, str] = {}

    def dictionary_of(self, entry: Entry) -> str:
        """Digest of the dictionary that the atlas shows: the entry's own, or that of an earlier training."""
        known = self._dictionaries.get(entry.atlas)
        if known is None:
            inputs = self._artifacts.get(Kind.ATLAS, entry.atlas).manifest.inputs
            known = self._dictionaries[entry.atlas] = inputs.get("dictionary", entry.digest)
        return known

    def stamp(self) -> str:
        """Changes whenever anything is written about any concept, or any list."""
        with self._lock:
            self._current()
            return self._stamp

    def revision(self, entry: Entry) -> int:
        """How often the annotations of what a dictionary shows were written."""
        return self._current().get(self.dictionary_of(entry), 0)

    def of(self, entry: Entry) -> Overlay:
        """What was written about the concepts that a dictionary shows."""
        return self.at(self.dictionary_of(entry))

    def at(self, dictionary: str) -> Overlay:
        """What was written about the dictionary of a digest."""
        with self._lock:
            revision, known = self._current().get(dictionary, 0), self._overlays.get(dictionary)
            if known is None or known.revision != revision:
                known = self._overlays[dictionary] = self._read(dictionary, revision)
            return known

    def lists(self) -> tuple[Listed, ...]:
        """All lists, the one that was edited last first."""
        with self._lock:
            revision = self._current().get(LISTS, 0)
            if self._lists[0] != revision:
                self._lists = revision, self._read_lists()
            return self._lists[1]

    def forget(self) -> None:
        """Something was written: ask the catalog again before the next answer."""
        with self._lock:
            self._read_at = -float("inf")

    def _current(self) -> dict[str, int]:
        with self._lock:
            if self._clock() - self._read_at > FRESH_FOR_S:
                with self._catalog.session() as session:
                    self._revisions = read_revisions(session)
                self._stamp = digest_of(sorted(self._revisions.items()))[:16]
                self._read_at = self._clock()
            return self._revisions

    def _read(self, dictionary: str, revision: int) -> Overlay:
        """What is newer than the revision may be in it, what is older may not."""
        if not revision:
            return Overlay(dictionary, 0, {}, ())
        labels: dict[int, list[LabelFacts]] = {}
        with self._catalog.session() as session:
            for label in list_dictionary_labels(session, dictionary):
                labels.setdefault(label.key.concept, []).append(label)
            comments = [Remark(row.concept, row.text, row.author) for row in list_comments(session, dictionary)]
        return Overlay(dictionary, revision, {k: tuple(found) for k, found in labels.items()}, tuple(comments))

    def _read_lists(self) -> tuple[Listed, ...]:
        with self._catalog.session() as session:
            return tuple(
                Listed(
                    row.uid,
                    row.title,
                    row.note,
                    row.author,
                    tuple(Member(item.dictionary, item.concept, item.note) for item in items),
                )
                for row, items in list_lists(session)
            )
