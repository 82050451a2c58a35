"""What people wrote about the concepts of each dictionary, in memory beside its atlas and as fresh as a second."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from app.roster import FRESH_FOR_S, Entry
from store.annotations import LabelFacts, find_best
from store.artifacts import Artifacts
from store.catalog.annotation_revisions import LISTS, read_revisions
from store.catalog.comments import list_comments, stamp_comments
from store.catalog.labels import list_changed_labels
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
    revision: int = 0
    labels: Mapping[int, tuple[LabelFacts, ...]] = field(default_factory=dict)
    """The labels of each concept that has any."""
    best: Mapping[int, LabelFacts] = field(default_factory=dict)
    """The label that each concept is shown under, where people gave it one."""
    texts: Mapping[int, str] = field(default_factory=dict)
    """The texts of those; the same object while none of them changes."""
    sources: Mapping[int, str] = field(default_factory=dict)
    """Where each of those texts comes from; the same object while none of them changes."""
    stamp: str = ""
    """Changes whenever a concept is shown under another label."""
    comments: tuple[Remark, ...] = ()
    comments_stamp: str = ""

    @property
    def shown(self) -> dict[int, tuple[str, str]]:
        """The text that each labelled concept is shown under, and where it comes from."""
        return {concept: (label.text, label.source) for concept, label in self.best.items()}

    def with_labels(self, changed: Mapping[int, list[LabelFacts]]) -> "Overlay":
        """The overlay with the labels of some concepts as they are now."""
        labels, best, texts = dict(self.labels), dict(self.best), dict(self.texts)
        for concept, now in changed.items():
            for known in (labels, best, texts):
                known.pop(concept, None)
            if now:
                labels[concept] = tuple(now)
            shown = find_best(now)
            if shown is not None:
                best[concept], texts[concept] = shown, shown.text
        sources = {concept: str(label.source) for concept, label in best.items()}
        if (texts, sources) == (self.texts, self.sources):
            return replace(self, labels=labels, best=best)
        stamp = digest_of([sorted(texts.items()), sorted(sources.items())])[:16] if texts else ""
        return replace(self, labels=labels, best=best, texts=texts, sources=sources, stamp=stamp)


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
        self._memberships: tuple[tuple[Listed, ...], dict[str, Mapping[int, tuple[str, ...]]]] = ((), {})

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
            if known is None or known.revision > revision:  # another catalog was put in the place of this one
                known = Overlay(dictionary)
            if known.revision != revision:
                known = self._renewed(known, revision)
            self._overlays[dictionary] = known
            return known

    def lists(self) -> tuple[Listed, ...]:
        """All lists, the one that was edited last first."""
        with self._lock:
            revision = self._current().get(LISTS, 0)
            if self._lists[0] != revision:
                self._lists = revision, self._read_lists()
            return self._lists[1]

    def lists_of(self, entry: Entry) -> Mapping[int, tuple[str, ...]]:
        """The ids of the lists that hold each concept of a dictionary; the same object while no list changes."""
        lists, dictionary = self.lists(), self.dictionary_of(entry)
        with self._lock:
            if self._memberships[0] is not lists:
                self._memberships = lists, {}
            known = self._memberships[1]
            if dictionary not in known:
                known[dictionary] = _memberships(lists, dictionary)
            return known[dictionary]

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

    def _renewed(self, known: Overlay, revision: int) -> Overlay:
        """What has changed since is read. What is newer than the revision may be in it, what is older may not."""
        with self._catalog.session() as session:
            changed = list_changed_labels(session, known.dictionary, since=known.revision)
            comments, stamp = known.comments, stamp_comments(session, known.dictionary)
            if stamp != known.comments_stamp:
                rows = list_comments(session, known.dictionary)
                comments = tuple(Remark(row.concept, row.text, row.author) for row in rows)
        known = known.with_labels(changed) if changed else known
        return replace(known, revision=revision, comments=comments, comments_stamp=stamp)

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


def _memberships(lists: tuple[Listed, ...], dictionary: str) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for one in lists:
        for member in one.members:
            if member.dictionary == dictionary:
                found[member.concept] = (*found.get(member.concept, ()), one.uid)
    return found
