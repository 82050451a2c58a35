"""Parts of the concept page: how large it is on photos, what it does to classes, where it lies among the others."""

from pydantic import Field

from app.views.base import View
from app.views.class_photos import ClassPhoto
from app.views.classes import ConceptOutput
from app.views.plots import Area, Axis, Whisker


class SizeStrip(View):
    """Shares of patches on which the concept fires, over the recorded examples of one band."""

    band: str
    label: str
    n: int
    lowest: float
    median: float
    highest: float
    shares: tuple[float, ...] = Field(description="in (0, 1], in the order of the examples")
    y: float = Field(exclude=True)
    at: tuple[float, ...] = Field(exclude=True, description="x of the shares")
    middle: float = Field(exclude=True, description="x of the median")


class SizesView(View):
    """Spatial sizes by band, from the maps that the atlas keeps of its examples.

    A share counts the patches of a map that are above 0 in 255 steps of its own peak.
    """

    n_patches: int = Field(description="patches of the grid")
    mean: float | None = Field(description="the column spatial_size: the mean over all images in which it fires")
    strips: tuple[SizeStrip, ...]
    area: Area = Field(exclude=True)
    x: Axis = Field(exclude=True)
    mean_at: float | None = Field(exclude=True)
    description: str = Field(exclude=True)


class ConceptEffect(ConceptOutput):
    """What the concept does for or against one predicted class."""

    rank: int = Field(description="place by contrast among the concepts kept of the class, from 1: most for it")
    n_kept: int = Field(description="concepts kept of the class")
    photos: tuple[ClassPhoto, ...] = Field(description="photos of which the model is surest")
    bar: Whisker = Field(exclude=True, description="contrast and its error, on one scale for all")


class ConceptEffects(View):
    """What taking the concept away changes: the reconstruction, and the logits of predicted classes."""

    rank: int | None = Field(description="place by importance among all concepts, from 1; None of a silent one")
    n_concepts: int
    n_classes: int = Field(description="predicted classes among whose kept concepts it is")
    n_leading: int = Field(description="of these the classes in which no concept has a larger contrast")
    n_images_led: int = Field(description="images on which it contributes more than any other concept")
    supports: tuple[ConceptEffect, ...] = Field(description="largest positive contrasts")
    opposes: tuple[ConceptEffect, ...] = Field(description="most negative contrasts")
    missing: str = Field(description="why no classes are told; empty where they are")
    edit_image: str | None = Field(description="public id of its strongest example, to try edits on")
    may_edit: bool = Field(exclude=True)


class MapMark(View):
    """A concept marked on the small map."""

    id: int
    name: str
    kind: str = Field(description="self, or the first kind of neighbour that it is")
    x: float = Field(exclude=True)
    y: float = Field(exclude=True)
    url: str = Field(exclude=True)


class MiniMap(View):
    """All concepts as dots, this one and its neighbours marked."""

    width: float = Field(exclude=True)
    height: float = Field(exclude=True)
    n: int
    paths: tuple[str, ...] = Field(exclude=True, description="dots, or cells by how many concepts they hold")
    is_binned: bool = Field(exclude=True)
    marks: tuple[MapMark, ...]
    url: str = Field(exclude=True, description="the map with this concept selected")
