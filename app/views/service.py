"""What only the API shows: the service, collections, columns' statistics, facets."""

from pydantic import Field

from app.views.base import View
from app.views.dictionaries import ModelShelf


class ServiceView(View):
    """The root of the API; the twin of the home page."""

    version: str
    n_models: int
    n_dictionaries: int
    n_concepts: int
    n_images: int
    models: tuple[ModelShelf, ...]
    broken: tuple[str, ...]
    links: dict[str, str]
    limits: dict[str, int]


class ReferenceView(View):
    """The reference of the API."""

    description_url: str


class CollectionView(View):
    """A collection of images."""

    slug: str
    title: str
    n_images: int
    digest: str
    dictionaries: tuple[str, ...] = Field(description="slugs of the dictionaries made on it")
    links: dict[str, str]


class ColumnStatistics(View):
    """How a numeric column is spread over a dictionary's concepts."""

    column: str
    label: str
    unit: str
    definition: str
    log: bool = Field(description="whether the edges are log-spaced")
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    n_null: int
    n_zero: int = Field(description="values at or below 0 that have no place on log-spaced edges")
    min: float | None
    max: float | None


class RangeFacet(View):
    """A numeric column in bins, counted under the query's other conditions.

    ``edges[i]`` and ``edges[j + 1]`` as bounds (``gte``, ``lte``) keep exactly what bins ``i`` to ``j`` count.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    totals: tuple[int, ...] = Field(description="the same in the whole dictionary")


class Facets(View):
    """Counts per value, each under the query's other conditions."""

    total: int
    classes: dict[str, int] = Field(serialization_alias="class")
    clusters: dict[str, int] = Field(
        serialization_alias="cluster", description="by number; their names are in `GET .../map`"
    )
    badges: dict[str, int] = Field(serialization_alias="badge")
    label_sources: dict[str, int] = Field(serialization_alias="label_source")
    lists: dict[str, int] = Field(serialization_alias="list", description="by the ids of lists")
    main_streams: dict[str, int] = Field(
        serialization_alias="main_stream", description="empty but for a universal dictionary"
    )
    ranges: dict[str, RangeFacet] = Field(description="numeric columns")


class HeatValues(View):
    """An activation map as numbers."""

    rows: int
    cols: int
    scale: float = Field(description="code that 255 stands for")
    map: tuple[tuple[int, ...], ...] = Field(description="uint8, row by row")
