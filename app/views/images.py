"""The image index and the image page."""

from typing import Any

from pydantic import Field

from app.views.base import Choice, Links, Paging, PixelBox, View
from app.views.concepts import ConceptChip


class ImageLinks(Links):
    """An image's addresses."""

    thumbnail: str = Field(description="the photo, WebP, never larger than the original")


class ImageCard(View):
    """An evidence image."""

    id: str = Field(description="16 hexadecimal digits")
    class_name: str | None = Field(serialization_alias="class")
    split: str
    source: str = Field(description="file name below the ingested folder")
    width: int = Field(description="px of the original")
    height: int
    thumbnail_width: int
    thumbnail_height: int
    alt: str = Field(exclude=True)
    links: ImageLinks


class ImagesView(View):
    """The image index of a dictionary: ``images/page.html``."""

    dictionary: str
    dictionary_title: str
    total: int
    summary: str
    cards: tuple[ImageCard, ...]
    classes: tuple[Choice, ...] = Field(description="parameter class; the first choice is all")
    splits: tuple[Choice, ...] = Field(description="parameter split; the first choice is all")
    paging: Paging


class ImagePrediction(View):
    """What the model names first on this image, as far as the atlas keeps it."""

    output: int
    class_name: str = Field(serialization_alias="class", description="the model's word")
    probability: float = Field(description="in [0, 1]")
    logit: float
    rank: int = Field(description="from 0, by probability, among the images kept of the class")
    n_kept: int = Field(description="images kept of the class")
    links: Links


class NearImage(View):
    """An image on which the same concepts fire."""

    image: ImageCard
    likeness: float = Field(description="cosine of square roots of mean codes, in (0, 1]")


class ImageConcept(View):
    """A concept on this image; lists come strongest first."""

    rank: int
    concept: ConceptChip
    peak: float = Field(description="largest code on the image")
    pooled: float = Field(description="mean code over the image's patches")
    share: float = Field(description="peak / the concept's max, in [0, 1]: length of the bar")
    at_least: float = Field(description="peak is at or above this quantile of the concept's firing images: 0 to 1")
    percentile: float | None = Field(description="share of all images whose peak is below, silent ones included")
    given_low: float | None = Field(
        description="logits: what it adds to the predicted class here is not below; None where the atlas does not tell"
    )
    given_high: float | None = Field(description="and not above; equal to given_low where it is known exactly")
    importance: float | None = Field(description="logits: its mean contribution over all images of that class")
    standing: str = Field(exclude=True, description="in words: 'among its strongest 5 %'")
    note: str = Field(exclude=True, description="standing, percentile and contribution in words")
    row: int
    col: int
    current: bool = Field(False, exclude=True)
    show_url: str = Field(exclude=True, description="this page with the concept's heat")


class PatchConcept(View):
    """A concept that fires on one patch."""

    concept: ConceptChip
    value: float
    share: float = Field(description="value / the concept's max, in [0, 1]")
    show_url: str = Field(exclude=True)


class PatchView(View):
    """What fires on the chosen patch."""

    row: int
    col: int
    box: PixelBox
    concepts: tuple[PatchConcept, ...]


class PatchCell(View):
    """One patch on the photo; a link without script, a target with it."""

    row: int
    col: int
    box: PixelBox
    url: str
    label: str = Field(description="'row 3, column 4: fish fin (#12)'")
    current: bool
    painted: bool = False


class HeatView(View):
    """The chosen concept's map on this image, as far as the stored strongest concepts per patch tell."""

    concept: ConceptChip
    scale: float = Field(description="code that 255 stands for")
    rel: float = Field(description="scale / the concept's max")
    map: tuple[tuple[int, ...], ...] = Field(description="uint8, row by row")
    uri: str = Field(exclude=True, description="data: URI, grey PNG, one pixel per patch")


class ImageView(View):
    """One image as one dictionary sees it: ``image/page.html``."""

    dictionary: str
    dictionary_title: str
    image: ImageCard
    seen: PixelBox = Field(description="what the model saw, in thumbnail px")
    rows: int
    cols: int
    cells: tuple[PatchCell, ...] = Field(exclude=True, description="all patches, row by row")
    prediction: ImagePrediction | None = Field(description="None where the atlas keeps none of this image")
    nearest: tuple[NearImage, ...] = Field(description="most alike first, without the image itself")
    concepts: tuple[ImageConcept, ...]
    patch: PatchView | None = Field(description="set by ?patch=row,col")
    heat: HeatView | None = Field(description="set by ?concept=")
    patches: dict[str, Any] = Field(
        description="for script, by |tojson: rows, cols, n_top, concepts [ids], names, urls, crops, heats, max, "
        "density (each by position in concepts), index [rows*cols*n_top positions in concepts, -1 = empty], "
        "values [the same length, codes, three significant digits]"
    )
    dictionaries: tuple[Choice, ...] = Field(exclude=True, description="dictionaries that know this image")
    analyze_url: str = Field(exclude=True, description="takes the image as a photo to analyse; empty where one may not")
    clear_url: str = Field(exclude=True, description="this page without patch and concept")
