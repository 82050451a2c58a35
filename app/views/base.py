"""What all view models share: a frozen base, links, choices, paging, numbers with their definitions."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class View(BaseModel):
    """A frozen value. Fields with ``exclude=True`` are for the page only (geometry, page links)."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class Links(View):
    """Where a thing lives: its page, its API address, its pictures."""

    html: str = Field(description="address of the page")
    api: str = Field(serialization_alias="self", description="address in the API")


class Crumb(View):
    """A step of the breadcrumb; the last has no address."""

    label: str
    url: str | None = None


class Choice(View):
    """One of several links of which at most one is current (sort orders, bands, dictionaries, page sizes)."""

    key: str
    label: str
    url: str
    current: bool = False
    n: int | None = Field(None, description="how many things are behind it, when counted")
    title: str = Field("", description="definition, for a tooltip or a second line")


class Number(View):
    """A number that is never shown without its definition."""

    key: str
    label: str
    value: float | None
    unit: str = ""
    range: str = ""
    better: str = Field("", description="higher, lower, or empty when neither is better")
    null: float | None = Field(None, description="the same number where nothing was learned, when measured")
    null_label: str = Field("", description="what the null is, in words")
    definition: str = ""
    url: str = Field("", description="entry in the glossary", exclude=True)


class Fact(View):
    """A named setting or piece of provenance, as text."""

    label: str
    value: str


class Paging(View):
    """Where a page stands in its collection."""

    limit: int
    total: int
    first: int = Field(description="position of the first thing shown, from 1; 0 when there is none")
    last: int = Field(description="position of the last thing shown")
    next: str | None = Field(description="cursor of the next page")
    prev: str | None = Field(description="cursor of the previous page")
    next_url: str | None = Field(exclude=True)
    prev_url: str | None = Field(exclude=True)
    sizes: tuple[Choice, ...] = Field((), exclude=True, description="page sizes to choose from")


class PixelBox(View):
    """A rectangle in pixels of the picture it lies on: ready for SVG attributes."""

    x: float
    y: float
    width: float
    height: float


class Build(View):
    """Which build a page shows; stands in the footer."""

    dictionary: str = Field(description="slug")
    digest: str = Field(description="digest of the atlas")
    dictionary_digest: str
    collection: str = Field(description="title of the collection")
    collection_digest: str
    code_version: str = Field(description="version that built the atlas")
    created_at: str = Field(description="RFC 3339, UTC")


class Foot(View):
    """The twin of a page at its foot: ``concepts/_foot.html``. Fields as in ``Frame``."""

    api_url: str
    tables: tuple[Choice, ...]
    curl: str
    python: str


class Frame(View):
    """What surrounds every page: context variable ``frame``."""

    kind: Literal[
        "home",
        "dictionary",
        "concepts",
        "concept",
        "values",
        "beside",
        "images",
        "image",
        "map",
        "streams",
        "classes",
        "class",
        "compare",
        "glossary",
        "reference",
        "alignments",
        "alignment",
        "together",
        "jobs",
        "job",
        "new-job",
        "analyze",
        "analysis",
        "lists",
        "list",
        "search",
        "clash",
        "queue",
        "tests",
        "test",
        "settings",
        "login",
        "design",
        "error",
    ]
    title: str = Field(description="text of <title>, without the site's name")
    crumbs: tuple[Crumb, ...]
    api_url: str = Field(description="the page's twin in the API, with its query; empty for errors")
    json_url: str = Field(description="this page's own address with .json; empty for errors")
    tables: tuple[Choice, ...] = Field((), description="all that the page's list holds, as a file of each data format")
    curl: str = Field("", description="command line that fetches the twin")
    python: str = Field("", description="lines for the Python client that fetch the same")
    switch: tuple[Choice, ...] = Field((), description="the same kind of page in every dictionary")
    dictionary: str = Field("", description="slug of the dictionary at hand; empty on home, glossary and errors")
    dictionary_title: str = ""
    dictionary_url: str = ""
    concepts_url: str = Field("", description="grid of the dictionary at hand, unfiltered")
    map_url: str = Field("", description="map of the dictionary at hand")
    images_url: str = Field("", description="image index of the dictionary at hand")
    classes_url: str = Field("", description="classes that the model predicts, or groups of the collection")
    streams_url: str = Field("", description="what its models share; empty for a dictionary of one model")
    compare_url: str = Field("/compare", description="dictionaries beside each other; those of the layer at hand")
    q: str = Field("", description="what the search box holds")
    build: Build | None = None
