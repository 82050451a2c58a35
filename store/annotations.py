"""What people write about concepts: whose it is, which texts are taken, and which label a concept is shown under."""

import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from store.errors import InvalidInput
from store.vocabulary import Source

LABEL_MAX: Final = 120
COMMENT_MAX: Final = 2000
TITLE_MAX: Final = 120
NOTE_MAX: Final = 2000
AUTHOR_MAX: Final = 80
LABELS_PER_CONCEPT: Final = 50
COMMENTS_PER_CONCEPT: Final = 500
LISTS_MAX: Final = 1000
ITEMS_PER_LIST: Final = 2000

_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what follows: with them a text can look like another one."""


@dataclass(frozen=True)
class ConceptKey:
    """A concept for good: the digest of the dictionary as it was trained, and the concept's index in it."""

    dictionary: str
    concept: int


@dataclass(frozen=True)
class LabelFacts:
    """A label as it stands, with the votes for and against its present text."""

    uid: str
    key: ConceptKey
    text: str
    author: str
    source: Source
    created_at: datetime
    edited_at: datetime
    revision: int
    is_removed: bool
    n_for: int
    n_against: int

    @property
    def score(self) -> int:
        """Votes for less votes against."""
        return self.n_for - self.n_against


def make_uid() -> str:
    """A name for something written here that nothing written elsewhere has."""
    return secrets.token_hex(12)


def find_best(labels: Iterable[LabelFacts]) -> LabelFacts | None:
    """The label that a concept is shown under: a person's before a program's, then most votes, then the newest.

    One with more votes against than for is not shown.
    """
    shown = [label for label in labels if not label.is_removed and label.score >= 0]
    return max(shown, key=_rank, default=None)


def _rank(label: LabelFacts) -> tuple[bool, int, datetime, str]:
    return label.source is Source.HUMAN, label.score, label.edited_at, label.uid


def clean_line(name: str, text: str, *, most: int) -> str:
    """A text of one line in its normal form (NFC), white space as single blanks; raises ``InvalidInput``."""
    return _clean(name, " ".join(text.split()), most=most, allowed="")


def clean_text(name: str, text: str, *, most: int, may_be_empty: bool = False) -> str:
    """A text of any number of lines in its normal form (NFC); raises ``InvalidInput``."""
    lines = (line.rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    return _clean(name, "\n".join(lines).strip(), most=most, allowed="\n\t", may_be_empty=may_be_empty)


def _clean(name: str, text: str, *, most: int, allowed: str, may_be_empty: bool = False) -> str:
    if not text and not may_be_empty:
        raise InvalidInput(f"The {name} is empty: write something.")
    normal = unicodedata.normalize("NFC", text)
    if len(normal) > most:
        raise InvalidInput(_too_long(name, len(normal), most=most))
    return check_characters(name, normal, allowed=allowed)


def check_characters(name: str, text: str, *, allowed: str = "\n\t") -> str:
    """The text, when all its characters can be shown; raises ``InvalidInput``."""
    for place, character in enumerate(text):
        if character in _TURNS or (unicodedata.category(character) in ("Cc", "Cs") and character not in allowed):
            raise InvalidInput(
                f"The {name} has the character U+{ord(character):04X} at place {place + 1}, which cannot be shown: "
                "remove it."
            )
    return text


def _too_long(name: str, n: int, *, most: int) -> str:
    return f"The {name} has {n:,} characters: {most:,} are the most. Shorten it."
