"""One concept and its evidence."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from conceptoscope.arrays import Floats, heat_of, read_npy
from conceptoscope.asking import Ask, Plan, get
from conceptoscope.examples import Examples
from conceptoscope.label import Label
from conceptoscope.pictures import from_pixels, open_picture, overlaid
from conceptoscope.resource import D, Resource, call
from conceptoscope.views import (
    CommentView,
    ConceptCard,
    ConceptClassRow,
    ConceptStreams,
    ConceptView,
    Elsewhere,
    HistogramView,
    NeighborList,
    PixelBox,
    PositionView,
)

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Histogram:
    """Codes by size: ``counts[i]`` lie in ``[edges[i], edges[i + 1])``, ``n_zero`` are 0."""

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    n_zero: int
    view: HistogramView


class Concept(ConceptCard, Resource[D]):
    """A concept with its scalar columns as attributes; methods ask for its evidence."""

    dictionary: str
    """Slug of its dictionary."""

    def __init__(self, data: dict[str, Any], driver: D, *, dictionary: str) -> None:
        super().__init__(data)
        self._set(_driver=driver, dictionary=dictionary)

    def _part(self, *parts: object, **query: object) -> Ask:
        return get("dictionaries", self.dictionary, "concepts", self.as_json["id"], *parts, **query)

    @call
    def detail(self, *, band: str = "top") -> Plan[ConceptView]:
        """Everything that its page shows, with the examples of one band."""
        return (yield from self._record(self._part(band=band), ConceptView))

    @call
    def examples(self, band: str = "top", *, limit: int = 16) -> Plan[Examples[D]]:
        """Examples of a band: top, q99, q95, q75, q50, random or near_miss."""
        return (yield from self._examples(band, limit))

    @call
    def heat(self, band: str = "top", *, limit: int = 16) -> Plan[Floats]:
        """Codes of each example's patches, float32 ``[n h w]``."""
        return (yield from self._examples(band, limit)).heat()

    def _examples(self, band: str, limit: int) -> Plan[Examples[D]]:
        data = yield from self._data(self._part("examples", band=band, limit=limit, include="heat"))
        return Examples(data, self._driver)

    @call
    def histogram(self, of: str = "patch") -> Plan[Histogram]:
        """Its codes over patches (``patch``), or its peaks over images (``image_max``)."""
        view = yield from self._record(self._part("histogram", of=of), HistogramView)
        return Histogram(np.array(view.edges), np.array(view.counts, dtype=np.int64), view.n_zero, view)

    @call
    def position(self) -> Plan[Floats]:
        """Its mean map over the collection: codes, float32 ``[h w]``; stored in 255 steps."""
        view = yield from self._record(self._part("position"), PositionView)
        return heat_of(view.map, view.scale)

    @call
    def atom(self) -> Plan[Floats]:
        """Its atom, float32 ``[d]`` of norm 1, in the directions of raw activations."""
        return read_npy((yield from self._ask(self._part("atom.npy"))).content)

    @call
    def neighbors(self, by: str | None = None, *, limit: int = 20) -> Plan[tuple[NeighborList, ...]]:
        """Near concepts, by kind: decoder, coactivation, examples, antipodal; all four, or one."""
        return (yield from self._records(self._part("neighbors", by=by, limit=limit), NeighborList))

    @call
    def classes(self) -> Plan[tuple[ConceptClassRow, ...]]:
        """Its answer to each class of the collection."""
        return (yield from self._records(self._part("classes"), ConceptClassRow))

    @call
    def streams(self, *, band: str = "top", limit: int = 6) -> Plan[ConceptStreams]:
        """Itself in each model of a universal dictionary, on the same photos."""
        return (yield from self._record(self._part("streams", band=band, limit=limit), ConceptStreams))

    @call
    def alignments(self) -> Plan[tuple[Elsewhere, ...]]:
        """What answers to it in each dictionary that its own is aligned with."""
        return (yield from self._record(self._part(), ConceptView)).elsewhere

    @call
    def labels(self) -> Plan[tuple[Label[D], ...]]:
        """What people call it, best first, removed ones last."""
        return tuple(Label(row, self._driver) for row in (yield from self._data(self._part("labels"))))

    @call
    def add_label(self, text: str) -> Plan[Label[D]]:
        """Call it so; where a label says so already, this is a vote for it."""
        ask = Ask("POST", self._part("labels").path, json={"text": text}, repeatable=True)
        return Label((yield from self._data(ask)), self._driver)

    @call
    def comments(self) -> Plan[tuple[CommentView, ...]]:
        """What people say of it, oldest first."""
        return (yield from self._records(self._part("comments"), CommentView))

    @call
    def add_comment(self, text: str) -> Plan[CommentView]:
        """Say something of it."""
        return (yield from self._record(Ask("POST", self._part("comments").path, json={"text": text}), CommentView))

    @call
    def sprite(self, *, overlay: bool = False) -> "Plan[Image.Image | None]":
        """Crops of its strongest examples, three by three, with heat over them; None when it never fires."""
        if self.links.sprite is None:
            return None
        picture = open_picture((yield from self._ask(Ask("GET", self.links.sprite))).content).convert("RGB")
        if not overlay or self.links.sprite_heat is None:
            return picture
        grey = open_picture((yield from self._ask(Ask("GET", self.links.sprite_heat))).content).convert("L")
        whole = PixelBox({"x": 0, "y": 0, "width": picture.width, "height": picture.height})
        return from_pixels(overlaid(np.asarray(picture), heat_of(np.asarray(grey).tolist(), 1.0), seen=whole))
