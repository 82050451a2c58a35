"""The concept grid's view."""

from dataclasses import replace

from app import urls
from app.makers.asking import SPRITE_BANDS, TABLE, WORDS_SHOWN, Asked, answer
from app.makers.called import Called
from app.makers.concept_table import make_choosable, make_columns, make_sparks
from app.makers.concepts import make_card
from app.makers.examples import make_examples
from app.makers.facets import Counter, make_ranges, make_values, range_columns, word_columns
from app.makers.frames import make_tables
from app.makers.grid_links import Links, sort_words
from app.makers.paging import make_paging
from app.render import plural
from app.site import Opened
from app.views.base import Choice, Paging
from app.views.concepts import Stat
from app.views.grid import GridView, PeekView, ShownView
from app.words import column_number, numbers
from store.annotations import ITEMS_PER_LIST
from store.atlas.cursor import Page
from store.atlas.grammar import Condition, Op, Query
from store.vocabulary import Badge, Band

CARD_NUMBERS = 2


def make_grid(opened: Opened, asked: Asked, called: Called, *, may_write: bool = False) -> GridView:
    """A page of concepts with everything that narrows, orders and pages them."""
    links = _links(opened, asked, called)
    counter = Counter(opened, links.asked)
    parts = _shown(opened, links) | _choices(opened, links) | _filters(counter, links)
    return GridView.model_validate(parts | _ways(opened, links, may_write=may_write))


def make_shown(opened: Opened, asked: Asked, called: Called) -> ShownView:
    """The page of concepts alone, for a visitor who turns to it: what narrows and orders stays as it is."""
    return ShownView.model_validate(_shown(opened, _links(opened, asked, called)))


def _links(opened: Opened, asked: Asked, called: Called) -> Links:
    known = replace(asked, band=asked.band if asked.band in SPRITE_BANDS else Band.TOP)
    return Links(opened.entry.slug, known, called)


def _shown(opened: Opened, links: Links) -> dict[str, object]:
    """What was found, as cards or rows."""
    asked, is_table = links.asked, links.asked.view == TABLE
    page = answer(opened, asked)
    return {
        "summary": f"{plural(page.total, 'concept')}, {sort_words(asked.query)}",
        "total": page.total,
        "view": asked.view,
        "size": asked.size,
        "cards": tuple(make_card(opened, k, band=asked.band, query=asked.pairs) for k in page.items),
        "shown": tuple(_stat(name) for name in asked.shown if name not in WORDS_SHOWN)[:CARD_NUMBERS],
        "columns": make_columns(links) if is_table else (),
        "sparks": make_sparks(opened, page.items) if is_table else {},
        "chips": links.chips(),
        "clear_url": links.but(query=replace(asked.query, conditions=(), q="")),
        "paging": _paging(links, page),
        "page_url": urls.concepts(links.slug, asked.whole),
        "selection": links.selection(opened),
    }


def _choices(opened: Opened, links: Links) -> dict[str, object]:
    """How it can be shown otherwise."""
    asked = links.asked
    return {
        "views": links.views(),
        "sizes": links.sizes(),
        "choosable": make_choosable(opened, asked),
        "band": asked.band.value,
        "bands": links.bands(),
        "sort": asked.query.sort_text,
        "sorts": links.sorts(universal=opened.atlas.is_universal),
    }


def _filters(counter: Counter, links: Links) -> dict[str, object]:
    """What narrows it, and the form that does."""
    opened, asked, slug = counter.opened, links.asked, links.slug
    return {
        "ranges": make_ranges(counter),
        "values": tuple(make_values(counter, name, links.called) for name in word_columns(opened)),
        "hide_dead": _hide_dead(opened, links),
        "q": asked.query.q,
        "pairs": asked.pairs,
        "kept": _kept(opened, asked),
        "form_url": urls.concepts(slug),
        "form_fragment_url": urls.concepts_fragment(slug),
    }


def _ways(opened: Opened, links: Links, *, may_write: bool) -> dict[str, object]:
    """What it is of and where it can be taken: addresses, files, lists."""
    slug, asked = links.slug, links.asked
    return {
        "dictionary": slug,
        "dictionary_title": opened.entry.title,
        "n_concepts": opened.atlas.n_concepts,
        "map_url": urls.map_page(slug, asked.query.pairs),
        "tables": make_tables("concepts", urls.api_dictionaries(slug, "concepts", query=asked.query.pairs)),
        "lists_url": urls.concepts_on_list(slug) if may_write else "",
        "lists": tuple(Choice(key=one.uid, label=one.title, url=urls.lists(one.uid)) for one in opened.lists),
        "most_on_list": ITEMS_PER_LIST,
    }


def make_peek(opened: Opened, concept: int, *, asked: Asked, may_write: bool) -> PeekView:
    """A concept in a panel beside the grid; its links keep the order that it was found in."""
    row = opened.atlas.concept(concept)
    return PeekView(
        card=make_card(opened, concept, query=asked.pairs),
        numbers=tuple(column_number(name, row[name]) for name in numbers(universal=opened.atlas.is_universal)),
        examples=make_examples(opened, concept, band=Band.TOP),
        may_write=may_write,
    )


def _stat(name: str) -> Stat:
    number = column_number(name)
    return Stat(
        key=name, label=number.label, unit=number.unit or number.range, definition=number.definition, url=number.url
    )


def _paging(links: Links, page: Page[int]) -> Paging:
    slug, asked = links.slug, links.asked

    def query(cursor: str) -> urls.Query:
        return replace(asked, cursor=cursor).whole

    return make_paging(
        page,
        page_url=lambda cursor: urls.concepts(slug, query(cursor)),
        sizes=links.page_sizes(),
    )


def _hide_dead(opened: Opened, links: Links) -> Choice:
    condition = Condition("badge", Op.NOT, Badge.DEAD.value)
    on = condition in links.asked.query.conditions
    to = links.asked.but(less=(condition,)) if on else links.asked.but(more=(condition,))
    n = opened.concepts.facet("badge", Query()).get(Badge.DEAD.value, 0)
    return Choice(key=Badge.DEAD.value, label="Hide dead concepts", url=links.to(to), current=on, n=n)


def _kept(opened: Opened, asked: Asked) -> tuple[tuple[str, str], ...]:
    """Parameters that the form has no field for."""
    words = word_columns(opened)
    fields = {"q", "sort", *words, *(f"{name}__in" for name in words)}
    fields |= {f"{name}__{op}" for name in range_columns(opened) for op in ("gte", "lte")}
    hidden_dead = ("badge__not", Badge.DEAD.value)
    pairs = (*asked.pairs, *asked.selected)
    return tuple(pair for pair in pairs if pair[0] not in fields and pair != hidden_dead)
