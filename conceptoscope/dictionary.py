"""One dictionary of concepts."""

from typing import Any, ClassVar

from conceptoscope.arrays import Floats, atoms_of, read_tensors
from conceptoscope.asking import Ask, Plan, get
from conceptoscope.concept import Concept
from conceptoscope.image import Image
from conceptoscope.pages import Collection
from conceptoscope.record import Record
from conceptoscope.resource import D, Resource, call
from conceptoscope.views import (
    ClassCard,
    ClassConcept,
    ClassView,
    ColumnStatistics,
    ConceptView,
    CrossR2,
    DictionaryCard,
    DictionaryView,
    Facets,
    StreamsView,
)


class Dictionary(DictionaryCard, Resource[D]):
    """A dictionary with its headline numbers as attributes. ``d[12]`` is a concept."""

    def __init__(self, data: dict[str, Any], driver: D) -> None:
        super().__init__(data)
        self._set(_driver=driver)

    def _part(self, *parts: object, **query: object) -> Ask:
        return get("dictionaries", self.as_json["slug"], *parts, **query)

    @call
    def detail(self) -> Plan[DictionaryView]:
        """Everything that its page shows: metrics, spec, provenance, warnings."""
        return (yield from self._record(self._part(), DictionaryView))

    @call
    def metrics(self) -> Plan[Record]:
        """``metrics``: every number with definition, null, rank; ``history``: of the training."""
        return (yield from self._record(self._part("metrics"), Record))

    def concepts(self, **query: object) -> Collection[D, Concept[D]]:
        """Concepts that meet a query: ``sort="-importance"``, ``density__gte=1e-4``, ``badge__not="dead"``.

        ``class_`` stands for ``class``; sequences are comma lists (``id__in=[3, 5]``).
        """
        return Collection(self._driver, self._part("concepts", **query), make=self._concept)

    @call
    def concept(self, index: int) -> Plan[Concept[D]]:
        """One concept, by its index."""
        return (yield from self._get(index))

    @call
    def __getitem__(self, index: int) -> Plan[Concept[D]]:
        return (yield from self._get(index))

    __iter__: ClassVar[None] = None
    """``for k in d`` would ask for one concept after the other; ``d.concepts()`` asks for pages."""

    def _get(self, index: int) -> Plan[Concept[D]]:
        view = yield from self._record(self._part("concepts", index), ConceptView)
        return self._concept(view.as_json["card"])

    def _concept(self, card: dict[str, Any]) -> Concept[D]:
        return Concept(card, self._driver, dictionary=self.slug)

    @call
    def statistics(self, /, **query: object) -> Plan[tuple[ColumnStatistics, ...]]:
        """Histogram of each numeric column, over all concepts or those that meet a query."""
        return (yield from self._records(self._part("statistics", **query), ColumnStatistics))

    @call
    def facets(self, /, **query: object) -> Plan[Facets]:
        """Counts per class and warning, each under the query's other conditions."""
        return (yield from self._record(self._part("facets", **query), Facets))

    def images(self, **query: object) -> Collection[D, Image[D]]:
        """Images that serve as evidence: ``class_="tench"``, ``split="held_out"``."""
        return Collection(self._driver, self._part("images", **query), make=self._image)

    def _image(self, card: dict[str, Any]) -> Image[D]:
        return Image(card, self._driver, dictionary=self.slug)

    def classes(self, **query: object) -> Collection[D, ClassCard]:
        """Classes that the model predicts, or the collection's: with ``of="collection"``, or where none are known."""
        return Collection(self._driver, self._part("classes", **query), make=ClassCard)

    @call
    def predicted(self, output: int, *, by: str | None = None, against: int | None = None) -> Plan[ClassView]:
        """A class that the model predicts, by its number among the outputs: concepts, sum, curves, near classes."""
        return (yield from self._record(self._part("classes", output, by=by, against=against), ClassView))

    def predicted_by(self, output: int, **query: object) -> Collection[D, ClassConcept]:
        """The concepts that matter for a predicted class: ``sort="-importance"``."""
        return Collection(
            self._driver, self._part("classes", output, "concepts", **query), make=ClassConcept, inside="concepts"
        )

    @call
    def streams(self) -> Plan[StreamsView]:
        """The models that it reads; of a universal one also what they share."""
        return (yield from self._record(self._part("streams"), StreamsView))

    @call
    def cross_r2(self) -> Plan[tuple[CrossR2, ...]]:
        """R2 of each of its models from each; empty for a dictionary of one model."""
        return (yield from self._records(self._part("cross_r2"), CrossR2))

    @call
    def decoder(self) -> Plan[Floats]:
        """Its atoms, float32 ``[K d]``, each of norm 1, in the directions of raw activations."""
        reply = yield from self._ask(self._part("atoms.safetensors"))
        return atoms_of(read_tensors(reply.content))
