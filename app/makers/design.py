"""What the design page shows: one of everything, in every state."""

from functools import cache, partial
from pathlib import Path

import numpy as np

from app.charts import MATRIX, Series, cells, curves, gauge, histogram, overlay
from app.makers.palette import make_measures, make_swatches, read_colours
from app.makers.specimens import HERE, make_card, make_look, make_pair, make_photo, make_tile
from app.polygon import Shared, polygon
from app.scatter import Side, Spot, scatter
from app.views.alignment import Between
from app.views.base import Choice, Fact, Paging
from app.views.concepts import Stat
from app.views.design import Charts, DesignView, Sum, SumPart
from app.views.jobs import JobBrief, JobLinks
from app.views.metrics import MetricGroup, NullValue, Rank, Scored
from app.views.plots import CellChart, LineChart, PolygonChart, ScatterChart
from app.views.problems import ParameterFault, Problem
from store.resources import resource

_AT = "2026-11-27T12:00:00+00:00"
_STATES = (("queued", None, ""), ("running", 0.42, ""), ("succeeded", None, ""), ("cancelled", None, ""))
_FAILED = ("failed", None, "The disk is full. Free 2 GB and retry: what was done is kept.")
_BANDS = (("q50", "Below 50 %", 0.1, 1.0), ("q75", "50 – 75 %", 1.0, 3.0), ("top", "Top", 3.0, 10.0))


@cache
def make_design() -> DesignView:
    """The page; it never changes while a program runs."""
    sheet = Path(str(resource("static"))) / "css" / "tokens.css"
    cards = (
        make_card(12, label="tail fin"),
        make_card(407, label=None, badges=("dense", "position-only")),
        make_card(31, label="a label that is longer than the place for it", badges=("duplicate-of",)),
        make_card(9, label=None, badges=("dead",), silent=True),
    )
    return DesignView(
        swatches=make_swatches(read_colours(sheet)),
        sizes=make_measures(sheet, "t"),
        distances=make_measures(sheet, "s"),
        cards=cards,
        shown=_stats(),
        tiles=(make_tile(0, value=7.2), make_tile(1, value=5.4), make_tile(2, value=1.3), make_tile(3, value=0)),
        pair=make_pair(cards[0], cards[1]),
        photo=make_photo(),
        look=make_look(cards[0]),
        charts=make_charts(),
        scores=_scores(),
        between=Between(label="Correlation", low_name="low", high_name="high", low="0.5", high="", high_hint="1"),
        facts=(Fact(label="Model", value="EfficientNet-Lite0"), Fact(label="Grid", value="10 × 18 patches")),
        jobs=tuple(
            _job(index, state, share, failure) for index, (state, share, failure) in enumerate((*_STATES, _FAILED), 1)
        ),
        paging=_paging(),
        problem=_problem(),
    )


def make_charts() -> Charts:
    """Plots of numbers drawn by chance from one seed."""
    rng = np.random.default_rng(7)
    codes = np.geomspace(0.1, 10, 25).tolist()
    counts = [int(900 * np.exp(-(((i - 9) / 6) ** 2))) + 3 for i in range(24)]
    shares = np.linspace(0, 1, 21).tolist()
    found, chance = (np.histogram(rng.beta(*shape, 800), shares)[0].tolist() for shape in ((4, 4), (2, 12)))
    bars = partial(histogram, codes, counts)
    alike = partial(overlay, shares, found, null=chance, title="How alike pairs are", x_label="correlation of codes")
    return Charts(
        histogram=bars(title="Codes of a concept", x_label="code (log)", what="patches", spans=_BANDS),
        linked=bars(title="Density of concepts", x_label="density (log)", what="concepts", url_for=lambda *_: HERE),
        strip=bars(title="Peaks", x_label="code", what="images", spans=_BANDS),
        overlay=alike(labels=("pairs", "chance")),
        little=alike(labels=("pairs", "chance"), area=MATRIX),
        curves=_losses(),
        cells=_pairs(rng),
        scatter=_front(),
        polygon=_thirds(rng),
        sum=_sum(),
    )


def _losses() -> LineChart:
    lines = tuple(
        Series(name, name, tuple((float(x), float(depth * np.exp(-x / 8) + floor)) for x in range(40)))
        for name, depth, floor in (("training", 1.0, 0.2), ("held out", 0.9, 0.28))
    )
    return curves(lines, title="Loss of reconstruction", x_label="epoch", y_label="loss")


def _pairs(rng: np.random.Generator) -> CellChart:
    points = list(zip(*(np.exp(rng.normal(size=(2, 400))) * 0.01).tolist(), strict=True))
    return cells(
        points, title="Energy, pair by pair", x_label="EfficientNet-Lite0, share", y_label="MobileNetV2, share"
    )


def _front() -> ScatterChart:
    values = (("topk", 12, 0.63), ("relu", 31, 0.66), ("kmeans", 20, 0.4))
    spots = [Spot(name, name, (name,), x, y, HERE) for name, x, y in values]
    x, y = Side("L0, concepts per token", "lower"), Side("R² held out", "higher")
    return scatter(spots, title="Reconstruction against sparsity", x=x, y=y)


def _thirds(rng: np.random.Generator) -> PolygonChart:
    things = [
        Shared(str(i), f"#{i}", tuple(row.tolist()), 0.5, HERE) for i, row in enumerate(rng.dirichlet((0.6,) * 3, 60))
    ]
    return polygon(things, corners=("Lite0", "MobileNet", "Saliency"), title="Where each concept's energy lies")


def _sum() -> Sum:
    values = (
        ("bias", "Without any concept", 1.05),
        ("concept", "tail fin", 1.5),
        ("concept", "#407", -0.4),
        ("score", "Score", 2.15),
    )
    starts = (0.0, 1.05, 2.55, 0.0)
    terms = (
        SumPart(kind=kind, label=label, value=v, start=at) for (kind, label, v), at in zip(values, starts, strict=True)
    )
    return Sum(target="sea fish", method="exact", terms=tuple(terms))


def _stats() -> tuple[Stat, ...]:
    return tuple(
        Stat(key=key, label=key.title(), unit="", definition=f"What {key} is", url=HERE)
        for key in ("density", "importance")
    )


def _scores() -> MetricGroup:
    null = NullValue(label="of random atoms", value=0.18, definition="The same with directions drawn by chance.")
    numbers = (
        Scored(
            key="r2",
            label="R² held out",
            value=0.63,
            unit="share",
            range="−∞ to 1",
            better="higher",
            null=0.18,
            definition="Share of the variance that comes back.",
            url=HERE,
            group="reconstruction",
            rank=Rank(place=2, of=6),
            nulls=(null,),
            gauge=gauge(0.63, nulls=(0.18,), peers=(0.5, 0.6), low=None, high=1.0),
        ),
        Scored(
            key="dead",
            label="Dead concepts",
            value=0.04,
            unit="",
            range="0 to 1",
            better="lower",
            definition="Never fire.",
            url=HERE,
            group="reconstruction",
            rank=Rank(place=1, of=6, tied=1),
            gauge=gauge(0.04, nulls=(), peers=(0.1,), low=0.0, high=1.0),
        ),
    )
    return MetricGroup(key="reconstruction", title="Reconstruction", definition="How much comes back.", numbers=numbers)


def _job(index: int, state: str, share: float | None, failure: str) -> JobBrief:
    links = JobLinks(html=HERE, api=HERE, events=HERE, log=HERE, cancel=None, retry=None)
    return JobBrief(
        id=index,
        kind="train",
        title="Train efficientnet-lite0-topk",
        state=state,
        stopping=False,
        attempt=1,
        parent=None,
        done=42 if share else 0,
        total=100 if share else 0,
        share=share,
        note="epoch 3 of 8",
        rate=120.0 if share else None,
        eta_s=95.0 if share else None,
        worker="desk",
        created_by=None,
        created_at=_AT,
        started_at=_AT,
        finished_at=_AT,
        ran_s=61.0,
        failure=failure or None,
        links=links,
    )


def _paging() -> Paging:
    sizes = tuple(Choice(key=str(n), label=str(n), url=HERE, current=n == 24) for n in (24, 48, 96))
    return Paging(
        limit=24, total=384, first=25, last=48, next=None, prev=None, next_url=HERE, prev_url=HERE, sizes=sizes
    )


def _problem() -> Problem:
    fault = ParameterFault(param="densty__gte", message="No such column.", allowed=("density", "importance"))
    return Problem(
        title="Bad request",
        status=400,
        detail="No column named 'densty'. Did you mean 'density'?",
        instance=HERE,
        request_id="e32cf787",
        errors=(fault,),
    )
