"""What an alignment says of each of its two dictionaries: names, size, and the geometry of their maps."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from store.grid import Grid, Window
from store.vocabulary import Fit


class Side(StrEnum):
    """The two dictionaries of an alignment; ``a`` has the smaller digest."""

    A = "a"
    B = "b"

    @property
    def other(self) -> "Side":
        """The opposite side."""
        return Side.B if self is Side.A else Side.A


@dataclass(frozen=True)
class SideFacts:
    """A dictionary of an alignment, and the model and layer that it reads."""

    dictionary: str
    activations: str
    model: str
    layer: str
    n_concepts: int
    grid: Grid
    window: Window

    def as_json(self) -> dict[str, Any]:
        """As the ``meta`` table keeps it."""
        window = self.window
        return {
            "dictionary": self.dictionary,
            "activations": self.activations,
            "model": self.model,
            "layer": self.layer,
            "n_concepts": self.n_concepts,
            "grid": {"rows": self.grid.rows, "cols": self.grid.cols},
            "window": {
                "height_px": window.height_px,
                "width_px": window.width_px,
                "fit": window.fit.value,
                "crop_ratio": window.crop_ratio,
            },
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The same again."""
        grid, window = value["grid"], value["window"]
        return cls(
            dictionary=value["dictionary"],
            activations=value["activations"],
            model=value["model"],
            layer=value["layer"],
            n_concepts=value["n_concepts"],
            grid=Grid(grid["rows"], grid["cols"]),
            window=Window(window["height_px"], window["width_px"], Fit(window["fit"]), window["crop_ratio"]),
        )
