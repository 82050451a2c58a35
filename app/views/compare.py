"""Dictionaries of one model and layer beside each other: ``compare/page.html``."""

from typing import Literal

from pydantic import Field

from app.views.base import Choice, Links, Number, View
from app.views.metrics import Rank
from app.views.plots import ScatterChart

Sorted = Literal["", "ascending", "descending"]


class Value(View):
    """One number of one dictionary."""

    value: float
    null: float | None = Field(description="the same number where nothing was learned, when measured")
    best: bool = Field(description="no other dictionary here has a better one, and some have a worse one")
    rank: Rank | None


class CompareRow(View):
    """A dictionary with all that was measured of it."""

    number: int = Field(description="its number in the plots; does not change with the order")
    slug: str
    title: str
    method: str
    n_concepts: int
    n_active: int | None = Field(description="codes above 0 per token that it was trained for")
    window: str = Field(description="input of the model: height, width and fit")
    tokens: str = Field(description="tokens it was learned from")
    numbers: dict[str, Value] = Field(description="by the metric's key; what was not measured is absent")
    links: Links


class Head(View):
    """A column of the table, with the link that sorts by it."""

    key: str
    label: str
    unit: str = ""
    definition: str = ""
    better: str = ""
    null_label: str = ""
    sorted: Sorted = ""
    url: str


class Front(View):
    """The dictionaries that no other beats in two numbers at once."""

    x: str = Field(description="metric")
    x_better: str
    y: str = Field(description="metric")
    y_better: str
    dictionaries: tuple[str, ...] = Field(description="slugs, by x")


class CompareView(View):
    """All dictionaries of a model, layer and collection."""

    model: str
    model_title: str
    layer: str
    collection: str
    collection_title: str
    sort: str = Field(description="metric, method, n_concepts, n_active or title; minus: largest first")
    columns: tuple[Number, ...] = Field(description="definition of each number that any row has")
    rows: tuple[CompareRow, ...]
    fronts: tuple[Front, ...]
    alike: bool = Field(description="all learned from the same activations, so that their numbers can be compared")
    broken: tuple[str, ...] = Field((), description="dictionaries whose atlas cannot be opened, with the reason")
    unplotted: tuple[str, ...] = Field((), exclude=True, description="metrics that fewer than two of them have")
    subjects: tuple[Choice, ...] = Field(exclude=True, description="what can be compared")
    heads: tuple[Head, ...] = Field(exclude=True, description="shown columns of metrics")
    facts: tuple[Head, ...] = Field(exclude=True, description="columns before them: dictionary, method, K, active")
    views: tuple[Choice, ...] = Field(exclude=True, description="sets of columns")
    plots: tuple[ScatterChart, ...] = Field(exclude=True)
