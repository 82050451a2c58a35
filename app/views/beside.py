"""Concepts of one dictionary side by side."""

from pydantic import Field

from app.views.base import Number, View
from app.views.concept import ExampleRow
from app.views.concepts import ConceptCard, ConceptChip
from app.views.together import Sight


class BesideConcept(View):
    """One of the concepts."""

    card: ConceptCard
    rank: int | None = Field(description="place by importance among all concepts, from 1; None of a silent one")
    examples: ExampleRow = Field(description="its strongest images")
    without_url: str = Field(exclude=True, description="the page without it; empty when it is the only one")


class BesideNumber(View):
    """A number of every concept, in their order."""

    number: Number = Field(description="what it is; without a value")
    values: tuple[float | None, ...]
    levels: tuple[float, ...] = Field(exclude=True, description="shares of the largest of the row")


class BesidePair(View):
    """What joins two of them. A bound stands where the atlas lists nearer neighbours only."""

    a: int
    b: int
    cosine: float | None = Field(description="of the atoms; None where the weights are not in this store")
    coactivation: float | None = Field(description="cosine of the codes over all patches, where they are neighbours")
    coactivation_most: float | None = Field(description="otherwise it is at most this")
    examples: float | None = Field(description="Jaccard index of the sets of strongest images, where neighbours")
    examples_most: float | None = Field(description="otherwise it is at most this")
    n_both: int = Field(
        description="images on which both are recorded: among an image's strongest concepts, or as an example"
    )
    n_either: int = Field(description="images on which either is")


class BesideSight(Sight):
    """One concept on one photo."""

    concept: int


class BesidePhoto(View):
    """A photo with what is recorded of each concept on it."""

    image: str
    class_name: str | None = Field(serialization_alias="class")
    width: int
    height: int
    thumbnail: str
    alt: str
    sights: tuple[BesideSight, ...]


class Suggestion(View):
    """A concept that could be set beside them."""

    kind: str = Field(description="decoder, coactivation or antipodal; importance where there is none yet")
    label: str
    value: float
    concept: ConceptChip
    url: str = Field(exclude=True)


class BesideView(View):
    """Up to four concepts side by side, or none yet: ``beside/page.html``."""

    dictionary: str
    dictionary_title: str
    concepts: tuple[BesideConcept, ...]
    numbers: tuple[BesideNumber, ...]
    pairs: tuple[BesidePair, ...]
    photos: tuple[BesidePhoto, ...] = Field(description="photos on which most of them are recorded as firing")
    suggestions: tuple[Suggestion, ...] = Field(
        description="neighbours of the first, or important ones; empty when there is no room"
    )
    c: str = Field(exclude=True)
    form_url: str = Field(exclude=True)
