"""What can be compared: the dictionaries of one model, one layer and one collection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.roster import Entry
from store.errors import NotFound

PARTS = ("model", "layer", "collection")


@dataclass(frozen=True)
class Subject:
    """A model, a layer, a collection, and their dictionaries."""

    entries: tuple[Entry, ...]

    @property
    def query(self) -> dict[str, str]:
        """What names the subject in an address."""
        return query_of(self.entries[0])


def query_of(entry: Entry) -> dict[str, str]:
    """Model, layer and collection of a dictionary: those of two are equal when the two can be compared."""
    return {part: getattr(entry, part) for part in PARTS}


def subjects_of(entries: Sequence[Entry]) -> tuple[Subject, ...]:
    """All subjects, in the order of their first dictionaries."""
    found: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        found.setdefault(tuple(query_of(entry).values()), []).append(entry)
    return tuple(Subject(tuple(group)) for group in found.values())


def choose(entries: Sequence[Entry], wanted: Mapping[str, str]) -> Subject | None:
    """The subject with most dictionaries among those that fit; None in an empty store.

    Parts may be left out. Raises ``NotFound`` with the near names for a part that no dictionary has, and for parts
    that do not occur together.
    """
    fitting = list(entries)
    for part in PARTS:
        if wanted.get(part):
            named = [entry for entry in fitting if getattr(entry, part) == wanted[part]]
            if not named:
                raise _unknown(part, wanted, fitting=fitting)
            fitting = named
    return max(subjects_of(fitting), key=lambda subject: len(subject.entries), default=None)


def _unknown(part: str, wanted: Mapping[str, str], *, fitting: Sequence[Entry]) -> NotFound:
    before = [f"{other} '{wanted[other]}'" for other in PARTS[: PARTS.index(part)] if wanted.get(other)]
    remedy = f"These are the ones with {' and '.join(before)}." if before and fitting else ""
    return NotFound(part, wanted[part], known={getattr(entry, part) for entry in fitting}, remedy=remedy)
