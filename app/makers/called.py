"""What values are called whose own name says nothing to people: lists by their ids, clusters by their numbers."""

from functools import cached_property

from app.mapping.atlas import Chart
from app.mapping.clusters import Named
from app.mapping.drawings import Drawings
from app.site import Opened
from app.words import LABEL_SOURCES


class Called:
    """The words for values of columns of one dictionary; clusters are named when one is first asked for."""

    def __init__(self, opened: Opened, drawings: Drawings) -> None:
        self._opened, self._drawings = opened, drawings
        self._lists = {one.uid: one.title for one in opened.lists}

    def value(self, column: str, value: str) -> str:
        """What a value of a column is called."""
        if column == "label_source" and value in LABEL_SOURCES:
            return LABEL_SOURCES[value].label
        if column == "cluster":
            return cluster_name(self._clusters[value]) if value in self._clusters else value
        return self._lists.get(value, value) if column == "list" else value

    def evidence(self, column: str, value: str) -> str:
        """What the name comes from, where it was found and not given."""
        return self._clusters[value].evidence if column == "cluster" and value in self._clusters else ""

    @cached_property
    def _clusters(self) -> dict[str, Named]:
        overlay = self._opened.overlay
        chart = Chart(self._opened.atlas, self._opened.concepts, self._drawings)
        return {str(number): one for number, one in chart.named(overlay.texts, stamp=overlay.stamp).items()}


def cluster_name(one: Named) -> str:
    """A cluster's name with its number, since several may have the same: fruits · 5; cluster 7."""
    return one.name if one.reason is None else f"{one.name} · {one.cluster}"
