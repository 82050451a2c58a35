"""What people call a concept."""

from typing import Any

from conceptoscope.asking import Ask, Plan, address
from conceptoscope.resource import D, Resource, call
from conceptoscope.views import LabelView


class Label(LabelView, Resource[D]):
    """A label as it was seen. Changing it raises ``PreconditionFailed`` when somebody was faster."""

    def __init__(self, data: dict[str, Any], driver: D) -> None:
        super().__init__(data)
        self._set(_driver=driver)

    @call
    def edit(self, text: str) -> Plan["Label[D]"]:
        """The label with another text; the present one stays in its history."""
        return (yield from self._changed("PATCH", json={"text": text}))

    @call
    def remove(self) -> Plan["Label[D]"]:
        """The label, taken back."""
        return (yield from self._changed("DELETE"))

    @call
    def vote(self, value: int) -> Plan["Label[D]"]:
        """The label after a vote for (1) or against (-1) the text that was seen; 0 takes it back."""
        body = {"value": value, "revision": self.revision}
        return self._anew((yield from self._data(Ask("PUT", address("labels", self.id, "vote"), json=body))))

    def _changed(self, method: str, json: Any = None) -> Plan["Label[D]"]:
        ask = Ask(method, address("labels", self.id), json=json, headers={"If-Match": self.etag}, repeatable=False)
        return self._anew((yield from self._data(ask)))

    def _anew(self, data: dict[str, Any]) -> "Label[D]":
        return Label(data, self._driver)
