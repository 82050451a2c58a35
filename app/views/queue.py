"""The label queue: one concept at a time."""

from pydantic import Field

from app.views.annotations import LabelView
from app.views.base import Choice, View
from app.views.concept import ClassRow, ExampleRow
from app.views.concepts import ConceptCard, Stat


class QueueView(View):
    """A concept that wants a name, with its evidence: ``queue/page.html``."""

    dictionary: str
    order: str = Field(description="importance, random or review")
    seed: int | None = Field(description="of the random order")
    n_labelled: int = Field(description="living concepts that somebody named")
    n_alive: int = Field(description="living concepts")
    n_left: int = Field(description="concepts that this order still asks for")
    n_done: int = Field(description="named on this walk")
    coming: tuple[int, ...] = Field(description="the next concepts of this order, the present one first, up to 24")
    card: ConceptCard | None = Field(description="the present concept; None when nothing is left")
    seed_label: str | None = Field(description="a name guessed from classes when the atlas was built")
    labels: tuple[LabelView, ...] = Field(description="what it is called so far, best first")
    why: str = Field(description="why this order asks for it")
    classes: tuple[ClassRow, ...] = Field(description="the classes that it answers to most, up to 5")
    stats: tuple[Stat, ...] = Field(exclude=True, description="columns of the card that help to name it")
    examples: ExampleRow | None = Field(description="where it fires most")
    near_miss: ExampleRow | None = Field(description="what looks alike and leaves it silent")
    orders: tuple[Choice, ...] = Field(exclude=True)
    mine: LabelView | None = Field(exclude=True, description="the visitor's own label, which saving edits")
    other: str = Field(exclude=True, description="a name that one key takes over: the shown label, else the seed")
    form_url: str = Field(exclude=True, description="where the name is sent; the address holds the walk")
    skip_url: str = Field(exclude=True)
    back_url: str = Field(exclude=True, description="empty at the beginning of the walk")
    concept_url: str = Field(exclude=True)
    tests_url: str = Field(exclude=True)
    author: str = Field(exclude=True)
    why_not: str = Field(exclude=True, description="why the visitor may not write; empty when they may")
