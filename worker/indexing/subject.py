"""What an atlas is made of: everything in which the atlases of different dictionaries differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from store.collection import Collection
from store.grid import Grid, Window
from worker.activations import ActivationStore
from worker.dictionaries.base import Dictionary
from worker.indexing.scan import Shards
from worker.indexing.streams import StreamViews
from worker.models.base import LinearHead


@dataclass(frozen=True)
class Subject:
    """What is scanned, and how it is shown."""

    dictionary: Dictionary
    read: Callable[[], Shards]
    """All images with the tokens that the dictionary encodes."""
    collection: Collection
    grid: Grid
    windows: Sequence[Window]
    """The part of a photo that all of them show is what the grid tiles."""
    streams: Sequence[dict[str, Any]]
    """Rows of the ``stream`` table."""
    inputs: dict[str, str]
    """Digests, and what else the request is made from."""
    facts: dict[str, Any]
    """For the ``meta`` table, beside the facts that every atlas has: metrics, history, titles."""
    head: LinearHead | None = None
    """What follows the layer, where it is only a mean over these tokens and a linear map."""
    views: StreamViews | None = None
    """What the streams of a universal dictionary are besides, of which ``dictionary`` is the mean."""


def stream_row(store: ActivationStore, grid: Grid, *, stream: int) -> dict[str, Any]:
    """A model and layer as a row of ``stream``."""
    geometry, window = store.geometry, store.window
    return {
        "stream": stream,
        "is_mean": False,
        "model": store.model,
        "layer": store.layer,
        "width": geometry.width,
        "grid_rows": grid.rows,
        "grid_cols": grid.cols,
        "n_class": geometry.n_class,
        "n_register": geometry.n_register,
        "height_px": window.height_px,
        "width_px": window.width_px,
        "fit": window.fit.value,
        "crop_ratio": window.crop_ratio,
    }


def mean_row(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All streams together as stream 0."""
    none = {"n_class": 0, "n_register": 0, "height_px": None, "width_px": None, "fit": None, "crop_ratio": None}
    named = {name: " + ".join(row[name] for row in rows) for name in ("model", "layer")}
    width = sum(row["width"] for row in rows)
    return rows[0] | none | named | {"stream": 0, "is_mean": True, "width": width}
