"""The model shelf and the dictionary page."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app import charts, urls
from app.charts import Series
from app.makers.concepts import make_chip
from app.makers.facts import facts_of, provenance, spec_facts
from app.makers.metrics import HEADLINE, group_scores, in_two_columns, largest, make_scores, metrics_of, peers_of
from app.makers.ranking import ranked_alive
from app.makers.subjects import query_of, subjects_of
from app.makers.tour import make_tour
from app.render import plural
from app.roster import Entry
from app.site import Opened, Site
from app.views.base import Choice, Links, Number
from app.views.concepts import ConceptChip
from app.views.dictionaries import DictionaryCard, DictionaryView, HomeView, ModelShelf
from app.views.plots import BarChart, CellChart, LineChart
from app.words import BADGES, LABELS, metric_number
from store.errors import ConceptoscopeError
from store.metrics import METRICS
from store.vocabulary import Badge

N_STRIP, N_MOSAIC = 7, 36
TRAINING = (
    ("R²", "R²", ("r2_train", "r2_held_out")),
    ("Loss", "loss", ("loss",)),
    ("Dead concepts", "share of concepts", ("dead_share_epoch",)),
)


def make_home(site: Site) -> HomeView:
    """All models with their dictionaries; one whose atlas cannot be opened is named with the reason."""
    shelves: dict[str, list[DictionaryCard]] = {}
    broken, entries = [], site.roster.entries()
    for entry in entries:
        try:
            with site.opened(entry) as opened:
                shelves.setdefault(entry.model, []).append(make_dictionary_card(site, opened, with_strip=True))
        except ConceptoscopeError as fault:
            broken.append(f"{entry.title}: {fault}")
    by_model = {entry.model: entry for entry in entries}
    first = next((card.slug for cards in shelves.values() for card in cards), "")
    return HomeView(
        n_models=len(by_model),
        n_dictionaries=len(entries),
        n_concepts=sum(entry.n_concepts for entry in entries),
        n_images=sum({entry.collection: entry.n_images for entry in entries}.values()),
        models=tuple(_shelf(by_model[model], cards, entries=entries) for model, cards in shelves.items()),
        broken=tuple(broken),
        tour=make_tour(site),
        browse_url=urls.concepts(first) if first else "",
        images_url=urls.images(first) if first else "",
        random_url=urls.random_concept(first) if first else "",
    )


def _shelf(entry: Entry, cards: list[DictionaryCard], *, entries: Sequence[Entry]) -> ModelShelf:
    return ModelShelf(
        slug=entry.model,
        title=entry.model_title,
        facts=facts_of(entry.model_facts),
        dictionaries=tuple(cards),
        comparisons=_comparisons([one for one in entries if one.model == entry.model]),
    )


def _comparisons(entries: Sequence[Entry]) -> tuple[Choice, ...]:
    """Layers (and collections) of which there are several dictionaries."""
    return tuple(
        Choice(
            key="/".join(subject.query.values()),
            label=subject.entries[0].layer,
            url=urls.compare(subject.query),
            n=len(subject.entries),
            title=subject.entries[0].collection_title,
        )
        for subject in subjects_of(entries)
        if len(subject.entries) > 1
    )


def make_dictionary_card(site: Site, opened: Opened, *, with_strip: bool = False) -> DictionaryCard:
    """A dictionary with its headline numbers, optionally with its most important concepts."""
    entry, grid = opened.entry, opened.atlas.streams[0].grid
    ranked = ranked_alive(opened)[:N_STRIP] if with_strip else []
    return DictionaryCard(
        slug=entry.slug,
        title=entry.title,
        model=entry.model,
        model_title=entry.model_title,
        layer=entry.layer,
        method=entry.method,
        collection=entry.collection,
        collection_title=entry.collection_title,
        n_concepts=opened.atlas.n_concepts,
        grid=(grid.rows, grid.cols),
        digest=opened.atlas.digest,
        numbers=_headline(site, entry),
        links=Links(html=urls.dictionary(entry.slug), api=urls.api_dictionaries(entry.slug)),
        concepts_url=urls.concepts(entry.slug),
        images_url=urls.images(entry.slug),
        strip=tuple(make_chip(opened, concept) for concept in ranked),
    )


def make_dictionary(site: Site, opened: Opened) -> DictionaryView:
    """One dictionary with its numbers, how they rank among its peers, and plots."""
    scores = make_scores(site, opened.entry)
    return DictionaryView(
        card=make_dictionary_card(site, opened, with_strip=True),
        n_alive=len(ranked_alive(opened)),
        n_images=opened.entry.n_images,
        numbers=scores,
        headline=largest(scores),
        groups=in_two_columns(group_scores(scores)),
        n_peers=len(peers_of(site, opened.entry)),
        compare_url=urls.compare(query_of(opened.entry)),
        spec=spec_facts(opened),
        provenance=provenance(opened),
        badges=_badge_choices(opened),
        density=_density_plot(opened),
        density_held_out=_held_out_plot(opened),
        importance=_importance_plot(opened),
        importance_density=_cell_plot(opened),
        training=_training_plots(make_history(opened)),
        mosaic=_mosaic(opened),
    )


def _headline(site: Site, entry: Entry) -> tuple[Number, ...]:
    values = metrics_of(site, entry)
    return tuple(
        metric_number(METRICS[key], values[key], null=values.get(METRICS[key].null or ""))
        for key in HEADLINE
        if key in values
    )


def make_history(opened: Opened) -> list[dict[str, Any]]:
    """Training history, one row per epoch."""
    return list(opened.atlas.meta.get("history") or [])


def _badge_choices(opened: Opened) -> tuple[Choice, ...]:
    counts = opened.atlas.badge_counts()
    return tuple(
        Choice(
            key=badge.value,
            label=BADGES[badge].label,
            url=urls.concepts(opened.entry.slug, {"badge": badge.value}),
            n=counts.get(badge.value, 0),
            title=BADGES[badge].definition,
        )
        for badge in Badge
    )


def _density_plot(opened: Opened) -> BarChart:
    found = opened.concepts.histogram("density")
    return charts.histogram(
        found.edges,
        found.counts,
        title="Concepts by density",
        x_label="share of patches it fires on (log)",
        area=charts.THIRD,
        what="concepts",
        url_for=lambda low, high: _grid_between(opened, {"density": (low, high)}),
    )


def _held_out_plot(opened: Opened) -> BarChart | None:
    """The histogram that was made when the dictionary was judged, from its first bin that holds a concept."""
    found = opened.atlas.meta.get("density_histogram") or {}
    edges, counts = found.get("edges") or [], found.get("counts") or []
    first = next((index for index, count in enumerate(counts) if count), None)
    if first is None:
        return None
    dead = found.get("dead", 0)
    return charts.histogram(
        edges[first:],
        counts[first:],
        title=f"On held-out tokens ({plural(dead, 'concept')} silent)" if dead else "On held-out tokens",
        x_label="share of held-out tokens it fires on (log)",
        area=charts.THIRD,
        what="concepts",
    )


def _importance_plot(opened: Opened) -> LineChart:
    """Cumulative share of all positive importance by rank."""
    columns = opened.atlas.columns["importance"].astype(np.float64)
    ranked = np.sort(np.nan_to_num(columns[columns > 0]))[::-1]
    total = float(ranked.sum())
    shares = np.cumsum(ranked) / total if total else np.zeros(0)
    points = tuple((float(i + 1), float(shares[i])) for i in charts.thinned(len(shares)))
    return charts.curves(
        [Series("importance", "cumulative importance", points)],
        title="Importance",
        x_label="concepts, most important first (log)",
        y_label="share of all importance",
        area=charts.THIRD,
        log_x=True,
    )


def _cell_plot(opened: Opened) -> CellChart:
    density, importance = opened.atlas.columns["density"], opened.atlas.columns["importance"]
    positive = (density > 0) & (importance > 0)
    points = list(zip(density[positive].tolist(), importance[positive].tolist(), strict=True))
    return charts.cells(
        points,
        title="Density against importance",
        x_label="density (log)",
        y_label=f"{LABELS['importance'].lower()} (log)",
        area=charts.THIRD_LOG,
        url_for=lambda x, y: _grid_between(opened, {"density": x, "importance": y}),
    )


def _grid_between(opened: Opened, intervals: dict[str, tuple[float, float]]) -> str:
    """The grid between bounds, written a little wider so that the edges' own concepts are in."""
    query: dict[str, str] = {}
    for name, (low, high) in intervals.items():
        query |= {f"{name}__gte": f"{low * (1 - 1e-6):.6g}", f"{name}__lte": f"{high * (1 + 1e-6):.6g}"}
    return urls.concepts(opened.entry.slug, query)


def _training_plots(history: list[dict[str, Any]]) -> tuple[LineChart, ...]:
    plots = []
    for title, y_label, keys in TRAINING:
        series = [Series(key, METRICS[key].label, _points(history, key)) for key in keys]
        if any(len(one.points) > 1 for one in series):
            plots.append(charts.curves(series, title=title, x_label="epoch", y_label=y_label))
    return tuple(plots)


def _points(history: list[dict[str, Any]], key: str) -> tuple[tuple[float, float], ...]:
    """(epoch, value) of every epoch that has the value; epochs are counted from 1."""
    return tuple(
        (float(number), float(row[key]))
        for number, row in enumerate(history, 1)
        if isinstance(row.get(key), (int, float))
    )


def _mosaic(opened: Opened) -> tuple[ConceptChip, ...]:
    """Concepts from equal steps of the ranking by importance, so that weak ones show, too."""
    ranked = ranked_alive(opened)
    n = min(N_MOSAIC, len(ranked))
    return tuple(make_chip(opened, ranked[step * len(ranked) // n]) for step in range(n))
