"""The glossary."""

from app.views.base import Number, View


class Section(View):
    """Terms of one kind; a term is a number without a value, ``key`` is its anchor."""

    key: str
    title: str
    terms: tuple[Number, ...]


class GlossaryView(View):
    """Every number and word with its definition: ``glossary.html``."""

    sections: tuple[Section, ...]
