"""A dictionary's numbers with null, range and rank; where they come from, and which dictionaries are its peers."""

import logging
from collections.abc import Mapping, Sequence
from itertools import product

from app import charts
from app.makers.subjects import query_of
from app.roster import Entry
from app.site import Site
from app.views.metrics import MetricGroup, NullValue, Rank, Scored
from app.views.plots import Gauge
from app.words import GROUP_OF, METRIC_GROUPS, NULL_OF, metric_number
from store.errors import ConceptoscopeError
from store.metrics import GROUPS, METRICS, Metric

log = logging.getLogger(__name__)
HEADLINE = ("r2", "l0", "dead_share_all")
LARGE = (*HEADLINE, "stability", "plausibility", "probe_map")
_HEAD_ROWS = 3  # height of a group's heading, in rows
Values = Mapping[str, float]


def metrics_of(site: Site, entry: Entry) -> Values:
    """Every measured number of a dictionary, by metric: the one place where pages and API get them from.

    They stand in the facts of its atlas, and later measurements in the catalog, which count as long as the atlas shows
    the dictionary that they were made on. Raises a domain error when the atlas cannot be opened.
    """
    shown = site.ledger.of(entry)
    return {**shown.metrics, **entry.metrics} if shown.dictionary == entry.digest else shown.metrics


def peers_of(site: Site, entry: Entry) -> tuple[Entry, ...]:
    """The other dictionaries of the same model, layer and collection."""
    mine = query_of(entry)
    return tuple(one for one in site.roster.entries() if one.slug != entry.slug and query_of(one) == mine)


def make_scores(site: Site, entry: Entry) -> tuple[Scored, ...]:
    """Every measured number; headline ones first, then in the order of their definitions."""
    values, others = metrics_of(site, entry), _readable(site, peers_of(site, entry))
    keys = [*(key for key in HEADLINE if key in values), *(k for k in METRICS if k in values and k not in HEADLINE)]
    return tuple(make_score(METRICS[key], values, others=others) for key in keys)


def make_score(metric: Metric, values: Values, *, others: Sequence[Values]) -> Scored:
    """One number of ``values`` beside the same number of other dictionaries."""
    value, null = values[metric.key], values.get(metric.null or "")
    peers = [other[metric.key] for other in others if metric.key in other]
    nulls = _nulls(metric, values)
    return Scored(
        **dict(metric_number(metric, value, null=null)),
        group=GROUP_OF[metric.key],
        rank=rank_of(value, peers, better=metric.better),
        nulls=nulls,
        gauge=_gauge(metric, value, nulls=[one.value for one in nulls], peers=peers),
    )


def _nulls(metric: Metric, values: Values) -> tuple[NullValue, ...]:
    """All that were measured, the one that the metric names first."""
    keys = [metric.null or "", *(key for key, parent in NULL_OF.items() if parent == metric.key and key != metric.null)]
    found = [(METRICS[key], values[key]) for key in keys if key in values]
    return tuple(NullValue(label=null.label, value=value, definition=null.definition) for null, value in found)


def rank_of(value: float, others: Sequence[float], *, better: str) -> Rank | None:
    """Place of a value among itself and others, 1 = best; None without others, or where neither way is better."""
    if not others or better == "neither":
        return None
    sign = 1.0 if better == "higher" else -1.0
    ahead = sum(sign * other > sign * value for other in others)
    return Rank(place=1 + ahead, of=1 + len(others), tied=sum(other == value for other in others))


def largest(scores: Sequence[Scored]) -> tuple[Scored, ...]:
    """The numbers that are told large."""
    present = {score.key: score for score in scores}
    return tuple(present[key] for key in LARGE if key in present)


def group_scores(scores: Sequence[Scored]) -> tuple[MetricGroup, ...]:
    """Numbers by kind. A null stands beside its number; it has a row only where that number is missing."""
    present = {score.key: score for score in scores}
    groups = []
    for key, metrics in GROUPS.items():
        rows = (present[m.key] for m in metrics if m.key in present and NULL_OF.get(m.key) not in present)
        if numbers := tuple(rows):
            word = METRIC_GROUPS[key]
            groups.append(MetricGroup(key=key, title=word.label, definition=word.definition, numbers=numbers))
    return tuple(groups)


def in_two_columns(groups: Sequence[MetricGroup]) -> tuple[tuple[MetricGroup, ...], ...]:
    """Two columns as alike in height as can be, each in the order of the groups; the first group begins the first."""
    if not groups:
        return ()
    heights = [_HEAD_ROWS + len(group.numbers) for group in groups]
    sides = [(True, *rest) for rest in product((True, False), repeat=len(groups) - 1)]

    def unevenness(side: tuple[bool, ...]) -> int:
        return abs(sum(height if left else -height for height, left in zip(heights, side, strict=True)))

    best = min(sides, key=unevenness)  # of equal ones that which moves the fewest of the earlier groups
    columns = (tuple(g for g, left in zip(groups, best, strict=True) if left is wanted) for wanted in (True, False))
    return tuple(column for column in columns if column)


def _readable(site: Site, entries: Sequence[Entry]) -> list[Values]:
    """The numbers of those dictionaries whose atlas can be opened: a damaged one must not take its peers along."""
    found = []
    for entry in entries:
        try:
            found.append(metrics_of(site, entry))
        except ConceptoscopeError as fault:
            log.warning("%s is left out of the ranks: %s", entry.slug, fault)
    return found


def _gauge(metric: Metric, value: float, *, nulls: Sequence[float], peers: Sequence[float]) -> Gauge | None:
    """None where a drawing would say nothing: no bound, no null and no other value."""
    bounded = metric.low is not None and metric.high is not None
    if not bounded and not nulls and all(peer == value for peer in peers):
        return None
    return charts.gauge(value, nulls=nulls, peers=peers, low=metric.low, high=metric.high)
