"""Home with its model shelf, and the dictionary page."""

from pydantic import Field

from app.views.base import Choice, Fact, Links, Number, View
from app.views.concepts import ConceptChip
from app.views.metrics import MetricGroup, Scored
from app.views.plots import BarChart, CellChart, LineChart
from app.views.tour import TourStep


class DictionaryCard(View):
    """A dictionary with its headline numbers."""

    slug: str
    title: str
    model: str = Field(description="slug of the model")
    model_title: str
    layer: str
    method: str
    collection: str = Field(description="slug of the collection")
    collection_title: str
    n_concepts: int
    grid: tuple[int, int] = Field(description="rows and columns of patches")
    digest: str = Field(description="digest of the atlas")
    numbers: tuple[Number, ...] = Field(description="R2, L0, dead share: the headline")
    links: Links
    concepts_url: str = Field(exclude=True)
    images_url: str = Field(exclude=True)
    strip: tuple[ConceptChip, ...] = Field((), exclude=True, description="its most important concepts, up to 6")


class ModelShelf(View):
    """A model with its dictionaries."""

    slug: str
    title: str
    facts: tuple[Fact, ...]
    dictionaries: tuple[DictionaryCard, ...]
    comparisons: tuple[Choice, ...] = Field((), exclude=True, description="layers of which there are several")


class HomeView(View):
    """The first page: ``home.html``."""

    n_models: int
    n_dictionaries: int
    n_concepts: int
    n_images: int
    models: tuple[ModelShelf, ...]
    broken: tuple[str, ...] = Field((), description="dictionaries whose atlas cannot be opened, with the reason")
    tour: tuple[TourStep, ...] = Field((), exclude=True, description="where to begin; empty in an empty store")
    browse_url: str = Field("", exclude=True, description="grid of the first dictionary; empty in an empty store")
    images_url: str = Field("", exclude=True, description="image index of the first dictionary")
    random_url: str = Field("", exclude=True, description="a concept by chance")


class DictionaryView(View):
    """One dictionary: ``dictionary/page.html``."""

    card: DictionaryCard
    n_alive: int
    n_images: int = Field(description="images in the collection")
    numbers: tuple[Scored, ...] = Field(description="every measured metric, headline ones first")
    headline: tuple[Scored, ...] = Field(exclude=True, description="those of the numbers that are told large")
    groups: tuple[tuple[MetricGroup, ...], ...] = Field(exclude=True, description="the same by kind, in columns")
    n_peers: int = Field(description="other dictionaries of the same model, layer and collection")
    compare_url: str = Field(exclude=True, description="this dictionary beside its peers")
    spec: tuple[Fact, ...] = Field(description="training settings")
    provenance: tuple[Fact, ...]
    badges: tuple[Choice, ...] = Field(description="warnings with counts; url is the filtered grid; title defines")
    density: BarChart = Field(description="concepts by density, log; bars link to the grid")
    density_held_out: BarChart | None = Field(description="the same over held-out tokens, when measured")
    importance: LineChart = Field(description="cumulative share of importance by rank")
    importance_density: CellChart = Field(description="2D histogram; cells link to the grid")
    training: tuple[LineChart, ...] = Field(description="one plot per quantity of the history")
    mosaic: tuple[ConceptChip, ...] = Field(exclude=True, description="about 36 concepts stratified by importance")
