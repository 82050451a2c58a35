"""What may go from a store: what nothing refers to, has not been wanted for a while, and no job may come back to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from store.artifacts.leftovers import DRAFT, SET_ASIDE, SHARED, TRASH, UPLOAD, Leftover
from store.vocabulary import Kind

LEARNED: Final = frozenset({Kind.DICTIONARY, Kind.UNIVERSAL})
"""Kinds that are learned from activations, which an atlas shows."""

MARGIN: Final = timedelta(hours=1)
"""Work finds its inputs before it shows that it has begun, and clocks of several machines differ."""


class Why(StrEnum):
    """Why something goes."""

    UNREFERENCED = "nothing refers to it"
    LEARNED = "only finished dictionaries refer to it"
    ABANDONED = "draft nobody builds"
    CUT_OFF = "cut-off upload"
    SET_ASIDE = "damaged, set aside"
    REMOVED = "removed before, not yet deleted"


_WHY: Final = {
    DRAFT: Why.ABANDONED,
    SHARED: Why.ABANDONED,
    UPLOAD: Why.CUT_OFF,
    SET_ASIDE: Why.SET_ASIDE,
    TRASH: Why.REMOVED,
}


@dataclass(frozen=True)
class Kept:
    """A published artifact: what it was made from, and when it was last wanted or, if it never was, made."""

    kind: Kind
    digest: str
    inputs: frozenset[str]
    n_bytes: int
    wanted_at: datetime


@dataclass(frozen=True)
class Need:
    """What a store needs besides what is young, and which time is meant by that."""

    digests: frozenset[str]
    """What the catalog refers to, and what unfinished jobs name."""
    keys: frozenset[str]
    """Requests of jobs that may come back to their drafts."""
    working_since: datetime | None
    """Since when somebody works; what was wanted after that may be in use."""
    now: datetime
    grace: timedelta
    activations: bool = True
    """Whether activations are needed by the dictionaries and atlases that were made from them."""

    @property
    def young_since(self) -> datetime:
        """What was wanted later than this stays."""
        ends = [self.now - self.grace]
        if self.working_since is not None:
            ends.append(self.working_since - MARGIN)
        return min(ends)


@dataclass(frozen=True)
class Unneeded:
    """Something that goes, and why; ``since`` nobody wanted it or worked on it."""

    thing: Kept | Leftover
    why: Why

    @property
    def since(self) -> datetime:
        """The moment from which the grace time counts."""
        return self.thing.wanted_at if isinstance(self.thing, Kept) else self.thing.changed_at


def unneeded(artifacts: Sequence[Kept], leftovers: Iterable[Leftover], need: Need) -> list[Unneeded]:
    """What goes, the results before what they were made from, so that no removal that is cut off breaks one."""
    needed = find_needed(artifacts, need)
    whole = needed if need.activations else find_needed(artifacts, need, all_inputs=True)
    going = [
        Unneeded(one, Why.LEARNED if one.digest in whole else Why.UNREFERENCED)
        for kind in reversed(Kind)
        for one in artifacts
        if one.kind is kind and one.digest not in needed
    ]
    return [*going, *_unneeded_leftovers(leftovers, need)]


def find_needed(artifacts: Iterable[Kept], need: Need, *, all_inputs: bool = False) -> set[str]:
    """Digests of what is named or young, and of everything that it was made from.

    Without ``need.activations`` those are left out that only dictionaries with an atlas and atlases were made from,
    unless ``all_inputs``.
    """
    known = {one.digest: one for one in artifacts}
    first = {one.digest for one in known.values() if one.digest in need.digests or one.wanted_at > need.young_since}
    edges = {digest: one.inputs & known.keys() for digest, one in known.items()}
    if need.activations or all_inputs:
        return reached(first, edges)
    activations = {digest for digest, one in known.items() if one.kind is Kind.ACTIVATIONS}
    lean = {digest: inputs - activations for digest, inputs in edges.items()}
    shown = {one for digest in reached(first, lean) if known[digest].kind is Kind.ATLAS for one in edges[digest]}
    learning = {digest: edges[digest] for digest, one in known.items() if one.kind in LEARNED}
    return reached(first, lean | {digest: inputs for digest, inputs in learning.items() if digest not in shown})


def reached(first: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """Everything that can be reached by edges, the start included."""
    found, left = set(first), list(first)
    while left:
        for digest in edges.get(left.pop(), ()):
            if digest not in found:
                found.add(digest)
                left.append(digest)
    return found


def _unneeded_leftovers(leftovers: Iterable[Leftover], need: Need) -> Iterator[Unneeded]:
    for one in leftovers:
        is_resumed = one.what in (DRAFT, SHARED) and one.address in need.keys
        if one.what == TRASH or (one.changed_at <= need.young_since and not is_resumed):
            yield Unneeded(one, _WHY[one.what])
