"""The concept grid: cards, table, filters, selection."""

from pydantic import Field

from app.views.base import Choice, Number, Paging, View
from app.views.concept import ExampleRow
from app.views.concepts import ConceptCard, Stat


class Chip(View):
    """An applied filter in words, with the address that removes it."""

    label: str
    remove_url: str


class RangeFilter(View):
    """A numeric column: how it is spread over the whole dictionary and under all other filters, and its two fields.

    ``edges [n + 1]``, ``totals [n]``, ``counts [n]``; an edge is a number that no value lies on, so a range of bins,
    taken as bounds, keeps exactly what it counts.
    """

    key: str
    label: str
    unit: str
    definition: str
    log: bool
    min: float | None = Field(description="smallest value in the dictionary")
    max: float | None
    edges: tuple[float, ...]
    totals: tuple[int, ...] = Field(description="concepts per bin in the whole dictionary")
    counts: tuple[int, ...] = Field(description="concepts per bin that all other filters keep")
    n_outside: int = Field(description="concepts without a value, or with 0 on a logarithmic axis")
    low_name: str = Field(description="name of the lower field, for example density__gte")
    high_name: str = Field(description="name of the upper field, for example density__lte")
    low: str = Field(description="what the lower field holds; empty when unset")
    high: str
    is_set: bool
    is_open: bool = Field(description="whether it is unfolded before anybody touches it")
    outline: str = Field(description="path of the totals in a box of 10 n by 40 units", exclude=True)
    filled: str = Field(description="path of the counts in the same box", exclude=True)
    says: str = Field(description="the drawing in a sentence")


class ValueFilter(View):
    """A column of words: its values with counts under all other filters, any number of which can be chosen."""

    key: str = Field(description="column")
    label: str
    name: str = Field(description="name of its boxes, for example class__in")
    values: tuple[Choice, ...] = Field(
        description="the chosen and the most frequent; ``key`` is the parameter's value, ``url`` toggles it"
    )
    n_values: int = Field(description="how many values there are in the dictionary")
    n_chosen: int
    find_url: str = Field(description="fragment with the values that a text occurs in; empty when all are shown")
    all_url: str = Field(description="page of all values")
    map_url: str = Field(description="the same concepts on the map, coloured by this column; empty where it has none")
    is_open: bool


class SelectionLink(View):
    """Where the selected concepts can be taken; ``template`` is the address with SELECTED in place of their ids.

    ``url`` is empty where there are fewer or more than it takes.
    """

    key: str
    label: str
    url: str
    template: str
    least: int
    most: int


class SelectionView(View):
    """The concepts that are ticked."""

    ids: tuple[int, ...]
    names: tuple[str, ...]
    form_url: str = Field(description="the grid: GET with ``select`` once per box")
    lists_url: str = Field(description="POST puts them on a list")
    kept: tuple[tuple[str, str], ...] = Field(description="all other parameters of the grid: hidden inputs")
    links: tuple[SelectionLink, ...]
    most: int = Field(description="how many can be ticked")
    clear_url: str


class TableColumn(View):
    """A column of the table; its heading sorts, the other way when it is followed again."""

    key: str
    label: str
    unit: str
    definition: str
    is_number: bool
    sort_url: str | None
    order: str = Field(description="ascending, descending or empty")


class Spark(View):
    """The peaks of a concept's images, drawn small in a box of ``width`` by 16 units; counts by their logarithm."""

    path: str
    width: int
    says: str


class Column(View):
    """A column that can be shown."""

    key: str
    label: str
    is_shown: bool


class ShownView(View):
    """One page of what the filters leave: ``concepts/_turned.html`` as a fragment."""

    summary: str = Field(description="for the live region: '812 concepts, sorted by importance, largest first'")
    total: int
    view: str = Field(description="cards or table")
    size: str = Field(description="size of cards: s, m, l, or empty where the visitor's last choice holds")
    cards: tuple[ConceptCard, ...]
    shown: tuple[Stat, ...] = Field(description="the two numbers that each card shows")
    columns: tuple[TableColumn, ...] = Field(description="of the table; empty in the other view")
    sparks: dict[int, Spark] = Field(description="by concept; silent ones have none", exclude=True)
    chips: tuple[Chip, ...]
    clear_url: str = Field(description="the grid without filters")
    paging: Paging
    page_url: str = Field(description="this very result as a page")
    selection: SelectionView


class GridView(ShownView):
    """The concept grid: ``concepts/page.html``, and ``concepts/_results.html`` as a fragment."""

    dictionary: str
    dictionary_title: str
    n_concepts: int = Field(description="concepts in the dictionary, unfiltered")
    views: tuple[Choice, ...]
    sizes: tuple[Choice, ...]
    choosable: tuple[Column, ...] = Field(description="all columns that can be shown")
    band: str = Field(description="band of the sprites: top, q50 or random")
    bands: tuple[Choice, ...]
    sort: str = Field(description="current value of the sort parameter, for example -importance")
    sorts: tuple[Choice, ...] = Field(description="key is the value of the sort parameter")
    ranges: tuple[RangeFilter, ...]
    values: tuple[ValueFilter, ...]
    hide_dead: Choice = Field(description="toggles badge__not=dead; key is the parameter's value")
    q: str
    pairs: tuple[tuple[str, str], ...] = Field(description="all parameters, without the cursor", exclude=True)
    kept: tuple[tuple[str, str], ...] = Field(
        description="parameters without a field of their own in the filter form: hidden inputs"
    )
    form_url: str = Field(description="action of the filter form (GET)")
    form_fragment_url: str = Field(description="the same for hx-get; answers with HX-Push-Url")
    map_url: str = Field(description="the same concepts on the map, all others dimmed")
    tables: tuple[Choice, ...] = Field(description="all that matches, as a file of each data format")
    lists_url: str = Field(description="POST puts all that matches on a list; empty where nobody may write")
    lists: tuple[Choice, ...] = Field(description="lists that there are")
    most_on_list: int


class PeekView(View):
    """A concept in a panel beside the grid: ``concepts/_peek.html``."""

    card: ConceptCard
    numbers: tuple[Number, ...]
    examples: ExampleRow
    may_write: bool


class ValuesView(View):
    """All values of a column of words: ``concepts/values.html``, and ``concepts/_values.html`` as a fragment."""

    key: str
    label: str
    name: str
    find: str = Field(description="text that each of them has in it")
    values: tuple[Choice, ...]
    n_values: int
    n_left_out: int
    form_url: str
    kept: tuple[tuple[str, str], ...]
    grid_url: str
