"""Three or four dictionaries side by side: concepts of the first, and what answers to each of them."""

from typing import Literal

from pydantic import Field

from app.views.alignment import Between
from app.views.base import Choice, Links, Paging, PixelBox, View
from app.views.concepts import ConceptChip
from app.views.plots import Overlay


class Member(View):
    """One of the dictionaries."""

    slug: str
    title: str
    label: str = Field(description="what it is called where there is little room: its model, if that is enough")
    model_title: str
    layer: str
    n_concepts: int
    links: Links
    lead_url: str = Field("", exclude=True, description="the page with this one first")


class Meeting(View):
    """Two of the dictionaries: how their scores lie, or that they were never aligned."""

    a: str = Field(description="slug")
    b: str = Field(description="slug")
    aligned: bool
    comparable: bool = Field(description="whether they know the same photos, so that they could be aligned")
    n_matched: int | None = Field(description="pairs whose correlation chance rarely reaches")
    n_concepts: int = Field(description="concepts of the smaller one: the most pairs there could be")
    held_out: float | None = Field(description="mean correlation of these pairs on held-out photos")
    scores: Overlay | None
    links: Links | None
    job_url: str = Field("", exclude=True, description="the form that aligns them")


class Answer(View):
    """What of another dictionary answers to a concept of the first."""

    slug: str
    concept: ConceptChip | None = Field(description="None where nothing answers, or they were never aligned")
    aligned: bool
    correlation: float | None = Field(description="of their codes over the tokens of the shared grid, in [-1, 1]")
    held_out: float | None = Field(description="the same over held-out images; known of pairs one-to-one only")
    percentile: float | None = Field(description="share of the null's best correlations not above, in [0, 1]")
    mutual: bool = Field(description="each is the other's best")
    one_to_one: bool = Field(description="they are partners in the one-to-one matching, above chance")
    found: bool = Field(description="chance rarely gives as much: it counts as a match")


class Sight(View):
    """What a dictionary recorded of its concept on a photo. The box is in pixels of the thumbnail."""

    slug: str
    source: Literal["map", "strongest", "none"] = Field(
        description="map: its whole map was kept; strongest: as far as it is among the strongest concepts of a place, "
        "where it is not it may still fire weakly; none: nothing was kept"
    )
    value: float | None = Field(description="largest code on the photo that was recorded; None when nothing was kept")
    scale: float | None = Field(description="code that the strongest heat stands for")
    n_top: int | None = Field(description="strongest concepts that were kept per place, where it comes from these")
    iou: float | None = Field(description="overlap of its heat with the first dictionary's: sum of minima over maxima")
    seen: PixelBox
    heat: str = Field("", exclude=True, description="data URI, grey, 255 = its own peak")
    difference: str = Field("", exclude=True, description="data URI, grey, 255 = only the first, 0 = only this one")
    url: str = Field("", exclude=True)


class Photo(View):
    """A photo with what each dictionary recorded on it, in their order."""

    image: str
    class_name: str | None = Field(serialization_alias="class")
    width: int
    height: int
    thumbnail: str
    alt: str
    sights: tuple[Sight, ...]


class Gathered(View):
    """A concept of the first dictionary with what answers to it, and photos on which all of them are looked at."""

    concept: ConceptChip
    energy: float = Field(description="its share of all squared codes of its dictionary on the shared grid")
    weakest: float = Field(description="smallest of the correlations below; 0 where nothing answers")
    mean: float = Field(description="their mean, with 0 where nothing answers")
    n_found: int = Field(description="in how many of the other dictionaries it has a match")
    answers: tuple[Answer, ...]
    photos: tuple[Photo, ...]


class TogetherView(View):
    """The page of three or four dictionaries side by side."""

    members: tuple[Member, ...]
    meetings: tuple[Meeting, ...]
    n_aligned: int = Field(description="others that the first is aligned with: over these it is sorted and counted")
    counts: dict[str, int] = Field(description="concepts by where they are found, under the other filters")
    rows: tuple[Gathered, ...]
    tabs: tuple[Choice, ...] = Field((), exclude=True)
    sorts: tuple[Choice, ...] = Field((), exclude=True)
    correlation: Between = Field(exclude=True)
    found: str = Field("", exclude=True)
    one_to_one: bool = Field(False, exclude=True)
    mutual_only: bool = Field(False, exclude=True)
    clear_url: str = Field("", exclude=True)
    paging: Paging
