"""Lists of concepts that people make."""

from collections.abc import Mapping
from typing import Any

from conceptoscope.asking import Ask, Plan, address, get
from conceptoscope.concept import Concept
from conceptoscope.pages import Collection
from conceptoscope.record import Record, free
from conceptoscope.resource import D, Resource, call
from conceptoscope.session import json_of
from conceptoscope.views import ItemView, ListBrief

Member = Concept[Any] | ItemView | tuple[str, int]
"""A concept, a member of a list, or ``(slug, index)``."""


class ConceptList(ListBrief, Resource[D]):
    """A list as it was seen. Changing title or note raises ``PreconditionFailed`` when somebody was faster."""

    def __init__(self, data: dict[str, Any], driver: D) -> None:
        super().__init__(data)
        self._set(_driver=driver)

    @call
    def refresh(self) -> Plan["ConceptList[D]"]:
        """The list as it is now."""
        return self._anew((yield from self._data(get("lists", self.id, limit=1))))

    def items(self, **query: object) -> Collection[D, ItemView]:
        """Its members, in order."""
        return Collection(self._driver, get("lists", self.id, **query), make=ItemView, inside="items")

    @call
    def edit(self, *, title: str | None = None, note: str | None = None) -> Plan["ConceptList[D]"]:
        """The list with another title or note; what is left out stays."""
        body = {name: text for name, text in (("title", title), ("note", note)) if text is not None}
        return self._anew((yield from self._data(self._change("PATCH", json=body))))

    @call
    def add(self, concept: Member, *, note: str | None = None, position: int | None = None) -> Plan[ItemView]:
        """Put a concept on it, last or at a position from 0. One that is on it gets the note, the position, or both."""
        return (yield from self._record(self._item("PUT", concept, note=note, position=position), ItemView))

    @call
    def edit_note(self, item: ItemView, note: str) -> Plan[ItemView]:
        """Write over a member's note as it was seen; raises ``PreconditionFailed``."""
        return (yield from self._record(self._item("PUT", item, seen=item.etag, note=note), ItemView))

    @call
    def take_off(self, concept: Member) -> Plan[None]:
        """Take a concept off it; one that is not on it is off it."""
        yield from self._ask(self._item("DELETE", concept))

    @call
    def export(self) -> Plan[tuple[Record, ...]]:
        """All members with dictionary, index, label, note and addresses, in one answer."""
        reply = yield from self._ask(get("lists", self.id, "items.json"))
        found: tuple[Record, ...] = free(json_of(reply))
        return found

    @call
    def csv(self) -> Plan[str]:
        """The same as a table."""
        return (yield from self._ask(get("lists", self.id, "items.csv"))).content.decode()

    @call
    def remove(self) -> Plan[None]:
        """Remove it with its notes, for good; raises ``PreconditionFailed``."""
        yield from self._ask(self._change("DELETE"))

    def _change(self, method: str, json: Mapping[str, object] | None = None) -> Ask:
        """A change of what was seen: sent twice it would be refused the second time."""
        seen = {"If-Match": self.etag}
        return Ask(method, address("lists", self.id), json=json, headers=seen, repeatable=False)

    def _item(self, method: str, concept: Member, *, seen: str = "", **body: object) -> Ask:
        path = address("lists", self.id, "items", _member(concept))
        json = {name: value for name, value in body.items() if value is not None} if method == "PUT" else None
        return Ask(method, path, json=json, headers={"If-Match": seen} if seen else {}, repeatable=not seen)

    def _anew(self, data: dict[str, Any]) -> "ConceptList[D]":
        return ConceptList(data["card"], self._driver)


def _member(concept: Member) -> str:
    """``SLUG:INDEX``; of a dictionary that the server does not show its digest stands for the slug."""
    if isinstance(concept, tuple):
        return f"{concept[0]}:{concept[1]}"
    if isinstance(concept, Concept):
        return f"{concept.dictionary}:{concept.id}"
    return f"{concept.dictionary or concept.dictionary_digest}:{concept.index}"
