"""The design page: every shared piece with something in it."""

from pydantic import Field

from app.views.alignment import Between, Pair
from app.views.base import Fact, Paging, View
from app.views.concept import ExampleTile
from app.views.concepts import ConceptCard, Stat
from app.views.images import ImageView
from app.views.jobs import JobBrief
from app.views.metrics import MetricGroup
from app.views.plots import BarChart, CellChart, LineChart, Overlay, PolygonChart, ScatterChart
from app.views.problems import Problem
from app.views.together import Photo


class Ground(View):
    """A colour as text or mark on one ground: its contrast in each theme."""

    name: str
    light: float
    dark: float


class Swatch(View):
    """A colour of the site with what it must reach."""

    name: str
    light: str
    dark: str
    least: float = Field(description="4.5 for text, 3 for marks, 0 for grounds")
    grounds: tuple[Ground, ...]


class Measure(View):
    """A size of type or a distance."""

    name: str
    value: str


class SumPart(View):
    """A part of a score as the waterfall draws it."""

    kind: str
    label: str
    value: float
    start: float
    url: str = ""


class Sum(View):
    """A score and its parts."""

    target: str
    method: str
    terms: tuple[SumPart, ...]


class Charts(View):
    """One of each kind of plot."""

    histogram: BarChart
    linked: BarChart
    strip: BarChart
    overlay: Overlay
    little: Overlay
    curves: LineChart
    cells: CellChart
    scatter: ScatterChart
    polygon: PolygonChart
    sum: Sum


class DesignView(View):
    """``design/page.html``."""

    swatches: tuple[Swatch, ...]
    sizes: tuple[Measure, ...]
    distances: tuple[Measure, ...]
    cards: tuple[ConceptCard, ...]
    shown: tuple[Stat, ...]
    tiles: tuple[ExampleTile, ...]
    pair: Pair
    photo: Photo
    look: ImageView
    charts: Charts
    scores: MetricGroup
    between: Between
    facts: tuple[Fact, ...]
    jobs: tuple[JobBrief, ...]
    paging: Paging
    problem: Problem
