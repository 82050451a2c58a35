"""What a search found."""

from pydantic import Field

from app.views.base import Choice, Paging, View
from app.views.concepts import ConceptChip


class Reason(View):
    """Why something was found: a text, and where in it the words stand."""

    field: str = Field(description="which text it is: label, class, comment by ann, ...")
    text: str = Field(description="the text, of a long one the part around the first word")
    marks: tuple[tuple[int, int], ...] = Field(description="half-open intervals of characters")

    @property
    def parts(self) -> tuple[tuple[str, bool], ...]:
        """The text in pieces, each with whether it is one of the words."""
        parts, last = [], 0
        for start, end in self.marks:
            parts += [(self.text[last:start], False), (self.text[start:end], True)]
            last = end
        return tuple((text, marked) for text, marked in (*parts, (self.text[last:], False)) if text)


class HitView(View):
    """Something that was found."""

    type: str = Field(description="concept, dictionary, class, list, image")
    title: str
    detail: str = Field(description="what stands under the title")
    dictionary: str | None = Field(None, description="slug of the dictionary that it is of, or is seen by")
    concept: ConceptChip | None = None
    thumbnail: str | None = Field(None, description="picture of an image")
    reasons: tuple[Reason, ...]
    html: str
    api: str = Field(serialization_alias="self")
    others: tuple[Choice, ...] = Field((), description="the same in other dictionaries")


class GroupView(View):
    """What was found of one kind."""

    type: str
    label: str
    total: int
    hits: tuple[HitView, ...]
    more_url: str = Field("", exclude=True, description="page with all of them; empty when all are here")
    grid_url: str = Field("", exclude=True, description="the grid with the same words, where one dictionary is meant")


class SearchView(View):
    """What a search found: ``search/page.html``."""

    q: str
    groups: tuple[GroupView, ...]
    left_out: tuple[str, ...] = Field(description="dictionaries that cannot be opened, with the reason")
    paging: Paging | None = Field(exclude=True, description="when one kind was asked for")
    types: tuple[Choice, ...] = Field(exclude=True, description="all kinds with their numbers")
    dictionaries: tuple[Choice, ...] = Field(exclude=True, description="all dictionaries")
    hint: str = Field(exclude=True, description="what would narrow a question that nearly everything answers")
    tries: tuple[Choice, ...] = Field(exclude=True, description="questions with an answer here, where none was found")
    type: str = Field(description="the kind that was asked for; empty for all")
    dictionary: str = Field(description="the dictionary that was asked for; empty for all")
    total: int
