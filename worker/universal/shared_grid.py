"""One grid for several streams: each stream's patches are averaged over the cells of the part that all of them see."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from store.errors import InvalidInput
from store.grid import Grid, Window, seen_by_all


def shared_grid(grids: dict[str, Grid], *, rows: int | None = None, cols: int | None = None) -> Grid:
    """The grid that is asked for, or the fewest rows and the fewest columns of all streams.

    Raises ``InvalidInput`` where a stream has no arrangement of places, or fewer rows or columns than are asked for.
    """
    for name, grid in grids.items():
        if grid.n_patches < 2:
            raise InvalidInput(
                f"The stream {name} has one patch for the whole photo, so its tokens cannot be brought to the places "
                "of the others; read the model at an earlier layer."
            )
    fewest = Grid(min(grid.rows for grid in grids.values()), min(grid.cols for grid in grids.values()))
    wanted = Grid(rows or fewest.rows, cols or fewest.cols)
    for name, grid in grids.items():
        if wanted.rows > grid.rows or wanted.cols > grid.cols:
            raise InvalidInput(
                f"The stream {name} has a grid of {grid.rows}x{grid.cols} and cannot be resampled to the finer "
                f"{wanted.rows}x{wanted.cols}; ask for at most {fewest.rows}x{fewest.cols}, or extract it from a "
                "larger input."
            )
    return wanted


def overlaps(n_cells: int, n_patches: int, *, start: float, stop: float) -> Float[Tensor, "cells patches"]:
    """Shares of patches in cells along one axis, each row with the sum 1.

    Patches tile [0, 1] evenly and cells tile [start, stop], a part of it. Entry (c, p) is the length that cell c and
    patch p have in common over the length of the cell: the average over the cell of what is constant on patches.
    """
    cells = torch.linspace(start, stop, n_cells + 1, dtype=torch.float64)
    patches = torch.linspace(0.0, 1.0, n_patches + 1, dtype=torch.float64)
    low = torch.maximum(cells[:-1, None], patches[None, :-1])
    high = torch.minimum(cells[1:, None], patches[None, 1:])
    common = (high - low).clamp_min(0.0)
    return (common / common.sum(dim=1, keepdim=True)).float()


@dataclass(frozen=True)
class Resampler:
    """Brings the patches of one stream to the shared grid, photo by photo, by area."""

    window: Window
    grid: Grid
    windows: tuple[Window, ...]
    """Those of all streams: what they see in common is what the shared grid tiles."""
    shared: Grid

    def weights(self, width: int, height: int) -> tuple[Tensor, Tensor]:
        """For a photo of that size: rows ``[r h]`` and columns ``[c w]`` of ``overlaps``."""
        return _weights(self, width, height)

    def __call__(self, patches: Float[Tensor, "n hw d"], sizes: Sequence[tuple[int, int]]) -> Float[Tensor, "n rc d"]:
        """``out[n, (r c)] = sum_hw Y[r h] X[c w] patches[n, (h w)]``; ``sizes`` are (width, height) of the photos."""
        pairs = [self.weights(*size) for size in sizes]
        ys, xs = (torch.stack(of_axis).to(patches.device) for of_axis in zip(*pairs, strict=True))
        maps = patches.float().view(len(patches), self.grid.rows, self.grid.cols, -1)
        narrowed = torch.einsum("ncw,nhwd->nhcd", xs, maps)
        return torch.einsum("nrh,nhcd->nrcd", ys, narrowed).flatten(1, 2)


@lru_cache(maxsize=4096)
def _weights(resampler: Resampler, width: int, height: int) -> tuple[Tensor, Tensor]:
    own = resampler.window.seen(width, height)
    common = seen_by_all(resampler.windows, width=width, height=height)
    ys = overlaps(
        resampler.shared.rows,
        resampler.grid.rows,
        start=(common.top - own.top) / own.height,
        stop=(common.bottom - own.top) / own.height,
    )
    xs = overlaps(
        resampler.shared.cols,
        resampler.grid.cols,
        start=(common.left - own.left) / own.width,
        stop=(common.right - own.left) / own.width,
    )
    return ys, xs
