"""What the models of a universal dictionary share, and what is one model's own."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from app import charts, urls
from app.makers.concepts import concept_name, make_card, make_chip
from app.makers.metrics import metrics_of
from app.polygon import Shared, polygon
from app.roster import Entry
from app.site import Opened, Site
from app.views.base import Number
from app.views.plots import BarChart, Gauge, PolygonChart
from app.views.streams import Between, CrossR2, Slider, StreamCard, StreamGroup, StreamsView
from app.words import metric_number
from store.atlas.grammar import parse_query
from store.atlas.reader import Row
from store.atlas.stream import Stream
from store.metrics import METRICS
from store.metrics.streams import STREAMS
from store.naming import model_title

TAKES_PART: Final = 0.5
"""Share of firings, in equal shares, from which a stream counts as one of a concept's."""
AGREED_FROM: Final = 0.5
"""Mean correlation over held-out images, over all pairs of streams, from which they count as agreeing."""
N_ALL, N_SOME = 12, 6
MOST_POINTS = 600
_SEEN_ENOUGH = 5  # images in which a concept must fire to be named here
_HIDDEN = {"cross_r2_permuted", "cross_r2_ridge", "own_r2_independent"}  # the matrix shows them


SLIDERS: Final = (
    ("firing_entropy__gte", "at least", "Firing entropy, from 0 for one model alone to 1 for all alike", 0.0, 0.9),
    ("firing_entropy__lte", "at most", "Firing entropy, from 0 for one model alone to 1 for all alike", 0.0, 1.0),
    (
        "stream_correlation_held_out__gte",
        "agreeing",
        "Mean correlation over held-out photos of any two models",
        -0.2,
        -0.2,
    ),
)
N_BETWEEN = 12


def make_between(opened: Opened, given: Mapping[str, str]) -> Between:
    """The concepts between the ends that are given, by parameter; raises ``BadQuery``."""
    slug = opened.entry.slug
    pairs = [(name, given[name]) for name, *_ in SLIDERS if given.get(name)]
    query = parse_query([*pairs, ("sort", "-stream_correlation_held_out")])
    chosen = opened.concepts.select(query).tolist()
    return Between(
        sliders=tuple(
            Slider(name=name, label=label, title=title, low=low, value=float(given.get(name) or usual))
            for name, label, title, low, usual in SLIDERS
        ),
        total=len(chosen),
        cards=tuple(make_card(opened, concept) for concept in chosen[:N_BETWEEN]) if pairs else (),
        url=urls.concepts(slug, query.pairs),
        shown=bool(pairs),
    )


def make_streams(site: Site, opened: Opened, given: Mapping[str, str] | None = None) -> StreamsView:
    """The overview of a universal dictionary; of an ordinary one its stream alone. ``given`` are ends of sliders."""
    slug, atlas = opened.entry.slug, opened.atlas
    streams = stream_cards(site, opened)
    alive = np.flatnonzero(atlas.columns["density"] > 0)
    nothing = StreamsView(
        dictionary=slug,
        streams=streams,
        cross_r2=(),
        numbers=(),
        n_concepts=atlas.n_concepts,
        n_alive=len(alive),
        n_agreed=0,
        groups=(),
    )
    if not atlas.is_universal:
        return nothing
    shares = atlas.firing_shares()
    agreed = {"stream_correlation_held_out__gte": f"{AGREED_FROM:g}", "sort": "-stream_correlation_held_out"}
    return nothing.model_copy(
        update={
            "cross_r2": make_cross_r2(opened),
            "numbers": _numbers(site, opened.entry),
            "n_agreed": _n_agreed(opened, shares),
            "groups": _groups(opened, streams, shares=shares),
            "entropy": _entropy_plot(opened),
            "polygon": _polygon(opened, streams, shares=shares),
            "agreed_url": urls.concepts(slug, agreed),
            "grid_url": urls.concepts(slug),
            "form_url": urls.streams(slug),
            "form_fragment_url": urls.streams_fragment(slug),
            "between": make_between(opened, given or {}),
        }
    )


def stream_cards(site: Site, opened: Opened) -> tuple[StreamCard, ...]:
    """The models and layers that a dictionary reads."""
    return tuple(_card(site, opened, stream) for stream in opened.atlas.model_streams)


def _card(site: Site, opened: Opened, stream: Stream) -> StreamCard:
    alone = (
        entry.slug
        for entry in site.roster.entries()
        if opened.atlas.is_universal
        and entry.collection == opened.entry.collection
        and (dict(entry.model_facts).get("name"), entry.layer) == (stream.model, stream.layer)
    )
    return StreamCard(
        stream=stream.stream,
        name=stream.name,
        model=stream.model,
        model_title=model_title(stream.model),
        layer=stream.layer,
        width=stream.width,
        independent=next(alone, None),
    )


def make_cross_r2(opened: Opened) -> tuple[CrossR2, ...]:
    """R2 of every stream from every stream, beside its reference; nothing for a dictionary of one model."""
    return tuple(_crossing(row) for row in opened.atlas.cross_r2())


def _crossing(row: Row) -> CrossR2:
    reference = row["independent"] if row["source"] == row["target"] else row["ridge"]
    known = [row["r2"], *(() if reference is None else (reference,))]
    return CrossR2(
        **row,
        reference=reference,
        share=row["r2"] / reference if reference and reference > 0 else None,
        gauge=_gauge(row["r2"], reference=reference, low=min(0.0, *known)),
    )


def _gauge(r2: float, *, reference: float | None, low: float) -> Gauge:
    return charts.gauge(r2, nulls=(), peers=() if reference is None else (reference,), low=low, high=1.0)


def _numbers(site: Site, entry: Entry) -> tuple[Number, ...]:
    """What was measured about streams on held-out images; nulls stand beside their numbers."""
    values = metrics_of(site, entry)
    nulls = {metric.null for metric in STREAMS if metric.null}
    shown = [m for m in STREAMS if m.key in values and m.key not in nulls | _HIDDEN]
    return tuple(metric_number(METRICS[m.key], values[m.key], null=values.get(m.null or "")) for m in shown)


def taking_part(shares: Any) -> Any:
    """Which streams ``[K M]`` have at least half of an equal share of a concept's firings."""
    return np.nan_to_num(shares) >= TAKES_PART / shares.shape[1]


def _n_agreed(opened: Opened, shares: Any) -> int:
    agreed = opened.atlas.columns["stream_correlation_held_out"] >= AGREED_FROM
    return int((taking_part(shares).all(axis=1) & agreed).sum())


def _groups(opened: Opened, streams: Sequence[StreamCard], *, shares: Any) -> tuple[StreamGroup, ...]:
    """Concepts by the streams that take part, the largest sets of streams first."""
    part = taking_part(shares)
    order = np.argsort(-np.nan_to_num(opened.atlas.columns["stream_correlation_held_out"], nan=-1.0), kind="stable")
    found: dict[tuple[int, ...], list[int]] = {(place,): [] for place in range(len(streams))}
    for concept in order:
        chosen = tuple(int(place) for place in np.flatnonzero(part[concept]))
        if chosen:
            found.setdefault(chosen, []).append(int(concept))
    largest_first = sorted(found.items(), key=lambda item: (-len(item[0]), item[0]))
    return tuple(_group(opened, [streams[place] for place in places], own) for places, own in largest_first)


def _group(opened: Opened, streams: Sequence[StreamCard], concepts: Sequence[int]) -> StreamGroup:
    n_all = len(opened.atlas.model_streams)
    columns = opened.atlas.columns
    seen = [concept for concept in concepts if columns["n_images"][concept] >= _SEEN_ENOUGH]
    if len(streams) == 1:  # no two to agree: the most important ones
        seen.sort(key=lambda concept: -float(np.nan_to_num(columns["importance"][concept])))
    query = {"sort": "-stream_correlation_held_out"}
    if len(streams) == n_all:
        query["firing_entropy__gte"] = "0.9"
    elif len(streams) == 1:
        query = {"main_stream": streams[0].name, "sort": "firing_entropy"}
    return StreamGroup(
        streams=tuple(card.stream for card in streams),
        title="All models" if len(streams) == n_all else " and ".join(card.model_title for card in streams),
        n=len(concepts),
        concepts=tuple(make_chip(opened, concept) for concept in seen[: N_ALL if len(streams) == n_all else N_SOME]),
        url=urls.concepts(opened.entry.slug, query),
    )


def _entropy_plot(opened: Opened) -> BarChart:
    values = opened.concepts.numbers["firing_entropy"]
    counts, edges = np.histogram(values[~np.isnan(values)], bins=20, range=(0.0, 1.0))
    return charts.histogram(
        edges.tolist(),
        counts.tolist(),
        title="From one model's own to all models'",
        x_label="firing entropy: 0 fires in one model alone, 1 equally often in all",
        what="concepts",
        url_for=lambda low, high: urls.concepts(
            opened.entry.slug, {"firing_entropy__gte": f"{low:.6g}", "firing_entropy__lte": f"{high:.6g}"}
        ),
    )


def _polygon(opened: Opened, streams: Sequence[StreamCard], *, shares: Any) -> PolygonChart:
    """The most important concepts by their shares of firings."""
    columns = opened.atlas.columns
    importance = np.nan_to_num(columns["importance"].astype(np.float64))
    known = np.flatnonzero(~np.isnan(shares).any(axis=1))
    ranked = known[np.argsort(-importance[known], kind="stable")][:MOST_POINTS]
    most = max(float(importance[ranked].max(initial=0.0)), 1e-12)
    things = [
        Shared(
            key=str(concept),
            label=concept_name(opened, int(concept)),
            shares=tuple(round(float(share), 4) for share in shares[concept]),
            weight=max(float(importance[concept]) / most, 0.0),
            url=urls.concept(opened.entry.slug, int(concept)),
        )
        for concept in ranked
    ]
    which = "Every concept" if len(ranked) == len(known) else f"The {len(ranked)} most important concepts"
    return polygon(things, corners=[card.model_title for card in streams], title=f"{which} by share of firings")
