"""The map of a dictionary."""

from typing import Literal

from pydantic import Field

from app.views.base import Choice, View
from app.views.concepts import ConceptCard, ConceptChip
from app.views.grid import Chip, RangeFilter


class MapPoints(View):
    """Every concept, in the order of their indices; ``value`` is the column that colours, None where absent."""

    x: tuple[int | None, ...] = Field(description="0 to 65535; None for a concept without a place in this layout")
    y: tuple[int | None, ...] = Field(description="0 to 65535, downwards")
    cluster: tuple[int | None, ...]
    value: tuple[float | str | None, ...] = Field(description="what colours the map")


class MapCluster(View):
    """A cluster, and what it is called for which reason."""

    cluster: int
    name: str
    evidence: str = Field(description="what the name comes from, in words")
    n: int = Field(description="concepts")
    x: float = Field(description="median of its concepts, map units")
    y: float
    hue: int = Field(description="which of the map's ten colours")
    picture_x: float = Field(exclude=True)
    picture_y: float = Field(exclude=True)
    is_wide: bool = Field(exclude=True, description="whether its concepts lie too far apart for one place to stand for")
    on_picture: bool = Field(exclude=True, description="whether there is room for its name on the whole map")
    url: str = Field(exclude=True, description="the map, nearer to it")


class LegendValue(Choice):
    """A value of a word column; its address toggles the filter."""

    hue: int | None = Field(None, description="which of the map's ten colours; None = the colour of all others")


class LegendBar(View):
    """A bar of the legend's histogram: which of the eight steps of the colours, height of 40."""

    step: int
    height: int


class Legend(View):
    """What the colours of the map mean, and the filter of that column."""

    column: str
    label: str
    definition: str
    kind: Literal["number", "words"]
    log: bool = False
    low: float | None = Field(None, description="value of the lowest colour and all below it; 0.5 % quantile")
    high: float | None = Field(None, description="value of the highest colour and all above it; 99.5 % quantile")
    values: tuple[LegendValue, ...] = ()
    range: RangeFilter | None = Field(
        None, description="distribution over the dictionary, with the fields that limit it"
    )
    bars: tuple[LegendBar, ...] = Field((), exclude=True)
    n_more: int = Field(0, description="values that are not listed")


class MapList(View):
    """Concepts in view, or hits of a search anywhere on the map: the first of them."""

    summary: str
    total: int
    first: tuple[ConceptChip, ...]
    grid_url: str = Field(exclude=True)


class MapChoice(View):
    """A selection of concepts: ``map/_chosen.html``."""

    dictionary: str
    n: int
    ids: tuple[int, ...] = Field(description="the most important ones, at most 300")
    first: tuple[ConceptChip, ...]
    told: str = Field(description="how many, and which part of them goes on where not all can")
    grid_url: str = Field(exclude=True)
    clear_url: str = Field(exclude=True)
    form_url: str = Field(exclude=True, description="begins a list by POST")
    may_write: bool = Field(exclude=True)


class MapConcept(View):
    """A concept beside the map: ``map/_concept.html``."""

    card: ConceptCard
    cluster: str
    near_title: str = Field(description="by what they are near")
    near: tuple[ConceptChip, ...] = Field(description="what distance on the map does not tell")
    neighbors_url: str


class MapLinks(View):
    """Addresses of the map's data and pictures; they hold the digest of the atlas and never change."""

    points: str = Field(description="x, y, cluster, crops and importance of all concepts, see docs/map.md")
    light: str = Field(description="PNG, 1000 x 700")
    dark: str


class MapView(View):
    """The map: ``map/page.html``, and ``GET .../map`` in the API."""

    dictionary: str
    dictionary_title: str
    n_concepts: int
    layout: str = Field(description="what makes concepts lie together: atoms, or firing")
    layouts: tuple[Choice, ...] = Field(description="layouts that the atlas has; key is the parameter's value")
    n_placed: int = Field(description="concepts that have a place in this layout")
    n_matching: int = Field(description="concepts that meet the filter")
    summary: str
    width: int = Field(description="of the picture, px")
    height: int
    x: float = Field(description="centre of what is in view, map units")
    y: float
    zoom: float = Field(description="1 = all of it")
    axes: str = Field(exclude=True, description="columns of places, across and down, as filters name them: map_x map_y")
    view_box: str = Field(exclude=True, description="the same on the picture: left top width height")
    colour: str = Field(description="column that colours")
    size: str = Field(description="column that sizes; empty for none")
    clusters: tuple[MapCluster, ...]
    points: MapPoints | None = Field(description="None where not asked for")
    legend: Legend
    in_view: MapList
    chosen: MapChoice | None
    links: MapLinks
    colours: tuple[Choice, ...] = Field(exclude=True)
    sizes: tuple[Choice, ...] = Field(exclude=True)
    chips: tuple[Chip, ...] = Field(exclude=True)
    clear_url: str = Field(exclude=True)
    grid_url: str = Field(exclude=True)
    form_url: str = Field(exclude=True)
    whole_url: str = Field(exclude=True, description="the same with all of the map in view")
    hues: str = Field(exclude=True, description="colour of each cluster as a digit; further ones repeat 0 to 9")
    channel_url: str = Field(exclude=True, description="a column as small numbers, NAME to be filled in")
    sheet_url: str = Field(exclude=True, description="sheets of crops, with LEVEL/COL/ROW to be filled in")
    q: str = Field(exclude=True)
    kept: tuple[tuple[str, str], ...] = Field(exclude=True, description="parameters without a field of their own")
