"""What a metric says about its number."""

from dataclasses import dataclass, replace
from typing import Literal

Better = Literal["higher", "lower", "neither"]

HELD_OUT = "Measured on the tokens of held-out images, which the dictionary has never seen."


@dataclass(frozen=True)
class Metric:
    """A number's meaning. ``low`` and ``high`` bound its range; None is without bound."""

    key: str
    label: str
    definition: str
    unit: str = ""
    low: float | None = 0.0
    high: float | None = 1.0
    better: Better = "neither"
    null: str | None = None
    """Key of the metric that gives the same number for something that knows nothing."""


_NULLS = {
    "random_atoms": ("random atoms", "the same for as many atoms of norm 1 in random directions."),
    "data_atoms": ("token atoms", "the same for as many atoms that are training tokens, less the mean, at norm 1."),
    "permuted": (
        "permuted codes",
        "the same after the codes of each concept were moved to tokens drawn at random, each concept on its own; "
        "densities stay as they are.",
    ),
}


def beside(metric: Metric, *kinds: str) -> tuple[Metric, ...]:
    """A metric and its nulls ``<key>_<kind>``, the first of which it is shown beside unless it names another."""
    nulls = []
    for kind in kinds:
        name, said = _NULLS[kind]
        nulls.append(
            replace(
                metric,
                key=f"{metric.key}_{kind}",
                label=f"{metric.label}, {name}",
                definition=f"Null of {metric.label}: {said}",
                better="neither",
                null=None,
            )
        )
    return replace(metric, null=metric.null or nulls[0].key), *nulls
