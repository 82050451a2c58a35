"""What a request to the grid turns into when one of its parts is changed: chips, orders, sizes, views, selection."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app import urls
from app.makers.asking import SELECT_MAX, SIZES, SPRITE_BANDS, VIEWS, Asked
from app.makers.called import Called
from app.makers.concepts import concept_name
from app.site import Opened
from app.views.base import Choice
from app.views.grid import Chip, SelectionLink, SelectionView
from app.words import BANDS, COLUMN_LABELS
from store.atlas.grammar import Condition, Op, Query, SortKey, join_values, parse_query

SORTS = ("-importance", "-density", "density", "-max", "-purity", "-spatial_size", "position_entropy", "id")
STREAM_SORTS = ("-firing_entropy", "firing_entropy", "-stream_correlation", "-stream_correlation_held_out")
PAGE_SIZES = (24, 48, 96)
SELECTED: Final = "SELECTED"
"""Stands for the ids in addresses that scripts fill in."""
MOST_ON_MAP: Final = 300
VIEW_WORDS: Final = {"cards": "Cards", "table": "Table"}
SIZE_WORDS: Final = {"s": "Small", "m": "Medium", "l": "Large"}
_SORT_WORDS = {"-": "largest first", "": "smallest first"}
_SIGNS = {Op.EQ: "=", Op.NOT: "≠", Op.GT: ">", Op.GTE: "≥", Op.LT: "<", Op.LTE: "≤", Op.IN: "=", Op.CONTAINS: "has"}


@dataclass(frozen=True)
class Links:
    """Addresses of the grid of a dictionary, for a request that is changed."""

    slug: str
    asked: Asked
    called: Called

    def to(self, asked: Asked) -> str:
        """The page that a request asks for, with the selection."""
        return urls.concepts(self.slug, (*asked.pairs, *asked.selected))

    def but(self, **changed: object) -> str:
        """The first page of the request with some of its parts changed."""
        return self.to(replace(self.asked, cursor="", **changed))  # type: ignore[arg-type]

    def chips(self) -> tuple[Chip, ...]:
        """The filters in words, one for each value of a list, each with the address that removes it."""
        found = [pair for one in self.asked.query.conditions for pair in self._chips_of(one)]
        if self.asked.query.q:
            found.append((f"text “{self.asked.query.q}”", self.but(query=replace(self.asked.query, q=""))))
        return tuple(Chip(label=label, remove_url=url) for label, url in found)

    def _chips_of(self, one: Condition) -> list[tuple[str, str]]:
        if one.op is not Op.IN or one.column == "id":
            return [(condition_words(one, self.called), self.to(self.asked.but(less=(one,))))]
        found = []
        for value in one.values:
            left = join_values(other for other in one.values if other != value)
            rest = (Condition(one.column, Op.IN, left),) if left else ()
            words = condition_words(Condition(one.column, Op.EQ, value), self.called)
            found.append((words, self.to(self.asked.but(less=(one,), more=rest))))
        return found

    def bands(self) -> tuple[Choice, ...]:
        """The bands that sprites show."""
        now = self.asked.band
        return tuple(
            Choice(
                key=band.value,
                label=BANDS[band].label,
                url=self.to(replace(self.asked, band=band)),
                current=now is band,
                title=BANDS[band].definition,
            )
            for band in SPRITE_BANDS
        )

    def views(self) -> tuple[Choice, ...]:
        """Cards or table."""
        return _choices(VIEWS, VIEW_WORDS, self.asked.view, url_for=lambda key: self._keeping(view=key, show=()))

    def sizes(self) -> tuple[Choice, ...]:
        """Sizes of cards."""
        return _choices(SIZES, SIZE_WORDS, self.asked.size or "m", url_for=lambda key: self._keeping(size=key))

    def _keeping(self, **changed: object) -> str:
        """The request with some of its parts changed, still at its page."""
        asked = replace(self.asked, **changed)  # type: ignore[arg-type]
        return urls.concepts(self.slug, asked.whole)

    def page_sizes(self) -> tuple[Choice, ...]:
        """How many there are on a page."""
        texts = {str(n): str(n) for n in PAGE_SIZES}
        return _choices(tuple(texts), texts, str(self.asked.limit), url_for=lambda key: self.but(limit=int(key)))

    def sorts(self, *, universal: bool) -> tuple[Choice, ...]:
        """The usual orders, and the one at hand."""
        current = self.asked.query.sort_text
        usual = (*SORTS, *STREAM_SORTS) if universal else SORTS
        return tuple(self._sort(key) for key in (usual if current in usual else (current, *usual)))

    def sort_url(self, text: str) -> str:
        """The request in another order."""
        return self.but(query=replace(self.asked.query, sort=_parsed_sort(text)))

    def _sort(self, text: str) -> Choice:
        query = replace(self.asked.query, sort=_parsed_sort(text))
        words = sort_words(query).removeprefix("sorted by ")
        is_current = query.sort == self.asked.query.sort
        return Choice(key=text, label=words[0].upper() + words[1:], url=self.sort_url(text), current=is_current)

    def selection(self, opened: Opened) -> SelectionView:
        """The concepts that are ticked, and where they can be taken."""
        ids = tuple(opened.atlas.check(concept) for concept in self.asked.select)
        return SelectionView(
            ids=ids,
            names=tuple(_full_name(opened, concept) for concept in ids),
            form_url=urls.concepts(self.slug),
            lists_url=urls.concepts_on_list(self.slug),
            kept=(*self.asked.pairs, *((("cursor", self.asked.cursor),) if self.asked.cursor else ())),
            links=self._selection_links(ids),
            most=SELECT_MAX,
            clear_url=self._keeping(select=()),
        )

    def _selection_links(self, ids: Sequence[int]) -> tuple[SelectionLink, ...]:
        text = ",".join(map(str, ids))

        def link(
            key: str, label: str, address: Callable[[str], str], *, least: int = 1, most: int = SELECT_MAX
        ) -> SelectionLink:
            url = address(text) if least <= len(ids) <= most else ""
            return SelectionLink(key=key, label=label, url=url, template=address(SELECTED), least=least, most=most)

        def data(form: str) -> Callable[[str], str]:
            return lambda text: urls.api_dictionaries(self.slug, "concepts", query={"id__in": text, "format": form})

        return (
            link("compare", "Compare", lambda chosen: urls.beside(self.slug, {"c": chosen}), least=2, most=4),
            link("map", "Show on map", lambda chosen: urls.map_page(self.slug, {"select": chosen}), most=MOST_ON_MAP),
            link("csv", "CSV", data("csv")),
            link("json", "JSON", data("json")),
        )


def _choices(
    keys: tuple[str, ...], words: Mapping[str, str], current: str, *, url_for: Callable[[str], str]
) -> tuple[Choice, ...]:
    return tuple(Choice(key=key, label=words[key], url=url_for(key), current=key == current) for key in keys)


def _full_name(opened: Opened, concept: int) -> str:
    name = concept_name(opened, concept)
    return name if name == f"#{concept}" else f"{name} #{concept}"


def condition_words(one: Condition, called: Called) -> str:
    """A filter as its chip says it."""
    if one.column == "badge" and one.op in (Op.EQ, Op.NOT):
        return one.text if one.op is Op.EQ else f"not {one.text}"
    if one.column == "id" and one.op is Op.IN:
        return f"{len(one.values):,} chosen by index"
    if one.op is Op.ISNULL:
        return f"{label_of(one.column)} is {'absent' if one.wants_null else 'present'}"
    return f"{label_of(one.column)} {_SIGNS[one.op]} {called.value(one.column, one.text)}"


def sort_words(query: Query) -> str:
    """The order in words: sorted by importance, largest first."""
    keys = [(label_of(key.column), _SORT_WORDS["-" if key.descending else ""]) for key in query.sort]
    return "sorted by " + ", then by ".join(f"{label[0].lower()}{label[1:]}, {way}" for label, way in keys)


def label_of(column: str) -> str:
    """What a column is called, by its name in queries."""
    return COLUMN_LABELS[column]


def _parsed_sort(text: str) -> tuple[SortKey, ...]:
    return parse_query([("sort", text)]).sort
