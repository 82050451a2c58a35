"""Concepts in a grid: chips, cards, filters."""

from pydantic import Field

from app.views.base import Choice, Links, Paging, View
from app.views.plots import BarChart
from store.vocabulary import Source


class ConceptLinks(Links):
    """A concept's addresses. ``sprite`` and ``sprite_heat`` are None for a concept that never fires."""

    sprite: str | None = Field(description="3 x 3 crops of its top examples, WebP, square")
    sprite_heat: str | None = Field(description="heat of the same crops, grey PNG, 255 = the concept's max")


class ConceptChip(View):
    """A concept in little: for neighbours, strips, mosaics, lists."""

    id: int = Field(description="index in the dictionary")
    name: str = Field(description="label, or #id")
    label: str | None = Field(description="people's best label, or else the seed; None when there is none")
    label_source: Source | None = Field(description="human, import (a program) or seed (guessed from classes)")
    density: float | None
    importance: float | None
    max: float | None
    top_class: str | None
    n_crops: int = Field(description="crops in the sprite, 0 to 9", exclude=True)
    sprite_alt: str = Field(description="alt text of the sprite", exclude=True)
    links: ConceptLinks


class ConceptCard(ConceptChip):
    """A concept with all its scalar columns, absent ones None; units and meaning in the glossary."""

    image_coverage: float | None
    n_images: int
    mean: float | None
    mean_active: float | None
    energy: float | None
    purity: float | None
    position_entropy: float | None
    spatial_size: float | None
    q50: float | None
    q75: float | None
    q95: float | None
    q99: float | None
    badges: tuple[str, ...]
    map_x: int | None
    map_y: int | None
    cluster: int | None
    firing_entropy: float | None
    firing_jaccard: float | None
    stream_correlation: float | None
    stream_correlation_held_out: float | None
    main_stream: str | None


class Stat(View):
    """A column that each card shows: ``card[stat.key]`` by Jinja gives the value."""

    key: str
    label: str
    unit: str
    definition: str
    url: str = Field(description="entry in the glossary")


class Chip(View):
    """An applied filter in words, with the address that removes it."""

    label: str
    remove_url: str
    remove_fragment_url: str


class RangeFilter(View):
    """A numeric column with its distribution over the whole dictionary and the two fields that limit it."""

    key: str
    label: str
    unit: str
    definition: str
    min: float | None = Field(description="smallest value in the dictionary")
    max: float | None
    low_name: str = Field(description="name of the lower field, for example density__gte")
    high_name: str = Field(description="name of the upper field, for example density__lte")
    low: str = Field(description="what the lower field holds; empty when unset")
    high: str
    open: bool = Field(description="whether it is set")
    plot: BarChart


class GridView(View):
    """The concept grid: ``concepts/page.html``, and ``concepts/_results.html`` as a fragment."""

    dictionary: str
    dictionary_title: str
    summary: str = Field(description="for the live region: '812 concepts, sorted by importance, largest first'")
    total: int
    n_concepts: int = Field(description="concepts in the dictionary, unfiltered")
    cards: tuple[ConceptCard, ...]
    shown: tuple[Stat, ...] = Field(description="the two columns that each card shows")
    band: str = Field(description="band of the sprites: top, q50 or random")
    bands: tuple[Choice, ...]
    chips: tuple[Chip, ...]
    clear_url: str = Field(description="the grid without filters")
    sort: str = Field(description="current value of the sort parameter, for example -importance")
    sorts: tuple[Choice, ...] = Field(description="key is the value of the sort parameter")
    ranges: tuple[RangeFilter, ...]
    streams: tuple[Choice, ...] = Field(
        description="parameter main_stream, like classes; empty but for a universal dictionary"
    )
    classes: tuple[Choice, ...] = Field(
        description="parameter class; n under the other filters; url toggles it; empty without classes"
    )
    badges: tuple[Choice, ...] = Field(description="parameter badge; n under the other filters; url toggles it")
    hide_dead: Choice = Field(description="toggles badge__not=dead; key is the parameter's value")
    q: str
    kept: tuple[tuple[str, str], ...] = Field(
        description="parameters without a field of their own in the filter form: hidden inputs"
    )
    form_url: str = Field(description="action of the filter form (GET)")
    form_fragment_url: str = Field(description="the same for hx-get; answers with HX-Push-Url")
    paging: Paging
    fragment_url: str = Field(description="this very result as a fragment")
    page_url: str = Field(description="this very result as a page")
