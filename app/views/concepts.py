"""Concepts as chips and cards."""

from pydantic import Field

from app.views.base import Links, View
from store.vocabulary import Source


class ConceptLinks(Links):
    """A concept's addresses. ``sprite``, ``crop`` and their heats are None for a concept that never fires."""

    sprite: str | None = Field(description="3 x 3 crops of its top examples, WebP, square")
    sprite_heat: str | None = Field(description="heat of the same crops, grey PNG, 255 = the concept's max")
    crop: str | None = Field(description="the crop of its first top example alone, WebP, 96 px square")
    crop_heat: str | None = Field(description="heat of that crop, grey PNG, 255 = the concept's max")


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
    firing_x: int | None
    firing_y: int | None
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
