"""What is asked, and the contract of those who answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from app.roster import Entry
from app.search.words import DictionaryWords
from app.site import Site
from app.views.search import HitView
from store.atlas.grammar import BadQuery, Fault

Q_MAX: Final = 200
WORDS_MAX: Final = 8


@dataclass(frozen=True)
class Question:
    """Words that all must occur, in lower case, and the dictionaries to look in with their words."""

    words: tuple[str, ...]
    within: tuple[tuple[Entry, DictionaryWords], ...]
    is_narrowed: bool = False
    """Whether one dictionary was named."""


@dataclass(frozen=True)
class Found:
    """All that a finder found, best first; only what is looked at is drawn."""

    total: int
    draw: Callable[[int, int], list[HitView]]


class Finder(Protocol):
    """Finds things of one kind.

    One that goes by meaning, with a model that knows images and words, is another finder beside these: it ranks the
    concepts of ``question.within`` by its own measure and tells that measure as the reason of each hit.
    """

    def __call__(self, site: Site, question: Question) -> Found:
        """Everything that answers."""


Finders = Mapping[str, Finder]


def parse_words(q: str) -> tuple[str, ...]:
    """The words of a question, each once; raises ``BadQuery`` for one that is too long."""
    words = tuple(dict.fromkeys(q.lower().split()))
    if len(q) > Q_MAX or len(words) > WORDS_MAX:
        raise BadQuery(Fault("q", f"'q' has at most {WORDS_MAX} words and {Q_MAX} characters."))
    return words
