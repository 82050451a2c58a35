"""Blind tests of labels: what is shown before a choice, what after it, and what they come to."""

from typing import Literal

from pydantic import Field

from app.views.base import PixelBox, View
from app.views.concept import ExampleTile
from app.views.concepts import ConceptChip
from app.views.verdicts import VerdictView


class TestPhoto(View):
    """A photo of a test. Whether the concept fires on it is told after the choice only."""

    __test__ = False
    number: int = Field(description="its place, from 1")
    picture: str = Field(description="the photo, WebP; the address tells nothing of it")
    width: int = Field(description="px")
    height: int = Field(description="px")
    seen: PixelBox = Field(description="what the model saw, in px")
    fires: bool | None = Field(description="None before the choice")
    chosen: bool | None = Field(description="None before the choice")
    image: str | None = Field(description="public id of the photo; None before the choice")
    band: str | None = Field(description="the band of examples that it was drawn from; None before the choice")
    tile: ExampleTile | None = Field(None, exclude=True, description="with heat, where the page still can draw it")


class TestView(View):
    """One blind test, open or judged: ``queue/test.html``."""

    __test__ = False
    id: str
    state: Literal["open", "judged"]
    label: str = Field(description="id of the label")
    text: str = Field(description="the text that is tested")
    revision: int = Field(description="the label's revision that is tested")
    author: str = Field(description="who took the test")
    started_at: str = Field(description="RFC 3339, UTC")
    answered_at: str | None
    seconds: float | None = Field(description="from the sight of the photos to the choice")
    n_active: int = Field(description="photos on which the concept fires: as many are to be chosen")
    n_hits: int | None = Field(description="chosen photos on which it fires; None before the choice")
    photos: tuple[TestPhoto, ...] = Field(description="empty where the test came from another store")
    api: str = Field(serialization_alias="self")


class LabelTestsView(View):
    """All judged tests of a label, earlier texts' among them."""

    label: str
    text: str
    verdict: VerdictView | None = Field(description="of the present text")
    tests: tuple[TestView, ...] = Field(description="oldest first, without photos")


class TestedLabel(View):
    """A concept's shown label with what its tests come to."""

    label: str = Field(description="id of the label")
    text: str
    author: str
    concept: ConceptChip
    verdict: VerdictView | None


class TestsView(View):
    """The labels of a dictionary and their tests: ``queue/tests.html``."""

    dictionary: str
    n_labelled: int = Field(description="living concepts that somebody named")
    n_tested: int = Field(description="of those, whose shown label was tested")
    next: str | None = Field(description="label that is to be tested next: least tested, then most important")
    labels: tuple[TestedLabel, ...] = Field(description="worst first by the lower end of the interval, untested last")
    form_url: str = Field(exclude=True)
    queue_url: str = Field(exclude=True)
    author: str = Field(exclude=True)
    why_not: str = Field(exclude=True, description="why the visitor may not take one; empty when they may")
