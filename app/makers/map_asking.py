"""What the address of a map asks for: colours and sizes, what is in view, what is filtered and selected."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.mapping.places import LARGEST, ZOOM_MAX, Polygon, Window
from app.params import Param, is_whole
from app.site import Opened
from app.words import numbers
from store.atlas.grammar import BadQuery, Fault, Query, parse_query
from store.vocabulary import Layout

DEFAULT_COLOUR: Final = "cluster"
MOST_CHOSEN: Final = 300
MOST_CORNERS: Final = 64
_PLACE: Final = {"type": "number", "minimum": 0, "maximum": LARGEST}
_ZOOM: Final = {"type": "number", "minimum": 1, "maximum": ZOOM_MAX}
LAYOUT: Final = Param(
    "layout",
    "What makes concepts lie together: atoms (their direction) or firing (the patches on which they fire).",
    choices=tuple(Layout),
    default=Layout.ATOMS,
)
OWN: Final = (
    LAYOUT,
    Param("colour", "Column that colours: cluster, class, badge, or a number.", default=DEFAULT_COLOUR),
    Param("size", "Number that sizes; none without."),
    Param("x", "Centre of what is in view; the middle without.", schema=_PLACE),
    Param("y", "The same downwards.", schema=_PLACE),
    Param("zoom", "How many times nearer than the whole.", default="1", schema=_ZOOM),
    Param("select", "Selected concepts, at most 300: 3,7."),
    Param("area", "Instead, what lies inside x.y of 3 to 64 corners and meets the filter: 0.0,900.0,900.800."),
    Param("photos", "Crops on the map.", choices=("auto", "off"), default="auto"),
)
WHOLE: Final = Window()
_NAMES: Final = tuple(param.name for param in OWN)


@dataclass(frozen=True)
class AskedMap:
    """A parsed request for a map."""

    query: Query
    layout: Layout = Layout.ATOMS
    colour: str = DEFAULT_COLOUR
    size: str = ""
    window: Window = WHOLE
    select: tuple[int, ...] = ()
    area: Polygon | None = None
    photos: str = "auto"

    @property
    def look(self) -> tuple[tuple[str, str], ...]:
        """How the map is drawn; defaults left out."""
        colour = "" if self.colour == DEFAULT_COLOUR else self.colour
        photos = "" if self.photos == "auto" else self.photos
        return tuple(pair for pair in (("colour", colour), ("photos", photos), ("size", self.size)) if pair[1])

    @property
    def lies(self) -> tuple[tuple[str, str], ...]:
        """The layout; nothing for the first."""
        return () if self.layout is Layout.ATOMS else (("layout", self.layout.value),)

    @property
    def choice(self) -> tuple[tuple[str, str], ...]:
        """The selection."""
        if self.area is not None:
            return (("area", self.area.text),)
        return (("select", ",".join(map(str, self.select))),) if self.select else ()

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The canonical parameters of this request."""
        return (*self.query.pairs, *self.lies, *self.look, *self.window.pairs, *self.choice)

    def with_query(self, query: Query) -> "AskedMap":
        """The same map under another filter."""
        return replace(self, query=query)

    def with_layout(self, layout: Layout, *, chosen: Sequence[int]) -> "AskedMap":
        """All of another layout, with these concepts selected: places and corners mean nothing there."""
        return replace(self, layout=layout, window=WHOLE, area=None, select=tuple(chosen[:MOST_CHOSEN]))


def ask_map(pairs: Sequence[tuple[str, str]], opened: Opened, *, other: tuple[str, ...] = ()) -> AskedMap:
    """What the parameters of a map ask for; raises ``BadQuery`` with every fault."""
    faults: list[Fault] = []
    own = {name: value.strip() for name, value in pairs if name in _NAMES and value.strip()}
    query = Query()
    try:
        query = parse_query(pairs, other=(*_NAMES, *other))
    except BadQuery as fault:
        faults += fault.faults
    known = numbers(universal=opened.atlas.is_universal)
    asked = AskedMap(
        query=query,
        layout=_layout(own.get("layout", Layout.ATOMS), opened, faults),
        colour=_column("colour", own.get("colour", DEFAULT_COLOUR), known=colours_of(opened), faults=faults),
        size=_column("size", own["size"], known=known, faults=faults) if "size" in own else "",
        window=_window(own, faults),
        select=_select(own.get("select", ""), opened, faults),
        area=_area(own.get("area", ""), faults),
        photos=_column("photos", own.get("photos", "auto"), known=("auto", "off"), faults=faults),
    )
    if faults:
        raise BadQuery(*faults)
    return asked


def read_layout(value: str, opened: Opened) -> Layout:
    """The layout of that name; raises ``BadQuery`` where the atlas has no places for it."""
    faults: list[Fault] = []
    layout = _layout(value, opened, faults)
    if faults:
        raise BadQuery(*faults)
    return layout


def colours_of(opened: Opened) -> tuple[str, ...]:
    """Columns that can colour the map."""
    words = ("cluster", "class", "badge", *(("main_stream",) if opened.atlas.is_universal else ()))
    return (*words, *numbers(universal=opened.atlas.is_universal))


def chosen_ids(opened: Opened, asked: AskedMap) -> list[int] | None:
    """The selected concepts from the most important on; None without a selection."""
    if asked.area is None and not asked.select:
        return None
    table = opened.concepts
    if asked.area is None:
        inside = np.isin(np.arange(table.n), asked.select)
    else:
        inside = asked.area.holds(*table.places(asked.layout)) & table.mask(asked.query)
    order = table.select(Query())
    return [int(concept) for concept in order[inside[order]]]


def _layout(value: str, opened: Opened, faults: list[Fault]) -> Layout:
    there = opened.concepts.layouts
    if value in there:
        return Layout(value)
    told = f"'layout' cannot be '{value}'."
    if value in set(Layout):
        slug = opened.entry.slug
        told = f"This atlas has no places by '{value}': index its dictionary again (conceptoscope atlas {slug})."
    faults.append(Fault("layout", told, tuple(there)))
    return Layout.ATOMS


def _column(name: str, value: str, *, known: tuple[str, ...], faults: list[Fault]) -> str:
    if value not in known:
        faults.append(Fault(name, f"'{name}' cannot be '{value}'.", known))
    return value


def _window(own: dict[str, str], faults: list[Fault]) -> Window:
    whole = WHOLE
    bounds = {"x": (0.0, float(LARGEST), whole.x), "y": (0.0, float(LARGEST), whole.y), "zoom": (1.0, ZOOM_MAX, 1.0)}
    values = {}
    for name, (low, high, default) in bounds.items():
        values[name] = default
        try:
            value = float(own[name]) if name in own else default
        except ValueError:
            value = np.nan
        if low <= value <= high:
            values[name] = value
        else:
            faults.append(Fault(name, f"'{name}' is a number from {low:g} to {high:g}, not '{own[name]}'."))
    return Window(**values)


def _select(text: str, opened: Opened, faults: list[Fault]) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    last = opened.atlas.n_concepts - 1
    bad = [part for part in parts if not is_whole(part) or int(part) > last]
    if bad:
        faults.append(Fault("select", f"There is no concept '{bad[0]}': this dictionary has 0 to {last}."))
        return ()
    if len(parts) > MOST_CHOSEN:
        faults.append(Fault("select", f"'select' holds at most {MOST_CHOSEN} concepts, not {len(parts)}."))
    return tuple(dict.fromkeys(int(part) for part in parts))


def _area(text: str, faults: list[Fault]) -> Polygon | None:
    if not text:
        return None
    corners = [tuple(part.split(".")) for part in text.split(",")]
    fine = all(len(corner) == 2 and all(is_whole(one) and int(one) <= LARGEST for one in corner) for corner in corners)
    if not fine or not 3 <= len(corners) <= MOST_CORNERS:
        said = f"'area' has 3 to {MOST_CORNERS} corners x.y from 0 to {LARGEST}, as 0.0,900.0,900.800."
        faults.append(Fault("area", said))
        return None
    return Polygon(tuple((float(x), float(y)) for x, y in corners))
