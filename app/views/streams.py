"""The streams of a universal dictionary: what each model's codes say of the others, and a concept in each model."""

from pydantic import Field

from app.views.base import Links, Number, PixelBox, View
from app.views.concepts import ConceptCard, ConceptChip
from app.views.plots import BarChart, Gauge, PolygonChart


class StreamCard(View):
    """A model read at a layer."""

    stream: int = Field(description="its number in the atlas, from 1; 0 where the dictionary reads one model alone")
    name: str = Field(description="model:layer")
    model: str
    model_title: str
    layer: str
    width: int = Field(description="dimensions of an activation")
    independent: str | None = Field(
        None, description="slug of a dictionary of this model and layer alone, when the store shows one"
    )


class CrossR2(View):
    """How much of one stream (``target``) the codes of another (``source``) reconstruct, on held-out images."""

    source: int
    target: int
    r2: float
    permuted: float = Field(description="null: the same with codes of another patch, drawn at random")
    ridge: float = Field(description="R2 of a linear map from all of the source")
    independent: float | None = Field(description="R2 of a dictionary of this stream alone; None between streams")
    reference: float | None = Field(description="what it stands beside: independent within a stream, ridge between")
    share: float | None = Field(description="r2 over its reference")
    gauge: Gauge = Field(exclude=True)


class StreamGroup(View):
    """Concepts that fire in these streams and hardly in any other."""

    streams: tuple[int, ...] = Field(description="numbers of the streams")
    title: str
    n: int = Field(description="concepts of the group")
    concepts: tuple[ConceptChip, ...] = Field(description="some of them: on whose photos the streams agree most")
    url: str = Field(description="the grid, narrowed as far as its filters can", exclude=True)


class Slider(View):
    """A number that limits which concepts are shown."""

    name: str
    label: str
    title: str
    low: float
    value: float


class Between(View):
    """Concepts between the ends that sliders are moved to."""

    sliders: tuple[Slider, ...]
    total: int
    cards: tuple[ConceptCard, ...] = Field(description="the first of them, those first whose streams agree most")
    url: str = Field(description="the grid with all of them")
    shown: bool = Field(description="whether anything was asked for")


class StreamsView(View):
    """What the models of a dictionary share; of an ordinary dictionary its one stream and nothing else."""

    dictionary: str
    streams: tuple[StreamCard, ...]
    cross_r2: tuple[CrossR2, ...] = Field(description="by source and target; empty with one stream")
    numbers: tuple[Number, ...] = Field(description="means over streams, pairs and concepts, on held-out images")
    n_concepts: int
    n_alive: int
    n_agreed: int = Field(description="concepts of all streams whose correlation over held-out images is 0.5 or more")
    groups: tuple[StreamGroup, ...] = Field(
        description="each concept that fires is in one: of the streams in which it fires half of an equal share or more"
    )
    entropy: BarChart | None = Field(None, description="concepts by how evenly they fire in all streams")
    polygon: PolygonChart | None = Field(None, description="concepts by their shares of the streams")
    between: Between | None = Field(None, exclude=True)
    agreed_url: str = Field("", exclude=True)
    grid_url: str = Field("", exclude=True)
    form_url: str = Field("", exclude=True)
    form_fragment_url: str = Field("", exclude=True)


class StreamTile(View):
    """A photo as one stream sees it."""

    stream: int
    value: float = Field(description="largest common code on the photo; 0 where it is silent")
    row: int | None
    col: int | None
    scale: float = Field(exclude=True)
    rel: float = Field(exclude=True)
    heat: str = Field(exclude=True, description="data URI, grey, 255 = its own peak")
    peak: PixelBox | None = Field(exclude=True)


class StreamPhoto(View):
    """A photo with the concept's map in every stream. Boxes are in pixels of the thumbnail."""

    image: str
    class_name: str | None = Field(serialization_alias="class")
    split: str
    width: int
    height: int
    thumbnail: str = Field(description="address of the photo's thumbnail")
    overlap: float | None = Field(description="sum over patches of the least of all streams' codes over the largest")
    tiles: tuple[StreamTile, ...] = Field(description="by stream")
    alt: str = Field(exclude=True)
    seen: PixelBox = Field(exclude=True)
    at: tuple[float, float] = Field(exclude=True, description="middle of what is shown")
    difference: str = Field(exclude=True, description="data URI, grey: largest less least code over the largest of all")
    url: str = Field(exclude=True)


class StreamConcept(View):
    """A concept in one stream."""

    stream: StreamCard
    firing_share: float | None
    density: float
    n_images: int
    energy: float
    length: float
    max: float
    mean_active: float
    co_fire: float | None
    co_fire_chance: float


class StreamPair(View):
    """A concept in two streams."""

    source: int
    target: int
    co_fire: float | None
    co_fire_chance: float
    jaccard: float | None
    correlation: float | None
    image_correlation: float | None
    image_correlation_held_out: float | None
    names: tuple[str, str] = Field(exclude=True)


class ConceptStreams(View):
    """A concept of a universal dictionary in each of its models, on the same photos."""

    dictionary: str
    concept: int
    band: str
    label: str
    definition: str
    rows: int = Field(description="of the shared grid")
    cols: int
    streams: tuple[StreamConcept, ...]
    pairs: tuple[StreamPair, ...] = Field(description="ordered pairs of streams")
    photos: tuple[StreamPhoto, ...]
    defined: dict[str, str] = Field(exclude=True, description="what the numbers of pairs mean")
    defined_in_stream: dict[str, str] = Field(exclude=True, description="what the numbers of a stream mean")
    links: Links
