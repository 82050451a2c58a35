"""What the model calls photos of one group, and which concepts push them to another class."""

from pydantic import Field

from app.views.base import Links, View
from app.views.class_photos import ClassPhoto
from app.views.concepts import ConceptChip
from app.views.plots import Whisker


class ConfusedWith(View):
    """A predicted class among the photos of a group."""

    output: int
    class_name: str = Field(serialization_alias="class")
    n_images: int = Field(description="photos of the group that the model calls so")
    share: float = Field(description="of the group's photos")
    is_this: bool = Field(description="whether it is the class of the page")
    photo: ClassPhoto | None
    links: Links
    against_url: str = Field(exclude=True)


class ConfusedGroup(View):
    """All that the model calls the photos of one group of the collection."""

    class_name: str = Field(serialization_alias="class", description="the group")
    n_images: int = Field(description="its photos in the collection")
    is_own: bool = Field(description="whether group and class have the same name, so that calling it so is right")
    recall: float = Field(description="share of the group's photos that the model gives this class")
    precision: float = Field(description="share of the class's photos that are in the group")
    called: tuple[ConfusedWith, ...] = Field(description="most photos first; at most eight")
    n_classes: int = Field(description="predicted classes told of that have photos of the group")
    n_more: int = Field(description="photos in those that are not listed")
    n_untold: int = Field(description="photos that the model gives classes which the atlas does not tell of")
    url: str = Field(exclude=True)


class Push(View):
    """What a concept does to the logit of another class less that of this one, on the photos of this one."""

    concept: ConceptChip
    value: float = Field(description="logits, mean over the photos: above 0 it pushes to the other class")
    standard_error: float = Field(description="of that mean")
    bar: Whisker = Field(exclude=True)
