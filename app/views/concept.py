"""The concept page: evidence first."""

from pydantic import Field

from app.views.alignment import Elsewhere
from app.views.annotations import NotesView
from app.views.base import Choice, Fact, Number, PixelBox, View
from app.views.classes import ConceptOutput
from app.views.concepts import ConceptCard, ConceptChip
from app.views.evidence import ConceptEffects, MiniMap, SizesView
from app.views.plots import BarChart
from app.views.streams import ConceptStreams


class ExampleLinks(View):
    """An example's addresses."""

    html: str = Field(description="the image's page at this concept and patch")
    image: str = Field(description="the image's page with this concept on all its patches")
    thumbnail: str = Field(description="the photo, WebP")
    heat: str = Field(description="the activation map as PNG in the API (.json and .npy beside it)")


class ExampleTile(View):
    """One example: a photo with the concept's activation map."""

    band: str
    rank: int
    image: str = Field(description="public id of the image")
    class_name: str | None = Field(serialization_alias="class")
    split: str
    row: int | None = Field(description="row of the peak patch; None where the concept is silent")
    col: int | None
    value: float = Field(description="code at the peak patch; 0 where the concept is silent")
    percentile: float | None = Field(description="share of firing images whose peak is not above this one")
    likeness: float | None = Field(description="near_miss only: cosine to the mean top example")
    heat_scale: float = Field(description="code that 255 stands for: the example's own peak")
    rel: float = Field(description="heat_scale / the concept's max, in [0, 1]: multiplies the heat on a shared scale")
    width: int = Field(description="thumbnail px")
    height: int = Field(description="thumbnail px")
    seen: PixelBox = Field(description="what the model saw, in thumbnail px: where the heat picture goes")
    peak: PixelBox | None = Field(description="the peak patch, in thumbnail px; None where the concept is silent")
    crop: PixelBox = Field(description="a square around the peak, in thumbnail px: for a viewBox that zooms in")
    heat_uri: str = Field(exclude=True, description="data: URI of the grey PNG, one pixel per patch, 255 = heat_scale")
    alt: str = Field(exclude=True)
    links: ExampleLinks
    heat: tuple[tuple[int, ...], ...] | None = Field(
        None, exclude_if=lambda heat: heat is None, description="the map, uint8, row by row; with include=heat"
    )


class ExampleRow(View):
    """The examples of one band: ``concept/_examples.html`` takes it as ``row``."""

    dictionary: str
    concept: int
    band: str
    label: str
    definition: str
    rows: int = Field(description="rows of the grid of patches")
    cols: int
    tiles: tuple[ExampleTile, ...]


class HistogramView(View):
    """Histogram of a concept's codes."""

    of: str = Field(description="patch or image_max")
    label: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    n_zero: int
    zero_share: float | None = Field(description="share of patches or images in which it is silent")
    plot: BarChart | None = Field(exclude=True, description="None when it never fires; spans are the bands")


class PositionView(View):
    """Mean activation map over the collection."""

    rows: int
    cols: int
    scale: float = Field(description="code that 255 stands for")
    map: tuple[tuple[int, ...], ...] = Field(description="uint8, row by row")
    url: str = Field(description="grey PNG, one pixel per patch")


class ClassRow(View):
    """The concept's answer to one class."""

    class_name: str = Field(serialization_alias="class")
    n_images: int
    share: float | None
    lift: float | None
    coverage: float | None
    mean: float | None
    standard_error: float | None
    importance: float | None
    url: str = Field(exclude=True, description="grid of the concepts of that class")


class Neighbor(View):
    """A near concept with how near it is."""

    rank: int
    value: float
    concept: ConceptChip
    beside_url: str = Field(exclude=True, description="both side by side")


class NeighborList(View):
    """Neighbours of one kind, nearest first."""

    kind: str
    label: str
    definition: str
    neighbors: tuple[Neighbor, ...]


class BadgeView(View):
    """A warning with its evidence."""

    badge: str
    definition: str
    value: float | None
    threshold: float | None
    reason: str
    other: int | None
    other_name: str | None = Field(None, exclude=True)
    other_url: str | None = Field(None, exclude=True)
    evidence_url: str = Field(exclude=True, description="where what it rests on is shown")
    evidence: str = Field(exclude=True, description="what is shown there")
    url: str = Field(exclude=True, description="grid of all concepts with this warning")


class Step(View):
    """The concept before or after, in the order that the page was reached by."""

    id: int
    name: str
    url: str


class ConceptView(View):
    """One concept: ``concept/page.html``."""

    dictionary: str
    card: ConceptCard
    numbers: tuple[Number, ...] = Field(description="its scalar columns with definitions")
    badges: tuple[BadgeView, ...]
    bands: tuple[Choice, ...] = Field(exclude=True, description="tabs; n examples; url reloads the page at that band")
    band_fragments: dict[str, str] = Field(exclude=True, description="fragment address by band")
    turns: tuple[Choice, ...] = Field(exclude=True, description="strongest first, or the classes in turn")
    contexts: tuple[Choice, ...] = Field(exclude=True, description="whole photos, or around the peak")
    examples: ExampleRow = Field(description="the band asked for, top by default")
    near_miss: ExampleRow
    random: ExampleRow
    histograms: tuple[HistogramView, ...] = Field(description="patch, image_max")
    position: PositionView | None
    classes: tuple[ClassRow, ...]
    outputs: tuple[ConceptOutput, ...] = Field(
        description="predicted classes for which it matters, by size of contrast; empty where effects are not told"
    )
    class_orders: tuple[Choice, ...] = Field(exclude=True, description="columns that the classes can be sorted by")
    sizes: SizesView | None = Field(description="how large it is on photos, by band; None of a silent concept")
    effects: ConceptEffects = Field(description="what taking it away changes")
    neighbors: tuple[NeighborList, ...] = Field(description="four kinds, always four")
    map: MiniMap = Field(description="where it lies among all concepts; distance there is no similarity")
    beside_url: str = Field(exclude=True, description="this concept with others side by side")
    streams: ConceptStreams | None = Field(
        description="in each model of a universal dictionary; None of an ordinary one"
    )
    elsewhere: tuple[Elsewhere, ...] = Field(description="what answers to it in aligned dictionaries")
    notes: NotesView = Field(description="labels, comments, lists")
    provenance: tuple[Fact, ...]
    grid_url: str = Field(exclude=True, description="back to the grid in the order it came from")
    order: str = Field(exclude=True, description="'3 of 812, sorted by importance, largest first'")
    prev: Step | None = Field(exclude=True)
    next: Step | None = Field(exclude=True)
