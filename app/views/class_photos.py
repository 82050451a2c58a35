"""Photos of a predicted class and its concepts: what each contributes on each, and where."""

from pydantic import Field

from app.views.base import PixelBox, View
from app.views.concepts import ConceptChip
from app.views.images import ImageCard


class ClassPhoto(View):
    """A photo of a class."""

    image: ImageCard
    probability: float | None = Field(description="of the predicted class on this photo; None in a group")


class ClassMatrix(View):
    """Contributions of concepts (rows) on photos (columns) to the class's logit."""

    concepts: tuple[ConceptChip, ...]
    photos: tuple[ClassPhoto, ...] = Field(description="like ones beside each other: leaves of average linkage")
    low: tuple[tuple[float, ...], ...] = Field(description="logits: each contribution is not below, concept by concept")
    high: tuple[tuple[float, ...], ...] = Field(description="and not above; equal to low where it is known exactly")
    middle: tuple[tuple[float, ...], ...] = Field(description="half way between both: what a cell shows")
    scale: float = Field(description="logits of the deepest colour: the 0.98 quantile of sizes that are certain")
    n_exact: int = Field(description="contributions that are known exactly")
    n_wide: int = Field(description="those known less exactly than one step of colour, a sixth of the scale")
    steps: tuple[tuple[int, ...], ...] = Field(exclude=True, description="colours, -6 to 6")
    wide: tuple[tuple[bool, ...], ...] = Field(exclude=True)
    ranges: tuple[tuple[tuple[float, float], ...], ...] = Field(exclude=True, description="for script, four digits")


class PhotoRegion(View):
    """The patches of a photo on which one of the concepts is the strongest."""

    place: int = Field(description="of the concept among those that are coloured, from 1")
    concept: int
    n_patches: int
    path: str = Field(exclude=True, description="outline for SVG, in thumbnail px")
    x: float = Field(exclude=True, description="middle of its strongest patch")
    y: float = Field(exclude=True)


class ParcelledPhoto(View):
    """A photo divided among the class's concepts."""

    photo: ClassPhoto
    seen: PixelBox
    regions: tuple[PhotoRegion, ...] = Field(description="by the concepts' order")
    n_none: int = Field(description="patches on which none of them is among the strongest codes")


class ClassParcels(View):
    """Which of the class's concepts is strongest on each patch of its photos."""

    concepts: tuple[ConceptChip, ...] = Field(description="those that speak most for the class")
    shares: tuple[float, ...] = Field(description="share of all patches on which each is strongest")
    photos: tuple[ParcelledPhoto, ...]
    n_patches: int = Field(description="of one photo")
    n_top: int = Field(description="codes that are kept of a patch")
