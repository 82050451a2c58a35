"""Domain errors: each names the thing, its value and the remedy, in words fit for a person.

They are translated to HTTP in one place (``app/errors.py``) and to an exit code in one place (``worker/cli.py``).
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

_FEW = 6  # so many known names are all told


class ConceptoscopeError(Exception):
    """A fault that a person can understand and mend; its text may be shown to anyone."""


class NotFound(ConceptoscopeError):
    """A named thing does not exist."""

    def __init__(self, thing: str, name: str, *, known: Iterable[str] = (), remedy: str = "") -> None:
        self.thing, self.name = thing, name
        super().__init__(_not_found_text(thing, name, sorted(known), remedy=remedy))


class InvalidInput(ConceptoscopeError):
    """What a person gave cannot be used; the text says why and what would do."""


class Damaged(ConceptoscopeError):
    """A file does not match its checksum, or cannot be read as what it should be."""


class Unavailable(ConceptoscopeError):
    """Something outside is missing or busy: a package, a network, a port, the disk."""


class Conflict(ConceptoscopeError):
    """What was asked does not fit the state that the thing is in."""


class Outdated(Conflict):
    """Somebody else changed the thing meanwhile; nothing was written. ``current`` is what it is now, as JSON has it."""

    def __init__(self, text: str, *, current: Mapping[str, Any]) -> None:
        self.current = dict(current)
        super().__init__(text)


class Forbidden(ConceptoscopeError):
    """What was asked is not for this visitor; the text says who may, or which setting allows it."""


class Stopped(ConceptoscopeError):
    """Work ends early because somebody asked for it; what was done stays and can be gone on from."""


class Outlived(Stopped):
    """A worker goes on with a job that was taken from it; nothing that it makes may be seen."""


class NewerFormat(ConceptoscopeError):
    """A file was written by a newer version than this one."""


class OlderFormat(ConceptoscopeError):
    """A file was written by an older version and has to be made again."""


def _not_found_text(thing: str, name: str, known: list[str], *, remedy: str) -> str:
    few = len(known) <= _FEW
    near = known if few else get_close_matches(name, known, n=3, cutoff=0.4) or known[:_FEW]
    hint = f" {'Known' if few else 'Near'}: {', '.join(near)}." if near else ""
    return f"No {thing} named '{name}'.{hint}{' ' + remedy if remedy else ''}"
