"""Measured numbers beside what gives them meaning."""

from pydantic import Field

from app.views.base import Number, View
from app.views.plots import Gauge


class Rank(View):
    """Where a number stands among the dictionaries of the same model, layer and collection."""

    place: int = Field(description="1 + the number of dictionaries whose value is strictly better: 1 = best")
    of: int = Field(description="how many dictionaries have the number, this one among them")
    tied: int = Field(0, description="how many others have exactly this value")


class NullValue(View):
    """What the same number is where nothing was learned."""

    label: str
    value: float
    definition: str


class Scored(Number):
    """A measured number with its group and its rank."""

    group: str = Field(description="key of its group")
    rank: Rank | None = Field(None, description="absent where neither is better, or no other dictionary has it")
    nulls: tuple[NullValue, ...] = Field((), description="all its nulls; ``null`` is the first")
    gauge: Gauge | None = Field(None, exclude=True, description="the value on its range, beside null and peers")


class MetricGroup(View):
    """Measured numbers of one kind; nulls stand beside what they are the null of, not as rows of their own."""

    key: str
    title: str
    definition: str
    numbers: tuple[Scored, ...]
