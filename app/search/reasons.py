"""Why something was found: the texts that have the words, and where in them."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from app.views.search import Reason

AROUND: Final = 60
"""Characters of a long text that are told on either side of the first word."""
MOST: Final = 3


def has_word(text: str | None, words: Sequence[str]) -> bool:
    """Whether any of the words stands in a text."""
    return text is not None and any(word in text.lower() for word in words)


def has_words(texts: Iterable[str | None], words: Sequence[str]) -> bool:
    """Whether every word stands in one of the texts."""
    lower = [text.lower() for text in texts if text]
    return all(any(word in text for text in lower) for word in words)


def make_reasons(texts: Iterable[tuple[str, str | None]], words: Sequence[str]) -> tuple[Reason, ...]:
    """One for each text that has a word, the first few; the same text counts once, under its first name."""
    named: dict[str, str] = {}
    for field, text in texts:
        if text and has_word(text, words):
            named.setdefault(text, field)
    return tuple(make_reason(field, text, words) for text, field in list(named.items())[:MOST])


def make_reason(field: str, text: str, words: Sequence[str]) -> Reason:
    """A text with the places of the words in it: of a long one the part around the first."""
    text = _part(" ".join(text.split()), words)
    return Reason(field=field, text=text, marks=find_marks(text, words))


def find_marks(text: str, words: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Where the words stand, as half-open intervals in order that do not overlap."""
    if not words:
        return ()
    longest_first = sorted(words, key=len, reverse=True)
    pattern = re.compile("|".join(re.escape(word) for word in longest_first), re.IGNORECASE)
    return tuple(match.span() for match in pattern.finditer(text))


def _part(text: str, words: Sequence[str]) -> str:
    marks = find_marks(text, words)
    if len(text) <= 3 * AROUND or not marks:
        return text[: 3 * AROUND]
    start, end = max(marks[0][0] - AROUND, 0), min(marks[0][1] + AROUND, len(text))
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
