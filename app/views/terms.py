"""The glossary."""

from pydantic import Field

from app.views.base import Number, View


class Term(Number):
    """A number without a value, with what its definition leaves open; ``key`` is its anchor."""

    formula: str = Field("", description="in short; empty for words")
    reads: str = Field("", description="how to read it")
    misleads: str = Field("", description="when it says something else than it seems to")
    null_of: str = Field("", description="key of the metric whose null it is")


class Section(View):
    """Terms of one kind."""

    key: str
    group: str = Field(description="what the section is about: a dictionary, a concept, ...")
    title: str
    said: str = Field(description="what its terms are about, in a sentence")
    terms: tuple[Term, ...]


class GlossaryView(View):
    """Every number and word with its definition: ``glossary.html``."""

    sections: tuple[Section, ...] = Field(description="by group, in the order in which they are shown")
