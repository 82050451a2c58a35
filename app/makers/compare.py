"""Dictionaries of one model and layer beside each other: a table in any order, and which of them none beats."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from app import urls
from app.makers.metrics import Values, metrics_of, rank_of
from app.makers.subjects import PARTS, Subject, choose, subjects_of
from app.measured import Measured
from app.params import Param
from app.roster import Entry
from app.scatter import Side, Spot, Way, front_of, scatter
from app.site import Site
from app.views.base import Choice, Links
from app.views.compare import CompareRow, CompareView, Front, Head, Sorted, Value
from app.views.plots import ScatterChart
from app.words import GROUP_OF, METRIC_GROUPS, NULL_OF, metric_number
from store.atlas.grammar import BadQuery, Fault
from store.errors import ConceptoscopeError, NotFound
from store.metrics import GROUPS, METRICS

MODEL = Param("model", "Model whose dictionaries are compared; the one with most of them when empty.")
LAYER = Param("layer", "Layer of the model; the one with most dictionaries when empty.")
COLLECTION = Param("collection", "Collection that they were learned from; the one with most of them when empty.")
MAIN = ("l0", "r2", "dead_share_all", "dense_share", "stability", "plausibility", "top1_agreement", "probe_map")
SHOW = Param("show", "Which columns: main, a group of metrics, or all.", ("main", *GROUPS, "all"), "main")
OF = Param("of", "A model, layer and collection, as the form sends them.")
TEXTS = {"title": "Dictionary", "method": "Method"}
COUNTS = {"n_concepts": "Concepts", "n_active": "Active"}
_SORTABLE = (*TEXTS, *COUNTS, *METRICS)
SORT = Param(
    "sort",
    "Metric, method, n_concepts, n_active or title; minus for descending.",
    default="-r2",
    schema={"type": "string", "enum": ["", *(sign + name for name in _SORTABLE for sign in ("", "-"))]},
)
DEFINITIONS = {
    "title": "What the dictionary is called.",
    "method": "How it was learned.",
    "n_concepts": "Number of concepts, dead ones included.",
    "n_active": "Codes above 0 per token that it was trained for: exact, or the mean aimed at.",
}


@dataclass(frozen=True)
class Pair:
    """Two metrics that are plotted against each other, with the way that is better here."""

    x: str
    x_better: Way
    y: str
    y_better: Way
    title: str


PAIRS = (
    Pair("l0", "lower", "r2", "higher", "Reconstruction against sparsity"),
    Pair("stability", "higher", "r2", "higher", "Reconstruction against stability"),
    Pair("plausibility", "higher", "r2", "higher", "Reconstruction against plausibility"),
)


@dataclass(frozen=True)
class Asked:
    """A parsed request for a comparison."""

    wanted: Mapping[str, str]
    sort: str = SORT.default
    show: str = SHOW.default


def ask_compare(values: Mapping[str, str]) -> Asked:
    """What parameters ask for; raises ``BadQuery`` for a column that is not there."""
    sort = values["sort"]
    if sort.removeprefix("-") not in _SORTABLE:
        raise BadQuery(Fault("sort", f"Dictionaries cannot be sorted by '{sort.removeprefix('-')}'.", _SORTABLE))
    return Asked({part: values[part] for part in PARTS}, sort, values.get("show", SHOW.default))


def find_subject(site: Site, text: str) -> Subject:
    """The subject that the form's one field names; raises ``NotFound``."""
    wanted = dict(parse_qsl(text))
    found = choose(site.roster.entries(), {part: wanted.get(part, "") for part in PARTS})
    if found is None:
        raise NotFound("comparison", text, remedy="The store is empty.")
    return found


def make_compare(site: Site, asked: Asked) -> CompareView:
    """The comparison; raises ``NotFound`` for a model, layer or collection that no dictionary has."""
    entries = site.roster.entries()
    subject = choose(entries, asked.wanted)
    read, broken = _read(site, subject.entries if subject else ())
    rows = _rows(read)
    fronts = [(pair, _front(rows, pair)) for pair in PAIRS]
    first = subject.entries[0] if subject else None
    return CompareView(
        model=first.model if first else "",
        model_title=first.model_title if first else "",
        layer=first.layer if first else "",
        collection=first.collection if first else "",
        collection_title=first.collection_title if first else "",
        sort=asked.sort,
        columns=tuple(metric_number(METRICS[key]) for key in _measured(rows)),
        rows=_ordered(rows, asked.sort),
        fronts=tuple(front for _pair, front in fronts if front),
        alike=len({one.basis for _number, _entry, _values, one in read}) < 2,
        broken=broken,
        subjects=_subjects(entries, subject),
        facts=tuple(_fact_head(name, subject, asked) for name in (*TEXTS, *COUNTS)),
        heads=tuple(_head(key, subject, asked) for key in _shown(rows, asked.show)),
        views=_views(rows, subject, asked),
        plots=tuple(_plot(rows, pair) for pair, front in fronts if front),
        unplotted=tuple(METRICS[pair.x].label for pair, front in fronts if not front),
    )


def twin_query(view: CompareView) -> dict[str, str]:
    """The parameters that page and API share, all parts named, so that the answer stays the same when more is added."""
    return {part: getattr(view, part) for part in PARTS} | {"sort": _unusual(view.sort)}


Read = tuple[int, Entry, Values, Measured]


def _read(site: Site, entries: Iterable[Entry]) -> tuple[list[Read], tuple[str, ...]]:
    """What was measured of each dictionary; those that cannot be opened are named with the reason."""
    read, broken = [], []
    for number, entry in enumerate(entries, 1):
        try:
            read.append((number, entry, metrics_of(site, entry), site.ledger.of(entry)))
        except ConceptoscopeError as fault:
            broken.append(f"{entry.title}: {fault}")
    return read, tuple(broken)


def _rows(read: Sequence[Read]) -> list[CompareRow]:
    return [
        CompareRow(
            number=number,
            slug=entry.slug,
            title=entry.title,
            method=entry.method,
            n_concepts=entry.n_concepts,
            n_active=known.n_active,
            window=known.window,
            tokens=known.tokens,
            numbers={
                key: _value(key, values, others=[other for _n, one, other, _k in read if one is not entry])
                for key in METRICS
                if key in values
            },
            links=Links(html=urls.dictionary(entry.slug), api=urls.api_dictionaries(entry.slug)),
        )
        for number, entry, values, known in read
    ]


def _value(key: str, values: Values, *, others: Sequence[Values]) -> Value:
    peers = [other[key] for other in others if key in other]
    rank = rank_of(values[key], peers, better=METRICS[key].better)
    best = rank is not None and rank.place == 1 and rank.tied < rank.of - 1
    return Value(value=values[key], null=values.get(METRICS[key].null or ""), best=best, rank=rank)


def _measured(rows: Sequence[CompareRow]) -> tuple[str, ...]:
    """Metrics that any row has, in the order of their definitions."""
    return tuple(key for key in METRICS if any(key in row.numbers for row in rows))


def _shown(rows: Sequence[CompareRow], show: str) -> tuple[str, ...]:
    """Metrics of the chosen columns; nulls stand in the cell of what they are the null of."""
    measured = _measured(rows)
    if show == "main":
        return tuple(key for key in MAIN if key in measured)
    return tuple(key for key in measured if NULL_OF.get(key) not in measured and show in ("all", GROUP_OF[key]))


def _ordered(rows: Sequence[CompareRow], sort: str) -> tuple[CompareRow, ...]:
    """By a column, what has no value last, equal ones by number."""
    key = sort.removeprefix("-")
    present = [row for row in rows if _sortable(row, key) is not None]
    absent = [row for row in rows if _sortable(row, key) is None]
    ordered = sorted(present, key=lambda row: _sortable(row, key), reverse=sort.startswith("-"))
    return (*ordered, *absent)


def _sortable(row: CompareRow, key: str) -> Any:
    if key in TEXTS:
        return getattr(row, key).casefold()
    if key in COUNTS:
        return getattr(row, key)
    return row.numbers[key].value if key in row.numbers else None


def _having(rows: Sequence[CompareRow], pair: Pair) -> list[CompareRow]:
    return [row for row in rows if pair.x in row.numbers and pair.y in row.numbers]


def _front(rows: Sequence[CompareRow], pair: Pair) -> Front | None:
    """Which dictionaries no other beats; None with fewer than two to compare."""
    both = _having(rows, pair)
    if len(both) < 2:
        return None
    points = [(row.numbers[pair.x].value, row.numbers[pair.y].value) for row in both]
    best = front_of(points, better=(pair.x_better, pair.y_better))
    slugs = tuple(both[index].slug for index in best)
    return Front(x=pair.x, x_better=pair.x_better, y=pair.y, y_better=pair.y_better, dictionaries=slugs)


def _plot(rows: Sequence[CompareRow], pair: Pair) -> ScatterChart:
    spots = [
        Spot(
            key=row.slug,
            label=row.title,
            texts=(f"{row.number} {row.method} {row.n_concepts}", f"{row.number} {row.method}", str(row.number)),
            x=row.numbers[pair.x].value,
            y=row.numbers[pair.y].value,
            url=row.links.html,
        )
        for row in _having(rows, pair)
    ]
    x, y = METRICS[pair.x], METRICS[pair.y]
    return scatter(
        spots,
        title=pair.title,
        x=Side(f"{x.label}, {x.unit}" if x.unit else x.label, pair.x_better),
        y=Side(y.label, pair.y_better),
    )


def _url(subject: Subject | None, asked: Asked) -> str:
    """The page's address; what is as usual is left out."""
    show = "" if asked.show == SHOW.default else asked.show
    return urls.compare({**(subject.query if subject else {}), "sort": _unusual(asked.sort), "show": show})


def _unusual(sort: str) -> str:
    return "" if sort == SORT.default else sort


def _head(key: str, subject: Subject | None, asked: Asked) -> Head:
    number = metric_number(METRICS[key])
    return Head(
        key=key,
        label=number.label,
        unit=number.unit,
        definition=number.definition,
        better=number.better,
        null_label=number.null_label,
        sorted=_sorted(key, asked.sort),
        url=_sort_url(key, subject, asked, best_first="" if number.better == "lower" else "-"),
    )


def _fact_head(name: str, subject: Subject | None, asked: Asked) -> Head:
    return Head(
        key=name,
        label=(TEXTS | COUNTS)[name],
        definition=DEFINITIONS[name],
        sorted=_sorted(name, asked.sort),
        url=_sort_url(name, subject, asked, best_first=""),
    )


def _sort_url(key: str, subject: Subject | None, asked: Asked, *, best_first: str) -> str:
    """Sorts by a column, best first; turns round when it is sorted so already."""
    usual, other = f"{best_first}{key}", key if best_first else f"-{key}"
    return _url(subject, replace(asked, sort=other if asked.sort == usual else usual))


def _sorted(key: str, sort: str) -> Sorted:
    if sort.removeprefix("-") != key:
        return ""
    return "descending" if sort.startswith("-") else "ascending"


def _views(rows: Sequence[CompareRow], subject: Subject | None, asked: Asked) -> tuple[Choice, ...]:
    """Sets of columns that are not empty."""
    found = [(key, len(_shown(rows, key))) for key in SHOW.choices]
    return tuple(
        Choice(
            key=key,
            label=METRIC_GROUPS[key].label if key in METRIC_GROUPS else key.capitalize(),
            url=_url(subject, replace(asked, show=key)),
            current=key == asked.show,
            n=n,
        )
        for key, n in found
        if n or key == asked.show
    )


def _subjects(entries: Sequence[Entry], current: Subject | None) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            key=urls.with_query("", subject.query).removeprefix("?"),
            label=", ".join((first.model_title, first.layer, first.collection_title)),
            url=urls.compare(subject.query),
            current=bool(current) and subject.query == (current and current.query),
            n=len(subject.entries),
        )
        for subject in subjects_of(entries)
        for first in subject.entries[:1]
    )
