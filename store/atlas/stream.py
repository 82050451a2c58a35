"""The streams of an atlas: what a dictionary reads, with its token geometry."""

from dataclasses import dataclass
from typing import Any

from store.grid import Grid, Window
from store.vocabulary import Fit


@dataclass(frozen=True)
class Stream:
    """A model and layer that the dictionary reads, with its token geometry; or all of them together."""

    stream: int
    is_mean: bool
    model: str
    layer: str
    width: int
    grid: Grid
    n_class: int
    n_register: int
    window: Window | None
    """None of all streams together."""

    @property
    def name(self) -> str:
        """As ``concept.main_stream`` has it."""
        return f"{self.model}:{self.layer}"


def make_stream(row: dict[str, Any]) -> Stream:
    """A row of the table ``stream``."""
    return Stream(
        stream=row["stream"],
        is_mean=row["is_mean"],
        model=row["model"],
        layer=row["layer"],
        width=row["width"],
        grid=Grid(row["grid_rows"], row["grid_cols"]),
        n_class=row["n_class"],
        n_register=row["n_register"],
        window=None if row["is_mean"] else _window(row),
    )


def _window(row: dict[str, Any]) -> Window:
    return Window(row["height_px"], row["width_px"], Fit(row["fit"]), row["crop_ratio"])
