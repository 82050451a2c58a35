"""The concept grid's view."""

from dataclasses import replace

from app import charts, urls
from app.makers.asking import SPRITE_BANDS, Asked, answer
from app.makers.concepts import make_card
from app.makers.paging import make_paging
from app.site import Opened
from app.views.base import Choice
from app.views.concepts import Chip, GridView, RangeFilter, Stat
from app.words import BADGES, BANDS, LABELS, column_number
from store.atlas.grammar import Condition, Op, Query, SortKey, parse_query
from store.vocabulary import Badge, Band

RANGES = ("density", "importance", "max", "purity", "position_entropy", "spatial_size")
STREAM_RANGES = ("firing_entropy", "stream_correlation_held_out")
SORTS = ("-importance", "-density", "density", "-max", "-purity", "-spatial_size", "position_entropy", "id")
STREAM_SORTS = ("-firing_entropy", "firing_entropy", "-stream_correlation", "-stream_correlation_held_out")
MOST_CLASSES = 60
SIZES = (24, 48, 96)
_SORT_WORDS = {"-": "largest first", "": "smallest first"}
_SIGNS = {Op.EQ: "=", Op.NOT: "≠", Op.GT: ">", Op.GTE: "≥", Op.LT: "<", Op.LTE: "≤", Op.IN: "in", Op.CONTAINS: "has"}


def make_grid(opened: Opened, asked: Asked) -> GridView:
    """A page of concepts with everything that narrows, orders and pages them."""
    asked = replace(asked, band=asked.band if asked.band in SPRITE_BANDS else Band.TOP)
    page = answer(opened, asked)
    slug, query = opened.entry.slug, asked.query
    here = (*asked.pairs, ("cursor", asked.cursor))
    return GridView(
        dictionary=slug,
        dictionary_title=opened.entry.title,
        summary=f"{page.total:,} {'concept' if page.total == 1 else 'concepts'}, {sort_words(query)}",
        total=page.total,
        n_concepts=opened.atlas.n_concepts,
        cards=tuple(make_card(opened, k, band=asked.band, query=asked.pairs) for k in page.items),
        shown=tuple(_stat(name) for name in asked.show),
        band=asked.band.value,
        bands=tuple(_band_choice(slug, asked, band) for band in SPRITE_BANDS),
        chips=_chips(slug, asked),
        clear_url=urls.concepts(slug, (*replace(query, conditions=(), q="").pairs, *asked.layout)),
        sort=query.sort_text,
        sorts=_sorts(opened, asked),
        ranges=tuple(_range(opened, name, query) for name in ranges_of(opened)),
        classes=_values(opened, asked, "class"),
        streams=_values(opened, asked, "main_stream") if opened.atlas.is_universal else (),
        badges=_values(opened, asked, "badge"),
        hide_dead=_hide_dead(opened, asked),
        q=query.q,
        kept=_kept(opened, asked),
        form_url=urls.concepts(slug),
        form_fragment_url=urls.concepts_fragment(slug),
        paging=make_paging(
            page,
            page_url=lambda cursor: urls.concepts(slug, (*asked.pairs, ("cursor", cursor))),
            fragment_url=lambda cursor: urls.concepts_fragment(slug, (*asked.pairs, ("cursor", cursor))),
            sizes=tuple(_size(slug, asked, n) for n in SIZES),
        ),
        fragment_url=urls.concepts_fragment(slug, here),
        page_url=urls.concepts(slug, here),
    )


def ranges_of(opened: Opened) -> tuple[str, ...]:
    """The columns that the grid narrows by; those about streams only of a universal dictionary."""
    return (*STREAM_RANGES, *RANGES) if opened.atlas.is_universal else RANGES


def sort_words(query: Query) -> str:
    """The order in words: sorted by importance, largest first."""
    keys = [(label_of(key.column), _SORT_WORDS["-" if key.descending else ""]) for key in query.sort]
    return "sorted by " + ", then by ".join(f"{label[0].lower()}{label[1:]}, {way}" for label, way in keys)


def label_of(column: str) -> str:
    """What a column is called, by its name in queries."""
    return {"id": "Index", "class": "Top class", "badge": "Warnings", "label": "Label"}.get(column) or LABELS[column]


def _stat(name: str) -> Stat:
    number = column_number(name)
    return Stat(
        key=name, label=number.label, unit=number.unit or number.range, definition=number.definition, url=number.url
    )


def _with(asked: Asked, *conditions: Condition, less: tuple[Condition, ...] = ()) -> Asked:
    kept = tuple(c for c in asked.query.conditions if c not in less)
    return replace(asked, query=replace(asked.query, conditions=(*kept, *conditions)), cursor="")


def _band_choice(slug: str, asked: Asked, band: Band) -> Choice:
    word = BANDS[band]
    url = urls.concepts(slug, replace(asked, band=band).pairs)
    return Choice(key=band.value, label=word.label, url=url, current=asked.band is band, title=word.definition)


def _size(slug: str, asked: Asked, n: int) -> Choice:
    return Choice(
        key=str(n), label=str(n), url=urls.concepts(slug, replace(asked, limit=n).pairs), current=asked.limit == n
    )


def _chips(slug: str, asked: Asked) -> tuple[Chip, ...]:
    pairs = [(_condition_words(c), _with(asked, less=(c,)).pairs) for c in asked.query.conditions]
    if asked.query.q:
        pairs.append((f"text “{asked.query.q}”", replace(asked, query=replace(asked.query, q="")).pairs))
    return tuple(
        Chip(label=label, remove_url=urls.concepts(slug, to), remove_fragment_url=urls.concepts_fragment(slug, to))
        for label, to in pairs
    )


def _condition_words(condition: Condition) -> str:
    if condition.column == "badge" and condition.op in (Op.EQ, Op.NOT):
        return condition.text if condition.op is Op.EQ else f"not {condition.text}"
    if condition.op is Op.ISNULL:
        return f"{label_of(condition.column)} is {'absent' if condition.wants_null else 'present'}"
    return f"{label_of(condition.column)} {_SIGNS[condition.op]} {condition.text}"


def _sorts(opened: Opened, asked: Asked) -> tuple[Choice, ...]:
    current = asked.query.sort_text
    usual = (*SORTS, *STREAM_SORTS) if opened.atlas.is_universal else SORTS
    keys = usual if current in usual else (current, *usual)
    return tuple(_sort(opened.entry.slug, asked, key) for key in keys)


def _sort(slug: str, asked: Asked, text: str) -> Choice:
    query = replace(asked.query, sort=_parsed_sort(text))
    words = sort_words(query).removeprefix("sorted by ")
    url = urls.concepts(slug, replace(asked, query=query).pairs)
    return Choice(key=text, label=words[0].upper() + words[1:], url=url, current=query.sort == asked.query.sort)


def _parsed_sort(text: str) -> tuple[SortKey, ...]:
    return parse_query([("sort", text)]).sort


def _range(opened: Opened, name: str, query: Query) -> RangeFilter:
    found = opened.concepts.histogram(name)
    number = column_number(name)
    low = next((c.text for c in query.conditions if c.column == name and c.op is Op.GTE), "")
    high = next((c.text for c in query.conditions if c.column == name and c.op is Op.LTE), "")
    plot = charts.histogram(
        found.edges,
        found.counts,
        title=number.label,
        x_label=number.label,
        what="concepts",
        area=charts.SMALL,
        log_x=found.log,
    )
    return RangeFilter(
        key=name,
        label=number.label,
        unit=number.unit or number.range,
        definition=number.definition,
        min=found.min,
        max=found.max,
        low_name=f"{name}__gte",
        high_name=f"{name}__lte",
        low=low,
        high=high,
        open=bool(low or high),
        plot=plot,
    )


def _values(opened: Opened, asked: Asked, column: str) -> tuple[Choice, ...]:
    """Values of a word column with counts; each address toggles its value and leaves the other conditions."""
    counts = opened.concepts.facet(column, asked.query)
    mine = tuple(c for c in asked.query.conditions if c.column == column and c.op is Op.EQ)
    chosen = {c.text for c in mine}
    names = [badge.value for badge in Badge] if column == "badge" else list(counts)
    shown = names[:MOST_CLASSES] + [name for name in sorted(chosen) if name not in names[:MOST_CLASSES]]
    choices = []
    for name in shown:
        to = _with(asked, *([] if name in chosen else [Condition(column, Op.EQ, name)]), less=mine)
        word = BADGES.get(Badge(name)) if column == "badge" and name in set(Badge) else None
        choices.append(
            Choice(
                key=name,
                label=word.label if word else name,
                url=urls.concepts(opened.entry.slug, to.pairs),
                current=name in chosen,
                n=counts.get(name, 0),
                title=word.definition if word else "",
            )
        )
    return tuple(choices)


def _hide_dead(opened: Opened, asked: Asked) -> Choice:
    condition = Condition("badge", Op.NOT, Badge.DEAD.value)
    on = condition in asked.query.conditions
    to = _with(asked, less=(condition,)) if on else _with(asked, condition)
    n = opened.concepts.facet("badge", Query()).get(Badge.DEAD.value, 0)
    url = urls.concepts(opened.entry.slug, to.pairs)
    return Choice(key=Badge.DEAD.value, label="Hide dead concepts", url=url, current=on, n=n)


def _kept(opened: Opened, asked: Asked) -> tuple[tuple[str, str], ...]:
    """Parameters that the form has no field for."""
    fields = {"q", "class", "badge", "main_stream"}
    fields |= {f"{name}__{op}" for name in ranges_of(opened) for op in ("gte", "lte")}
    hidden_dead = ("badge__not", Badge.DEAD.value)
    return tuple(pair for pair in asked.pairs if pair[0] not in fields and pair != hidden_dead)
